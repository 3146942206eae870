"""Webhooks to receivers that fail in every way there is, each for all of the schedule's nine waits, by a clock that jumps."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from services.gateway.webhooks.schedule import DELAYS_S
from tests.reliability.ledger import Outcome
from tests.unit.gateway.builders import Harness, SetClock, a_gateway, an_event, append

EVENTS = 200 if os.environ.get("QSMO_RELIABILITY_LONG") else 20
_TIMEOUT_S = 0.8
_TAKEN_S = 3.0 * EVENTS
_UNHINDERED_S = 0.75 * EVENTS
_NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


def saying(*parts: bytes, pause_s: float = 0.0) -> Behaviour:
    """These bytes, and then the end of the connection."""

    async def said(writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return said


def endlessly(part: bytes, *, first: bytes = b"", pause_s: float = 0.0) -> Behaviour:
    async def said(writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return said


async def reset(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


def refusing(status: int, *fields: bytes) -> Behaviour:
    return saying(b"HTTP/1.1 %d Refused\r\n%bcontent-length: 0\r\n\r\n" % (status, b"".join(f + b"\r\n" for f in fields)))


# What a receiver does instead of taking an event.
BEHAVIOURS: dict[str, Behaviour] = {
    "resets": reset,
    "hangs up": saying(),
    "is silent": saying(b"", pause_s=60),
    "talks of other things": saying(b"220 mail.example ESMTP\r\n"),
    "sends zeroes": endlessly(bytes(4_096)),
    "says its head byte by byte": endlessly(b"x", first=b"HTTP/1.1 204 ", pause_s=0.01),
    "will answer later, for ever": endlessly(b"HTTP/1.1 103 Early Hints\r\n\r\n", pause_s=0.01),
    "has a head without end": endlessly(b"x-more: " + b"x" * 4_000 + b"\r\n", first=b"HTTP/1.1 204 No Content\r\n"),
    "stops in the middle of 200": saying(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"),
    "says 200 and drips": endlessly(b"x", first=b"HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n", pause_s=0.01),
    "has chunks that are none": saying(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
    "has two lengths": saying(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"),
    "switches to another protocol": saying(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
    "refuses the token": refusing(401),
    "knows no such path": refusing(404),
    "wants less, at no time": refusing(429, b"retry-after: when you like"),
    "wants less, before now": refusing(429, b"retry-after: Thu, 01 Jan 1970 00:00:00 GMT"),
    "wants less, soon": refusing(503, b"retry-after: 1"),
    "is broken": refusing(500),
    "has a status of its own": refusing(999),
    "sends us on": refusing(307, b"location: {trap}"),
    "sends us on for good": refusing(308, b"location: {trap}"),
}


@dataclass
class Hostile:
    """Behaves as told for the first attempts, then takes everything."""

    name: str
    trap: str
    failing: int = len(DELAYS_S)
    attempts: int = 0
    taken: list[int] = field(default_factory=list)
    url: str = ""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            seq = await _asked(reader)
            self.attempts += 1
            if self.attempts <= self.failing:
                await BEHAVIOURS[self.name](_Placed(writer, self.trap))  # type: ignore[arg-type] # of a writer it is what is used
            else:
                self.taken.append(seq)
                writer.write(_NO_CONTENT)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


class _Placed:
    """A writer that knows where the trap is."""

    def __init__(self, writer: asyncio.StreamWriter, trap: str) -> None:
        self._trap = trap.encode()
        self.transport = writer.transport
        self.drain = writer.drain
        self._write = writer.write

    def write(self, data: bytes) -> None:
        self._write(data.replace(b"{trap}", self._trap))


async def _asked(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:-2])
    return int(orjson.loads(await reader.readexactly(int(fields[b"content-length"])))["seq"])


@asynccontextmanager
async def listening(receiver: Hostile) -> AsyncIterator[Hostile]:
    server = await asyncio.start_server(receiver, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield receiver
    finally:
        server.close()


@dataclass
class World:
    harness: Harness
    client: httpx.AsyncClient
    clock: SetClock
    hostile: dict[str, Hostile]  # by subscription
    good: Hostile

    async def next_attempts(self, failures: int) -> dict[str, datetime]:
        """When each is tried again, once each has failed so often."""
        found: dict[str, datetime] = {}
        async with asyncio.timeout(30):
            while len(found) < len(self.hostile):
                for shown in (await self.client.get("/v1/webhooks?limit=100")).json()["items"]:
                    if shown["id"] in self.hostile and shown["failures"] == failures:
                        found[shown["id"]] = datetime.fromisoformat(shown["next_attempt_at"])
                await asyncio.sleep(0.02)
        return found

    async def all_taken(self, seqs: list[int]) -> None:
        async with asyncio.timeout(_TAKEN_S):
            while any(receiver.taken[-1:] != seqs[-1:] for receiver in self.hostile.values()):
                await asyncio.sleep(0.02)


@asynccontextmanager
async def a_world(folder: Path) -> AsyncIterator[World]:
    clock = SetClock()
    url = f"sqlite+aiosqlite:///{folder / 'gateway.db'}"
    settings: dict[str, Any] = {"webhook_allow_http": True, "webhook_allowed_networks": ["127.0.0.0/8"], "webhook_poll_s": 0.02}
    async with AsyncExitStack() as stack:
        good = await stack.enter_async_context(listening(Hostile("takes all", "", failing=0)))
        trap = await stack.enter_async_context(listening(Hostile("takes all", "", failing=0)))
        receivers = [await stack.enter_async_context(listening(Hostile(name, trap.url))) for name in BEHAVIOURS]
        gateway = a_gateway(url, folder, clock=clock, webhook_timeout_s=_TIMEOUT_S, webhooks_per_owner=100, **settings)
        harness = await stack.enter_async_context(gateway)
        client = await stack.enter_async_context(harness.client("omb"))
        made = [await _subscribed(client, receiver) for receiver in (*receivers, good)]
        yield World(harness, client, clock, dict(zip(made, receivers, strict=False)), good)
        assert trap.attempts == 0, "a redirect was followed"


async def _subscribed(client: httpx.AsyncClient, receiver: Hostile) -> str:
    body = {"url": receiver.url, "after": 0, "filters": {"types": ["qsmo.catalog"]}}
    answer = await client.post("/v1/webhooks", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def through_the_schedule(world: World) -> list[float]:
    """Virtual seconds of each subscription from its first attempt to the last; every wait is the schedule's, within a tenth."""
    waited = dict.fromkeys(world.hostile, 0.0)
    for failures, planned_s in enumerate(DELAYS_S, start=1):
        failed_at = world.clock.at
        due = await world.next_attempts(failures)
        for id, at in due.items():
            wait_s = (at - failed_at).total_seconds()
            waited[id] += wait_s
            assert 0.9 * planned_s - 1 <= wait_s <= 1.1 * planned_s + 1, (world.hostile[id].name, failures, wait_s)
        assert {r.attempts for r in world.hostile.values()} == {failures}, "nobody is tried before it is time"
        world.clock.at = max(due.values()) + timedelta(milliseconds=1)
        world.harness.gateway.deliveries.wake()
    return list(waited.values())


