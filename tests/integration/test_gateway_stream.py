from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import orjson
import pytest

from tests.unit.gateway.builders import Harness, a_gateway, an_event, append, served

RUNS = 200


@pytest.fixture
async def harness(database_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    # Clients that come back faster than the server notices that they went are no matter of limits here.
    async with a_gateway(database_url, tmp_path, streams_per_caller=1_000) as harness:
        yield harness


class Reader:
    """An event stream client that can be cut at any byte; keeps what came whole."""

    def __init__(self, url: str, *, after: int = 0) -> None:
        self._at = urlsplit(url)
        self._last: int | None = None
        self._after = after
        self.seen: list[int] = []

    async def run(self, *, stop_at: int, cut_after_bytes: int | None) -> None:
        """Until `stop_at` was seen or so many bytes came; then the connection is torn."""
        reader, writer = await asyncio.open_connection(self._at.hostname, self._at.port)
        resume = f"Last-Event-ID: {self._last}\r\n" if self._last is not None else ""
        path = f"/v1/events/stream?after={self._after}"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: gateway\r\n{resume}\r\n".encode())
        try:
            taken, buffer = 0, b""
            while not (self.seen and self.seen[-1] >= stop_at):
                wanted = 65_536 if cut_after_bytes is None else min(65_536, cut_after_bytes - taken)
                if wanted <= 0:
                    return
                chunk = await reader.read(wanted)
                if not chunk:
                    return
                taken += len(chunk)
                buffer = self._take(buffer + chunk)
        finally:
            writer.transport.abort()

    def _take(self, buffer: bytes) -> bytes:
        """Consume whole messages; HTTP's chunk heads are lines that belong to none."""
        *whole, rest = buffer.split(b"\n\n")
        for message in whole:
            fields = dict(line.split(b": ", 1) for line in message.split(b"\n") if b": " in line)
            if b"data" in fields:
                event = orjson.loads(fields[b"data"])
                assert event["seq"] == int(fields[b"id"])
                assert event["type"] == fields[b"event"].decode()
                self._last = event["seq"]
                self.seen.append(event["seq"])
        return rest


async def test_a_stream_cut_anywhere_and_resumed_has_every_event_exactly_once(harness: Harness) -> None:
    chance = random.Random(20260105)
    total = 1_200

    async def write() -> None:
        done = 0
        while done < total:
            size = min(chance.randint(1, 8), total - done)
            await append(harness.gateway, *(an_event() for _ in range(size)))
            done += size
            await asyncio.sleep(0.005)

    async with served(harness.app) as url:
        reader = Reader(url)
        writing = asyncio.create_task(write())
        async with asyncio.timeout(60):
            for _ in range(RUNS):
                await reader.run(stop_at=total, cut_after_bytes=chance.randint(1, 6_000))
            await writing
            await reader.run(stop_at=total, cut_after_bytes=None)

    assert reader.seen == list(range(1, total + 1))


async def test_a_cursor_older_than_what_is_in_memory_goes_on_without_a_seam(harness: Harness) -> None:
    harness.gateway.live._capacity = 50
    await append(harness.gateway, *(an_event() for _ in range(700)))
    async with served(harness.app) as url:
        reader = Reader(url)
        running = asyncio.create_task(reader.run(stop_at=1_400, cut_after_bytes=None))
        for _ in range(70):
            await append(harness.gateway, *(an_event() for _ in range(10)))
            await asyncio.sleep(0)
        async with asyncio.timeout(20):
            await running

    assert reader.seen == list(range(1, 1_401))


async def test_a_stream_without_a_cursor_begins_at_the_head(harness: Harness) -> None:
    await append(harness.gateway, an_event(), an_event())
    async with (
        served(harness.app) as url,
        httpx.AsyncClient(base_url=url, timeout=10) as client,
        client.stream("GET", "/v1/events/stream") as stream,
    ):
        lines = stream.aiter_lines()
        assert (await anext(lines)).startswith("retry:")
        await append(harness.gateway, an_event())
        found = [line async for line in _until_data(lines)]

    assert stream.headers["content-type"].startswith("text/event-stream")
    assert "id: 3" in found


async def _until_data(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    async for line in lines:
        yield line
        if line.startswith("data:"):
            return


@pytest.mark.parametrize("header", ["x", "-1", "1.5", "", "9" * 30, "\u0661"])
async def test_a_last_event_id_that_cannot_be_is_400(harness: Harness, header: str) -> None:
    async with harness.client() as client:
        answer = await client.get("/v1/events/stream", headers=[(b"last-event-id", header.encode())])

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_stream_shows_what_its_caller_may_see(harness: Harness) -> None:
    await append(harness.gateway, an_event(visibility="restricted", focus_area="cybersecurity"), an_event())
    async with served(harness.app) as url, httpx.AsyncClient(base_url=url, timeout=10) as client:
        for roles, first in (((), "id: 2"), (("qsmo:cybersecurity",), "id: 1")):
            headers = harness.headers(*roles)
            async with client.stream("GET", "/v1/events/stream", params={"after": 0}, headers=headers) as stream:
                found = [line async for line in _until_data(stream.aiter_lines())]
            assert first in found
            assert next(line for line in found if line.startswith("id:")) == first
