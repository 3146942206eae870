"""Test mode beside the live one: an installation of its own below the same folder, with a clock that may be moved."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from services.embedded import embedded
from services.gateway.clock import MovableClock
from services.installation import DataFolder
from shared import telemetry
from shared.web.problems import problem

_HEADER = b"qsmo-mode"
_FOLDER = "test"


class Modes:
    """An ASGI app in front of a live installation. What says `QSMO-Mode: test` goes to the other, begun when first asked for.

    Both take the same tokens; they share nothing else.
    """

    def __init__(self, live: FastAPI, folder: DataFolder, *, url: str, starter: bool) -> None:
        self._live = live
        self._folder = folder
        self._url = url
        self._starter = starter
        self._begun: asyncio.Future[FastAPI] | None = None
        self._running: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or (_HEADER, b"test") not in scope["headers"]:
            await self._live(scope, receive, send)  # which refuses any other mode
            return

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (_HEADER, b"test")]
            await send(message)

        try:
            app = await asyncio.shield(self._test())
        except Exception:  # noqa: BLE001 - the process edge: the live installation is useful without it
            telemetry.logger("modes").exception("test_mode_failed")
            refusal = problem(Request(scope, receive), 503, "Test mode could not be begun; the server's log says why.")
            await refusal(scope, receive, send_marked)
            return
        await app(scope, receive, send_marked)

    def at_once(self, server: Any) -> bool:
        """As `shared.web.server` asks for. What names a mode is never answered at once."""
        answer = getattr(self._live.state, "at_once", None)
        return answer is not None and not self._live.state.closing.is_set() and bool(answer(server))

    def _test(self) -> asyncio.Future[FastAPI]:
        failed = self._begun is not None and self._begun.done() and self._begun.exception() is not None
        if self._begun is None or failed:
            self._begun = asyncio.get_running_loop().create_future()
            self._running = asyncio.create_task(self._run(self._begun), name="test mode")
        return self._begun

    async def _run(self, begun: asyncio.Future[FastAPI]) -> None:
        """In a task of its own: who asked first may be gone long before it ends."""
        folder = DataFolder(self._folder.path / _FOLDER)
        try:
            clock = clock_of(folder.path)
            async with embedded(folder, url=self._url, starter=self._starter, clock=clock, issuer=self._folder.issuer) as app:
                begun.set_result(app)
                await self._ending.wait()
        except Exception as error:  # noqa: BLE001 - belongs to who waits
            if begun.done():
                telemetry.logger("modes").exception("test_mode_ended")
            else:
                begun.set_exception(error)

    def end_streams(self) -> None:
        """Of both, so that the server can stop."""
        self._live.state.closing.set()
        if self._begun is not None and self._begun.done() and self._begun.exception() is None:
            self._begun.result().state.closing.set()

    async def close(self) -> None:
        self._ending.set()
        if self._running is not None:
            await self._running


def clock_of(folder: Path) -> MovableClock:
    """As far ahead as it was when the installation was served last."""
    kept = folder / "clock.json"
    try:
        ahead_s = float(orjson.loads(kept.read_bytes())["ahead_s"])
    except FileNotFoundError:
        ahead_s = 0.0

    def keep(ahead: timedelta) -> None:
        made = kept.with_suffix(".new")
        made.write_bytes(orjson.dumps({"ahead_s": ahead.total_seconds()}))
        made.replace(kept)

    return MovableClock(ahead=timedelta(seconds=ahead_s), keep=keep)
