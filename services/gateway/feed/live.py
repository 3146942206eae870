"""The live edge of the feed: recent events in memory, shared by every reader of this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from services.gateway.feed.entry import Entry
from services.gateway.feed.reading import FeedReader
from services.gateway.feed.view import View
from shared import telemetry, tracing

_RING_ENTRIES = 10_000
_RING_BYTES = 64 << 20
_POLL_S = 0.075
_CHUNK_ENTRIES = 256
_CATCH_UP_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """Frames ready to be written, and the cursor after them."""

    frames: bytes
    cursor: int
    more: bool
    # What the delivery of these frames continues, where it is traced.
    traces: tuple[str, ...] = ()


class Live:
    """Recent entries and who waits for the next.

    The process that appends hands its entries over after the commit; others find them by polling while readers wait.
    """

    def __init__(self, reader: FeedReader, *, ring_entries: int = _RING_ENTRIES) -> None:
        self._reader = reader
        self._capacity = ring_entries
        self._ring: list[Entry] = []
        self._ring_bytes = 0
        self._last = 0
        self._waiting: set[asyncio.Event] = set()
        # Told of every entry this process learns of, in order, before anybody is woken.
        self.followers: list[Callable[[Sequence[Entry]], None]] = []
        self._poke = asyncio.Event()
        self._chunks: dict[tuple[int, View], Chunk] = {}
        self.closed = False

    @property
    def last(self) -> int:
        """The highest seq this process knows of."""
        return self._last

    async def start(self) -> None:
        self._last = (await self._reader.head()).seq

    async def run(self) -> None:
        """Follow the feed for as long as the process lives."""
        while not self.closed:
            await self._idle()
            await self.catch_up()

    async def _idle(self) -> None:
        """Until poked; with readers waiting, no longer than the polling interval."""
        self._poke.clear()
        try:
            async with asyncio.timeout(_POLL_S if self._waiting else None):
                await self._poke.wait()
        except TimeoutError:
            return

    async def catch_up(self) -> None:
        """Take in what the database has beyond `last`. Raises Unavailable."""
        while entries := await self._reader.rows_after(self._last, limit=_CATCH_UP_ROWS):
            self._take(entries)

    def committed(self, entries: Sequence[Entry]) -> None:
        """What this process has just appended; out of turn, it is read from the database instead."""
        if entries[0].seq == self._last + 1:
            self._take(entries)
        else:
            self._poke.set()

    def _take(self, entries: Sequence[Entry]) -> None:
        fresh = [entry for entry in entries if entry.seq > self._last]
        if not fresh:
            return
        self._ring.extend(fresh)
        self._ring_bytes += sum(len(entry.event) for entry in fresh)
        self._last = fresh[-1].seq
        self._trim()
        self._chunks.clear()
        telemetry.FEED_HEAD.set(self._last)
        for follower in self.followers:
            follower(fresh)
        self._wake_all()

    def _trim(self) -> None:
        """Down to the limits, a quarter at a time so that the cost is spread."""
        while len(self._ring) > self._capacity * 5 // 4 or (self._ring_bytes > _RING_BYTES and len(self._ring) > 1):
            cut = max(1, len(self._ring) // 4)
            self._ring_bytes -= sum(len(entry.event) for entry in self._ring[:cut])
            del self._ring[:cut]

    def _wake_all(self) -> None:
        for wake in self._waiting:
            wake.set()

    @contextmanager
    def waiting(self, wake: asyncio.Event) -> Iterator[None]:
        """`wake` is set whenever there is something new, and when the process is about to stop."""
        if not self._waiting:
            self._poke.set()
        self._waiting.add(wake)
        try:
            yield
        finally:
            self._waiting.discard(wake)

    def close(self) -> None:
        """No more waiting: every stream and long poll ends now."""
        self.closed = True
        self._poke.set()
        self._wake_all()

    async def chunk(self, view: View, cursor: int) -> Chunk:
        """What comes after the cursor for this view, from memory when it is recent. Encoded once for equal views."""
        key = (cursor, view)
        if (known := self._chunks.get(key)) is not None:
            return known
        entries = self._after(cursor)
        from_memory = entries is not None
        if entries is None:
            entries = await self._reader.rows_after(cursor, limit=_CHUNK_ENTRIES)
        if not entries:
            return Chunk(b"", cursor, more=False)
        reached = entries[-1].seq
        await self._reader.refresh_organizations(view, up_to=max(reached, self._last))
        organizations = self._reader.organizations
        shown = [entry for entry in entries if view.shows(entry, organizations)]
        frames = b"".join([entry.frame for entry in shown])
        made = Chunk(frames, reached, more=reached < self._last, traces=_traces(shown) if tracing.is_on() else ())
        if from_memory:
            self._chunks[key] = made
        return made

    def _after(self, cursor: int) -> list[Entry] | None:
        """Entries from the ring, or None for a cursor that lies before it."""
        if cursor >= self._last:
            return []
        if not self._ring or cursor + 1 < self._ring[0].seq:
            return None
        start = cursor + 1 - self._ring[0].seq
        return self._ring[start : start + _CHUNK_ENTRIES]


def _traces(entries: Sequence[Entry]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(trace for entry in entries if (trace := entry.traceparent) is not None))
