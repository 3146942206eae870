"""Server-Sent Events, written straight to the ASGI channel: no generator, shared bytes, slow readers cut."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.gateway.feed.live import Live
from services.gateway.feed.view import View
from shared import telemetry

_HEARTBEAT = b": heartbeat\n\n"
_HEARTBEAT_S = 15.0
_SLOW_S = 30.0
_RETRY = b"retry: 1500\n\n"
_HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class _Slow(Exception):
    """The reader did not take what was written."""


class EventStream(Response):
    """Everything after `cursor` that the view shows, as it comes, until the stream rotates or the process stops."""

    def __init__(  # no super().__init__: there is no body to render
        self,
        live: Live,
        view: View,
        *,
        cursor: int,
        rotation_s: float,
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
        self._lives_s = rotation_s * random.uniform(0.9, 1.1)  # noqa: S311 - spreads reconnects, hides nothing
        self._heartbeat_s = heartbeat_s
        self._slow_s = slow_s
        self._gone = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI has it
        wake = asyncio.Event()
        watcher = asyncio.create_task(self._watch(receive, wake), name="event stream watcher")
        with telemetry.SSE_CLIENTS.track_inprogress(), self._live.waiting(wake):
            try:
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                await self._write(send, _RETRY)
                await self._run(send, wake)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            except _Slow:
                return  # an unfinished answer makes the server close the connection
            finally:
                watcher.cancel()

    async def _watch(self, receive: Receive, wake: asyncio.Event) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        wake.set()

    async def _run(self, send: Send, wake: asyncio.Event) -> None:
        now = asyncio.get_running_loop().time
        ends_at = now() + self._lives_s
        beat_at = now() + self._heartbeat_s
        while not (self._gone or self._live.closed or now() >= ends_at):
            wake.clear()
            chunk = await self._live.chunk(self._view, self._cursor)
            self._cursor = chunk.cursor
            if chunk.frames or now() >= beat_at:
                await self._write(send, chunk.frames or _HEARTBEAT)
                beat_at = now() + self._heartbeat_s
            if not chunk.more:
                await _woken(wake, until=min(beat_at, ends_at))

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
