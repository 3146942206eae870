"""Stops a process so that nobody notices: it says so first, then serves on while those in front of it turn away."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_CLOSE = (b"connection", b"close")


class Draining:
    """Around an app that a server of its own runs.

    From SIGTERM on `app.state.closing` is set: `/readyz` says 503, event streams end, and every answer closes its connection,
    so that no proxy sends the next request on one that is about to go away. `seconds` later the server stops as it would have.
    SIGINT, or a second signal, stops it at once.
    """

    def __init__(self, app: FastAPI, *, seconds: float) -> None:
        self._app = app
        self._closing: asyncio.Event = app.state.closing
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            with _handling(self._handlers(asyncio.get_running_loop())):
                await self._app(scope, receive, send)
            return

        # For who writes to the server directly, as long as nothing has to be added to what is written.
        scope["qsmo.server"] = None if self._closing.is_set() else getattr(send, "__self__", None)

        async def send_last(message: Message) -> None:
            if message["type"] == "http.response.start" and self._closing.is_set():
                message["headers"] = [*message.get("headers", ()), _CLOSE]
            await send(message)

        try:
            await self._app(scope, receive, send_last)
        finally:
            scope.pop("qsmo.server", None)  # which holds the scope: left in it, both would wait for the collector

    def at_once(self, server: Any) -> bool:
        """As `shared.web.server` asks for."""
        answer: Callable[[Any], bool] | None = getattr(self._app.state, "at_once", None)
        return answer is not None and not self._closing.is_set() and answer(server)

    def _handlers(self, loop: asyncio.AbstractEventLoop) -> dict[signal.Signals, Callable[[int, FrameType | None], None]]:
        servers: dict[int, Any] = {number: signal.getsignal(number) for number in _SIGNALS}

        def stop(number: int, frame: FrameType | None = None) -> None:
            if callable(servers[number]):
                servers[number](number, frame)

        def handle(number: int, frame: FrameType | None) -> None:
            first = not self._closing.is_set()
            loop.call_soon_threadsafe(self._closing.set)
            if first and number == signal.SIGTERM and self._seconds:
                loop.call_soon_threadsafe(lambda: loop.call_later(self._seconds, stop, number))
            else:
                stop(number, frame)

        return dict.fromkeys(_SIGNALS, handle)


@contextmanager
def _handling(handlers: dict[signal.Signals, Callable[[int, FrameType | None], None]]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handle) for number, handle in handlers.items()}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