@pytest.mark.timeout(240 + _TAKEN_S + _UNHINDERED_S)
async def test_hostile_receivers_get_everything_by_the_schedule_and_hurt_nobody_else(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await append(world.harness.gateway, *(an_event() for _ in range(EVENTS)))
        feed = (await world.client.get("/v1/events?type=qsmo.catalog&limit=1000")).json()["items"]
        seqs = [event["seq"] for event in feed]
        async with asyncio.timeout(_UNHINDERED_S):
            while world.good.taken != seqs:
                await asyncio.sleep(0.02)
        waited_s = await through_the_schedule(world)
        await world.all_taken(seqs)
        receivers = [*world.hostile.values(), world.good]

    outcome = Outcome(
        name="webhooks to hostile receivers, by the schedule (recovery: virtual, from the first attempt to the tenth)",
        faults=f"{len(BEHAVIOURS)} kinds, {sum(r.attempts - len(r.taken) for r in receivers)} attempts",
        writes=EVENTS,
        lost=sum(len(set(seqs) - set(r.taken)) for r in receivers),
        duplicated=sum(len(r.taken) - len(set(r.taken)) for r in receivers),
        reordered=sum(later < earlier for r in receivers for earlier, later in pairwise(r.taken)),
        recoveries_s=waited_s,
    )
    outcome.told()
    assert outcome.holds
    assert all(67 * 3_600 < each < 84 * 3_600 for each in waited_s)
