"""Server-Sent Events: at the head of the feed together with others, behind it or too slow for it by oneself."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Any

from opentelemetry.trace import SpanKind
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.gateway.feed.fanout import Connection, Fanout, Member, connection_of
from services.gateway.feed.live import Live
from services.gateway.feed.view import View
from shared import telemetry, tracing

_HEARTBEAT = b": heartbeat\n\n"
_HEARTBEAT_S = 15.0
_SLOW_S = 30.0
# The others are about to be where this stream is, or the other way round.
_JOIN_AGAIN_S = 0.001
_RETRY = b"retry: 1500\n\n"
_HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class _Slow(Exception):
    """The reader did not take what was written."""


class EventStream(Response):
    """Everything after `cursor` that the view shows, as it comes, until the stream rotates or the process stops.

    Behind a door that takes bodies over (`qsmo.handed_over` in the scope) only the head is sent here: an open stream then
    holds nothing of the request's way through the application.
    """

    def __init__(  # no super().__init__: there is no body to render
        self,
        live: Live,
        view: View,
        *,
        cursor: int,
        rotation_s: float,
        fanout: Fanout | None = None,
        heartbeat_s: float = _HEARTBEAT_S,
        slow_s: float = _SLOW_S,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers({**_HEADERS, **(headers or {})})
        self._live = live
        self._view = view
        self._cursor = cursor
        self._fanout = fanout
        self._lives_s = rotation_s * random.uniform(0.9, 1.1)  # noqa: S311 - spreads reconnects, hides nothing
        self._heartbeat_s = heartbeat_s
        self._slow_s = slow_s
        self._gone = False
        self._opened_at_seq = live.last

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if (handed_over := scope.get("qsmo.handed_over")) is not None:
            handed_over.append(self)
            return
        await self.run(receive, send)

    async def run(self, receive: Receive, send: Send, *, server: Any = None) -> None:
        """The body. `server`: what the server writes this exchange with, if that is known."""
        ends_at = asyncio.get_running_loop().time() + self._lives_s
        connection = connection_of(server) if self._fanout is not None else None
        with telemetry.SSE_CLIENTS.track_inprogress():
            try:
                await self._write(send, _RETRY)
                while not self._over(ends_at):
                    await self._alone(receive, send, ends_at, until_head=connection is not None)
                    if connection is not None and not self._over(ends_at):
                        await self._among_others(receive, send, connection, ends_at)
                if not self._gone:
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
            except _Slow:
                # An unfinished answer makes the server close the connection, once all is sent: that may be never.
                if connection is not None:
                    connection.transport.abort()

    def _over(self, ends_at: float) -> bool:
        return self._gone or self._live.closed or asyncio.get_running_loop().time() >= ends_at

    async def _among_others(self, receive: Receive, send: Send, connection: Connection, ends_at: float) -> None:
        """Until it leaves them, or its client goes. Nothing but this waits for a stream at the head."""
        assert self._fanout is not None
        member: Member | None = self._fanout.join(self._view, connection, cursor=self._cursor, ends_at=ends_at)
        if member is None:
            await asyncio.sleep(_JOIN_AGAIN_S)
            return
        while not member.has_left:
            if (await receive())["type"] == "http.disconnect":
                self._gone = True
                self._fanout.leave(self._view, member)
        self._cursor = member.cursor
        if not self._over(ends_at):  # it was too slow: what waits in its connection has to go before anything is added
            await self._write(send, _HEARTBEAT)

    async def _alone(self, receive: Receive, send: Send, ends_at: float, *, until_head: bool) -> None:
        """At the reader's own pace; `until_head`: no longer than there is something to catch up with."""
        wake = asyncio.Event()
        watcher = asyncio.create_task(self._watch(receive, wake), name="event stream watcher")
        now = asyncio.get_running_loop().time
        beat_at = now() + self._heartbeat_s
        try:
            with self._live.waiting(wake):
                while not self._over(ends_at):
                    wake.clear()
                    chunk = await self._live.chunk(self._view, self._cursor)
                    # Who reads history has no part in how it came about.
                    traces = chunk.traces if self._cursor >= self._opened_at_seq else ()
                    self._cursor = chunk.cursor
                    if chunk.frames or now() >= beat_at:
                        with tracing.each("deliver", traces, kind=SpanKind.PRODUCER, streams=1, seq=chunk.cursor):
                            await self._write(send, chunk.frames or _HEARTBEAT)
                        beat_at = now() + self._heartbeat_s
                    if not chunk.more:
                        if until_head:
                            return
                        await _woken(wake, until=min(beat_at, ends_at))
        finally:
            watcher.cancel()

    async def _watch(self, receive: Receive, wake: asyncio.Event) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        wake.set()

    async def _write(self, send: Send, body: bytes) -> None:
        try:
            async with asyncio.timeout(self._slow_s):
                await send({"type": "http.response.body", "body": body, "more_body": True})
        except TimeoutError as err:
            raise _Slow from err


async def _woken(wake: asyncio.Event, *, until: float) -> None:
    try:
        async with asyncio.timeout_at(until):
            await wake.wait()
    except TimeoutError:
        return
