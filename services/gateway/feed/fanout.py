"""Writes new events to all streams that stand at the same place, in one go, straight to their connections.

Through the layers of the application and the server each event would cost a task's turn and ten calls per stream.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field
from typing import Any, Protocol

from opentelemetry.trace import SpanKind

from services.gateway.feed.live import Live
from services.gateway.feed.view import View
from shared import tracing

_HEARTBEAT = b": heartbeat\n\n"
_SWEEP_S = 1.0
_AT_ONCE = 1_000
# What may wait in a connection before its stream leaves the others and goes at its own pace.
_PENDING_BYTES = 65_536
# What the system may hold for a client that reads nothing, beside what is under way: left to itself it takes megabytes.
_UNSENT_BYTES = 65_536
_NEEDED = ("transport", "chunked_encoding", "message_event")


class Connection(Protocol):
    """The server's side of one exchange: uvicorn's, with httptools.

    Setting `message_event` lets the exchange's `receive` return.
    """

    transport: asyncio.Transport
    chunked_encoding: bool | None
    message_event: asyncio.Event


def connection_of(found: Any) -> Connection | None:
    """What can be written to directly; None for any other server, whose streams go by ASGI alone."""
    if not all(hasattr(found, name) for name in _NEEDED):
        return None
    connection: Connection = found
    if connection.chunked_encoding is None:
        return None
    _bound(connection.transport)
    return connection


def _bound(transport: asyncio.Transport) -> None:
    """So that a slow client is known as one while little waits for it."""
    at = transport.get_extra_info("socket")
    if at is not None and at.family in {socket.AF_INET, socket.AF_INET6}:
        at.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)


@dataclass(slots=True, eq=False)
class Member:
    """A stream among others. When it `has_left` it has to go on by itself, from `cursor`."""

    connection: Connection
    ends_at: float
    cursor: int
    has_left: bool = False


@dataclass(slots=True)
class _Group:
    """Streams with the same view, all at `cursor`."""

    cursor: int
    beat_at: float
    members: dict[Member, None] = field(default_factory=dict)


class Fanout:
    """Who stands at the head of the feed, by view."""

    def __init__(self, live: Live, *, heartbeat_s: float) -> None:
        self._live = live
        self._heartbeat_s = heartbeat_s
        self._groups: dict[View, _Group] = {}
        self._wake = asyncio.Event()

    def join(self, view: View, connection: Connection, *, cursor: int, ends_at: float) -> Member | None:
        """None while the others are at another place: the stream goes on by itself and tries again."""
        group = self._groups.get(view)
        if group is None:
            beat_at = asyncio.get_running_loop().time() + self._heartbeat_s
            group = self._groups[view] = _Group(cursor, beat_at)
            self._wake.set()
        if group.cursor != cursor or self._live.closed:
            return None
        member = Member(connection, ends_at, cursor)
        group.members[member] = None
        return member

    def leave(self, view: View, member: Member) -> None:
        """Its client has gone."""
        group = self._groups.get(view)
        if group is not None:
            _leave(group, member, group.cursor)

    async def run(self) -> None:
        """For as long as the process lives."""
        while True:
            if not self._groups:  # there are some when this was started again after a failure
                await self._wake.wait()
            with self._live.waiting(self._wake):
                while self._groups:
                    self._wake.clear()
                    for view, group in tuple(self._groups.items()):
                        await self._serve(view, group)
                    self._sweep()
                    await self._idle()
            self._wake.clear()

    async def _idle(self) -> None:
        try:
            async with asyncio.timeout(_SWEEP_S):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _serve(self, view: View, group: _Group) -> None:
        now = asyncio.get_running_loop().time
        more = True
        while more and group.members:
            chunk = await self._live.chunk(view, group.cursor)
            # From here to the writing nobody can join in between: who joins later stands at the new cursor.
            group.cursor, more = chunk.cursor, chunk.more
            if chunk.frames:
                told = {"streams": len(group.members), "seq": chunk.cursor}
                with tracing.each("deliver", chunk.traces, kind=SpanKind.PRODUCER, **told):
                    await self._write(group, chunk.frames)
                group.beat_at = now() + self._heartbeat_s
        if now() >= group.beat_at:
            await self._write(group, _HEARTBEAT)
            group.beat_at = now() + self._heartbeat_s

    async def _write(self, group: _Group, frames: bytes) -> None:
        framed = b"%x\r\n%b\r\n" % (len(frames), frames)
        cursor = group.cursor
        for n, member in enumerate(tuple(group.members), start=1):
            if n % _AT_ONCE == 0:
                await asyncio.sleep(0)
            if member.has_left:
                continue
            transport = member.connection.transport
            if transport.is_closing():
                _leave(group, member, cursor)
                continue
            transport.write(framed if member.connection.chunked_encoding else frames)
            if transport.get_write_buffer_size() > _PENDING_BYTES:
                _leave(group, member, cursor)

    def _sweep(self) -> None:
        """Those that have lived long enough, and all when the process stops."""
        now = asyncio.get_running_loop().time()
        for view, group in tuple(self._groups.items()):
            for member in tuple(group.members):
                if self._live.closed or now >= member.ends_at:
                    _leave(group, member, group.cursor)
            if not group.members:
                del self._groups[view]


def _leave(group: _Group, member: Member, cursor: int) -> None:
    if member.has_left:
        return
    group.members.pop(member, None)
    member.cursor, member.has_left = cursor, True
    member.connection.message_event.set()
