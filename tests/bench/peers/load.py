"""A generator of load: a few kept connections, each with one request under way, until the requests end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httptools

CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Measured:
    """`own_share`: of a core that the generator took. Near 1 it was the generator that was measured."""

    per_s: float
    answers: int
    own_share: float


class Connection(asyncio.Protocol):
    """Asks the next when the last is answered; `over` raises what was not as expected."""

    def __init__(self, requests: Iterator[bytes], status: int) -> None:
        self._requests = requests
        self._status = status
        self._parser: Any = None
        self._transport: Any = None
        self._body: list[bytes] = []
        self.answers = 0
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def go(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        request = next(self._requests, None)
        if request is not None:
            self._transport.write(request)
        elif not self.over.done():
            self.over.set_result(None)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        body, self._body = self._body, []
        if (found := self._parser.get_status_code()) != self._status:
            self._failed(f"{found} where {self._status} was expected: {b''.join(body)[:500]!r}")
            return
        self.answers += 1
        self.go()

    def connection_lost(self, exc: Exception | None) -> None:
        self._failed(f"the connection ended: {exc}")

    def _failed(self, why: str) -> None:
        if not self.over.done():
            self.over.set_exception(RuntimeError(why))

    def close(self) -> None:
        self._transport.close()


async def asked(port: int, requests: Iterator[bytes], *, status: int = 200) -> Measured:
    """Raises RuntimeError with an answer that has another status."""
    loop = asyncio.get_running_loop()
    connections = [Connection(requests, status) for _ in range(CONNECTIONS)]
    for connection in connections:
        await loop.create_connection(lambda made=connection: made, "127.0.0.1", port)  # type: ignore[misc] # cannot infer it
    begun, used = time.perf_counter(), time.process_time()
    for connection in connections:
        connection.go()
    await asyncio.gather(*(connection.over for connection in connections))
    took_s, own_s = time.perf_counter() - begun, time.process_time() - used
    for connection in connections:
        connection.close()
    answers = sum(connection.answers for connection in connections)
    return Measured(answers / took_s, answers, own_s / took_s)


def for_s(seconds: float, requests: Iterator[bytes]) -> Iterator[bytes]:
    """Until so long after the first."""
    until = time.perf_counter() + seconds
    for request in requests:
        if time.perf_counter() > until:
            return
        yield request
