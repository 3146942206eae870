"""A webhook receiver as others run them: a real HTTP server that remembers what came and answers as told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.unit.gateway.builders import served


@dataclass(frozen=True, slots=True)
class Received:
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        return dict(orjson.loads(self.body))

    @property
    def seq(self) -> int:
        return int(self.event["seq"])


@dataclass
class Receiver:
    """`answer` says per request: status, headers, seconds to wait."""

    url: str = ""
    got: list[Received] = field(default_factory=list)
    answer: Callable[[Received], tuple[int, dict[str, str], float]] = lambda _: (204, {}, 0.0)

    @property
    def seqs(self) -> list[int]:
        return [received.seq for received in self.got if "seq" in received.event]

    async def until(self, seqs: Sequence[int], *, timeout_s: float = 15) -> None:
        """Raises AssertionError with what came instead."""
        try:
            async with asyncio.timeout(timeout_s):
                while self.seqs != list(seqs):
                    await asyncio.sleep(0.005)
        except TimeoutError:
            raise AssertionError(f"expected {list(seqs)}, got {self.seqs}") from None

    async def count(self, count: int, *, timeout_s: float = 15) -> None:
        async with asyncio.timeout(timeout_s):
            while len(self.got) < count:
                await asyncio.sleep(0.005)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":  # cut before its end: nothing was delivered
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        received = Received({name.decode(): value.decode() for name, value in scope["headers"]}, body)
        status, headers, wait_s = self.answer(received)
        if wait_s:
            await asyncio.sleep(wait_s)
        self.got.append(received)
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def a_receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with served(receiver) as url:
        receiver.url = f"{url}/hook"
        yield receiver
