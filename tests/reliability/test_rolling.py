"""A roll-out under load: two replicas of every service behind nginx, each in turn told to stop and started anew.

100 requests a second, never repeated by the client, and 200 event streams: no request fails, no event is missed or
repeated. nginx does not know who drains, and may hand a request to a replica as it closes its door; writes carry an
Idempotency-Key, so nginx is told to pass those on to the other replica too, and each still takes effect once.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from shared.db import Database
from tests.support.cluster import SERVICES
from tests.support.replicas import DRAIN_S, REPLICAS, Replicas, replicas
from tests.support.servers import LOOPBACK, KafkaServer, PostgresServer

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.nginx, pytest.mark.timeout(400)]

PER_SECOND = 100
STREAMS = 200
# Long before anybody would kill it; what it takes is printed.
EXIT_WITHIN_S = DRAIN_S + 10.0
READY_WITHIN_S = 60.0
CAUGHT_UP_S = 60.0
_WRITE_EVERY = 10
_SUBJECT = re.compile(rb'"subject":"([^"]+)"')
_READS = ("/v1/regime", "/v1/organizations?limit=5", "/v1/designations", "/v1/offerings?limit=5", "/v1/adoptions?limit=5")


@pytest.fixture
def own_kafka() -> Iterator[KafkaServer]:
    """The topics' names are fixed, so a cluster has a broker of its own."""
    with KafkaServer() as server:
        yield server


@dataclass
class Load:
    """What the generator was told."""

    asked: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    registered: set[str] = field(default_factory=set)
    slowest_s: float = 0.0

    async def ask(self, client: httpx.AsyncClient, n: int) -> None:
        self.asked += 1
        began = time.monotonic()
        path = _READS[n % len(_READS)]
        try:
            if n % _WRITE_EVERY == 0:
                path = "POST /v1/organizations"
                body, key = {"name": f"office {n}", "kind": "office"}, {"Idempotency-Key": f"office-{n}"}
                answer = await client.post("/v1/organizations", json=body, headers=key)
            else:
                answer = await client.get(path)
        except httpx.HTTPError as error:
            self.failed[f"{path}: {error!r}"] += 1
            return
        self.slowest_s = max(self.slowest_s, time.monotonic() - began)
        if not answer.is_success:
            self.failed[f"{path}: {answer.status_code} {answer.text[:200]}"] += 1
        elif answer.status_code == httpx.codes.CREATED:
            self.registered.add(answer.json()["id"])

    async def run(self, client: httpx.AsyncClient, stop: asyncio.Event) -> None:
        """At its own pace, whatever the answers take."""
        n, began = 0, time.monotonic()
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                n += 1
                group.create_task(self.ask(client, n))
                await asyncio.sleep(max(0.0, began + n / PER_SECOND - time.monotonic()))


@dataclass
class Listener:
    """An event stream that resumes where it was cut, as EventSource does."""

    seqs: list[int] = field(default_factory=list)
    subjects: set[str] = field(default_factory=set)
    connections: int = 0

    async def run(self, port: int) -> None:
        """HTTP/1.0 by hand: 200 clients of this kind cost less than those that they measure."""
        while True:
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                last = self.seqs[-1] if self.seqs else 0
                writer.write(f"GET /v1/events/stream HTTP/1.0\r\nLast-Event-ID: {last}\r\n\r\n".encode())
                self.connections += b" 200 " in await reader.readline()
                while line := await reader.readline():
                    self._take(line)
            finally:
                writer.close()
            await asyncio.sleep(0.1)

    def _take(self, line: bytes) -> None:
        if line.startswith(b"id: "):
            self.seqs.append(int(line[4:]))
        elif line.startswith(b"data: "):
            self.subjects.add(_SUBJECT.search(line)[1].decode())  # type: ignore[index]  # every event has one


async def until_ready(fleet: Replicas, service: str, n: int) -> float:
    began = time.monotonic()
    async with asyncio.timeout(READY_WITHIN_S):
        while not await asyncio.to_thread(fleet.is_ready, service, n):
            await asyncio.sleep(0.05)
    return time.monotonic() - began


async def roll(fleet: Replicas) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds from SIGTERM to the exit, and from the start to ready, by replica."""
    exits, starts = {}, {}
    for service in SERVICES:
        for n in range(REPLICAS):
            began = time.monotonic()
            await asyncio.to_thread(fleet.terminate, service, n)
            exits[f"{service}-{n}"] = time.monotonic() - began
            fleet.start(service, n)
            starts[f"{service}-{n}"] = await until_ready(fleet, service, n)
    return exits, starts


async def caught_up(listeners: list[Listener], load: Load) -> None:
    async with asyncio.timeout(CAUGHT_UP_S):
        while not all(load.registered <= listener.subjects for listener in listeners):
            await asyncio.sleep(0.2)


async def organizations(fleet: Replicas) -> list[str]:
    db = Database(fleet.cluster.database_url("registry"))
    try:
        async with db.reading() as tx:
            return [row["id"] for row in await tx.rows(text("SELECT id FROM organizations"))]
    finally:
        await db.close()


def shown(figures: dict[str, float]) -> str:
    return ", ".join(f"{name} {seconds:.1f}" for name, seconds in figures.items())


async def test_a_roll_out_fails_no_request_and_loses_no_event(
    postgres: PostgresServer, own_kafka: KafkaServer, tmp_path: Path
) -> None:
    with replicas(postgres, own_kafka, tmp_path) as fleet:
        for service, n in fleet.ports:
            await until_ready(fleet, service, n)
        load, stop = Load(), asyncio.Event()
        headers = {"Authorization": f"Bearer {fleet.cluster.token('coordinator')}"}
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=50)
        async with httpx.AsyncClient(base_url=fleet.cluster.url, timeout=30, limits=limits, headers=headers) as client:
            listeners = [Listener() for _ in range(STREAMS)]
            front = fleet.cluster.ports["gateway"]
            listening = [asyncio.create_task(listener.run(front)) for listener in listeners]
            loading = asyncio.create_task(load.run(client, stop))
            exits, starts = await roll(fleet)
            stop.set()
            await loading
            await caught_up(listeners, load)
            for task in listening:
                task.cancel()
            await asyncio.gather(*listening, return_exceptions=True)
        kept = await organizations(fleet)

    print(
        f"\n{load.asked} requests, {load.failed.total()} failed, slowest {load.slowest_s:.2f} s; {len(load.registered)} writes;"
        f" {STREAMS} streams connected {sum(listener.connections for listener in listeners)} times"
        f"\nSIGTERM to exit: {shown(exits)}\nstart to ready: {shown(starts)}"
    )
    assert not load.failed
    assert sorted(kept) == sorted(load.registered)
    assert load.asked > len(SERVICES) * REPLICAS * PER_SECOND
    for listener in listeners:
        assert listener.seqs == list(range(1, len(listener.seqs) + 1))
    assert all(listener.connections >= REPLICAS for listener in listeners)
    assert max(exits.values()) <= EXIT_WITHIN_S
