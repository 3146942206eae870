"""A service in this same process, asked as over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Message, Scope

from services.gateway.http1 import Broken, RawHeaders


class _Exchange:
    """One request and its answer, whole."""

    def __init__(self, *, body: AsyncIterator[bytes] | None, is_bodiless: bool) -> None:
        self._sending = body
        self._is_sent = False
        self._is_bodiless = is_bodiless
        self._is_answered = asyncio.Event()
        self._parts: list[bytes] = []
        self.status = 0
        self.headers: RawHeaders = []

    async def receive(self) -> Message:
        if self._is_sent:
            await self._is_answered.wait()
            return {"type": "http.disconnect"}
        chunk = None if self._sending is None else await anext(self._sending, None)
        if chunk is None:
            self._is_sent = True
            return {"type": "http.request", "body": b"", "more_body": False}
        return {"type": "http.request", "body": chunk, "more_body": True}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            if (body := message.get("body", b"")) and not self._is_bodiless:
                self._parts.append(body)
            if not message.get("more_body", False):
                self._is_answered.set()

    def over(self) -> None:
        """Nothing more comes. Raises Broken where an answer had begun."""
        if self.status and not self._is_answered.is_set():
            raise Broken("the service failed in the middle of an answer")
        self.status = self.status or 500
        self._is_answered.set()

    @property
    def is_at_hand(self) -> bool:
        return True

    @property
    def is_over(self) -> bool:
        return not self._parts

    async def part(self) -> bytes | None:
        found, self._parts = b"".join(self._parts), []
        return found or None

    async def close(self) -> None:
        """There is no connection."""


class InProcess:
    """Calls the app, without a lifespan; a fault of the app's is answered by 500."""

    def __init__(self, app: ASGIApp, *, name: str) -> None:
        self._app = app
        self._name = name

    async def open(self, method: str, target: bytes, *, headers: RawHeaders, body: AsyncIterator[bytes] | None) -> _Exchange:
        """As `services.gateway.http1.Transport.open`."""
        exchange = _Exchange(body=body, is_bodiless=method == "HEAD")
        with contextlib.suppress(Exception):  # the service has logged it, and usually answered
            await self._app(self._scope(method, target, headers), exchange.receive, exchange.send)
        exchange.over()
        return exchange

    def _scope(self, method: str, target: bytes, headers: RawHeaders) -> Scope:
        path, _, query = target.partition(b"?")
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "headers": [(b"host", self._name.encode()), *((name.lower(), value) for name, value in headers)],
            "scheme": "http",
            "path": unquote_to_bytes(path).decode("utf-8", "replace") if b"%" in path else path.decode("ascii", "replace"),
            "raw_path": path,
            "query_string": query,
            "server": (self._name, None),
            "client": ("127.0.0.1", 123),
            "root_path": "",
        }
        return scope

    async def close(self) -> None:
        """Who made the app ends it."""
