"""A consumer group's member on the embedded bus."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from shared.bus import embedded_group as groups
from shared.bus import embedded_log as log
from shared.bus.embedded_thread import DatabaseThread
from shared.bus.port import BusUnavailable, Delivery, MembershipLost

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Hub:
    """What the subscriptions of one process share."""

    writer: DatabaseThread
    reader: DatabaseThread
    members: set[EmbeddedSubscription] = field(default_factory=set)
    waiters: int = 0
    somebody_waits: asyncio.Event = field(default_factory=asyncio.Event)

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        self.waiters += 1
        self.somebody_waits.set()
        try:
            yield
        finally:
            self.waiters -= 1
            if not self.waiters:
                self.somebody_waits.clear()

    def wake(self, *, topics: Iterable[str] = (), group: str | None = None) -> None:
        for member in self.members:
            if member.membership.group == group or not member.topics.isdisjoint(topics):
                member.news.set()

    def wake_all(self) -> None:
        for member in self.members:
            member.news.set()


class EmbeddedSubscription:
    """Once lost it stays lost."""

    def __init__(self, hub: Hub, membership: groups.Membership, topics: Sequence[str]) -> None:
        self.membership = membership
        self.topics = frozenset(topics)
        self.news = asyncio.Event()
        self._hub = hub
        self._assignment: groups.Assignment | None = None
        self._turn = 0
        self._ended: str | None = None
        hub.members.add(self)

    async def fetch(self, *, max_messages: int, timeout_s: float) -> list[Delivery]:
        deadline = asyncio.get_running_loop().time() + timeout_s
        while True:
            self.news.clear()
            if found := await self._read(max_messages):
                return found
            try:
                async with asyncio.timeout_at(deadline):
                    with self._hub.waiting():
                        await self.news.wait()
            except TimeoutError:
                return []

    async def _read(self, limit: int) -> list[Delivery]:
        def read(connection: sqlite3.Connection) -> tuple[groups.Assignment, list[log.Slice]]:
            assignment = groups.current(connection, self.membership, self._assignment)
            cursors = assignment.cursors
            turn = self._turn % len(cursors) if cursors else 0
            return assignment, log.read(connection, [*cursors[turn:], *cursors[:turn]], limit)

        self._assignment, slices = await self._run(self._hub.reader, read)
        self._turn += 1
        # Positions move only here, so a cancelled fetch has read nothing.
        for piece in slices:
            piece.cursor.position = piece.end
        return [delivery for piece in slices for delivery in piece.deliveries]

    async def commit(self, next_offsets: Mapping[log.TopicPartition, int]) -> None:
        def commit(connection: sqlite3.Connection) -> None:
            groups.commit(connection, self.membership, self._assignment, next_offsets)

        await self._run(self._hub.writer, commit)

    async def lag(self) -> Mapping[tuple[str, int], int]:
        def lag(connection: sqlite3.Connection) -> tuple[groups.Assignment, dict[tuple[str, int], int]]:
            assignment = groups.current(connection, self.membership, self._assignment)
            return assignment, log.lag(connection, assignment.cursors)

        self._assignment, records = await self._run(self._hub.reader, lag)
        return records

    async def close(self) -> None:
        """A lost member keeps its place in the group, so that joining again under its name moves no partition."""
        if self._ended is None:
            self._ended = "the subscription is closed"
            with contextlib.suppress(BusUnavailable):
                left = self._hub.writer.submit(lambda connection: groups.leave(connection, self.membership))
                await asyncio.shield(left)
        self._hub.members.discard(self)
        self._hub.wake(group=self.membership.group)

    async def _run(self, thread: DatabaseThread, job: Callable[[sqlite3.Connection], T]) -> T:
        if self._ended is not None:
            raise MembershipLost(self._ended)
        try:
            return await asyncio.shield(thread.submit(job))
        except MembershipLost as lost:
            self._ended = lost.detail
            self._hub.members.discard(self)
            raise
