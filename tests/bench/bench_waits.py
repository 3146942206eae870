"""How long requests wait at a running service, beside what the formula of docs/capacity.md and a simulation by events say.

Requests come by chance, whether or not earlier ones are answered (open loop). A service process of the cluster is one server:
its interpreter does one thing at a time. For how long a request keeps it busy is told by how many it answers a second when
there are always more; what an answer takes beyond the mean of an idle service is the wait.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httptools
import httpx
import pytest
import uvloop

from tests.bench.capacity import mean_wait_s, simulated_wait_s
from tests.bench.figures import Figure
from tests.support.cluster import Cluster, a_cluster
from tests.support.servers import KafkaServer, PostgresServer

BUSY = (0.3, 0.5, 0.7, 0.85)
SECONDS = float(os.environ.get("QSMO_WAITS_SECONDS", "10"))
ALONE = 300
SATURATING = 8
# The server closes what is idle for five seconds.
_FRESH_S = 2.0
_HEAD = "| busy | asked /s | service | mean wait | p50 | p95 | M/M/1 | M/D/1 | simulated |\n" + "|---" * 9 + "|"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """`service_s`: of the time that a request keeps the server from others, before and after it was asked like this."""

    busy: float
    service_s: float
    taken_s: Sequence[float]
    alone_s: Sequence[float]

    @property
    def waits_s(self) -> list[float]:
        alone_s = statistics.fmean(self.alone_s)
        return sorted(max(0.0, taken_s - alone_s) for taken_s in self.taken_s)

    @property
    def per_s(self) -> float:
        return self.busy / self.service_s

    @property
    def mean_s(self) -> float:
        return statistics.fmean(self.taken_s) - statistics.fmean(self.alone_s)

    def simulated_s(self) -> float:
        """By events, with service times as they vary when a request is alone."""
        chance, scale = random.Random(3), self.service_s / statistics.fmean(self.alone_s)
        return simulated_wait_s(per_s=self.per_s, service_s=lambda: chance.choice(self.alone_s) * scale, servers=1)


class Asking(asyncio.Protocol):
    """One request at a time."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._transport: asyncio.WriteTransport | None = None
        self.answered_at = time.perf_counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment] # uvloop's is none by class

    async def ask(self) -> None:
        assert self._transport is not None
        self._answered = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(self._request)
        assert await self._answered == 200

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self.answered_at = time.perf_counter()
        self._answered.set_result(self._parser.get_status_code())

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()


class Clients:
    """As many connections as ever are in use at once."""

    def __init__(self, port: int, request: bytes) -> None:
        self._port = port
        self._request = request
        self._idle: list[Asking] = []

    async def ask(self, since: float) -> float:
        """Seconds since then, which is when it came, whatever this process did meanwhile."""
        while self._idle and time.perf_counter() - self._idle[-1].answered_at > _FRESH_S:
            self._idle.pop().close()
        if not self._idle:
            loop = asyncio.get_running_loop()
            _, made = await loop.create_connection(lambda: Asking(self._request), "127.0.0.1", self._port)
            self._idle.append(made)
        client = self._idle.pop()
        await client.ask()
        self._idle.append(client)
        return time.perf_counter() - since

    def close(self) -> None:
        for client in self._idle:
            client.close()


async def one_by_one(clients: Clients, count: int) -> list[float]:
    return [await clients.ask(time.perf_counter()) for _ in range(count)]


async def service_s(clients: Clients) -> float:
    begun = time.perf_counter()
    await asyncio.gather(*(one_by_one(clients, ALONE // SATURATING) for _ in range(SATURATING)))
    return (time.perf_counter() - begun) / (ALONE // SATURATING * SATURATING)


async def by_chance(clients: Clients, per_s: float) -> list[float]:
    chance, begun, at, asked = random.Random(4), time.perf_counter(), 0.0, []
    async with asyncio.timeout(SECONDS * 10), asyncio.TaskGroup() as group:
        while (at := at + chance.expovariate(per_s)) < SECONDS:
            if (early := begun + at - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            asked.append(group.create_task(clients.ask(begun + at)))
    return [task.result() for task in asked]


async def measured(port: int, request: bytes) -> list[Waited]:
    clients = Clients(port, request)
    await service_s(clients)
    found = []
    for busy in BUSY:
        alone_s, before_s = await one_by_one(clients, ALONE), await service_s(clients)
        taken_s = await by_chance(clients, busy / before_s)
        between_s = (before_s + await service_s(clients)) / 2
        found.append(Waited(busy=busy * between_s / before_s, service_s=between_s, taken_s=taken_s, alone_s=alone_s))
    clients.close()
    return found


async def story(cluster: Cluster) -> list[Waited]:
    await cluster.ready()
    headers = {"Authorization": f"Bearer {cluster.token('coordinator')}"}
    async with httpx.AsyncClient(base_url=cluster.url, headers=headers) as client:
        made = await client.post("/v1/organizations", json={"name": "office", "kind": "office"})
    path = f"/v1/organizations/{made.json()['id']}"
    request = f"GET {path} HTTP/1.1\r\nHost: registry\r\nAuthorization: {headers['Authorization']}\r\n\r\n"
    return await measured(cluster.ports["registry"], request.encode())


@pytest.mark.bench
@pytest.mark.timeout(600)
def test_waits_at_a_running_service_beside_the_formula(postgres: PostgresServer, kafka: KafkaServer, tmp_path: Path) -> None:
    with a_cluster(postgres, kafka, tmp_path) as cluster:
        found = uvloop.run(story(cluster))
    print("\n" + _HEAD)
    for each in found:
        formula_s = mean_wait_s(per_s=each.per_s, service_s=each.service_s, servers=1)
        p50_s, p95_s = (each.waits_s[int(len(each.waits_s) * share)] for share in (0.5, 0.95))
        times = (each.service_s, each.mean_s, p50_s, p95_s, formula_s, formula_s / 2, each.simulated_s())
        print(f"| {each.busy:.2f} | {each.per_s:,.0f} |", *(f"{seconds * 1e3:.2f} ms |" for seconds in times))
    for wanted, each in zip(BUSY, found, strict=True):
        simulated_s = each.simulated_s()
        Figure(
            what=f"mean wait at a service that is {wanted:.0%} busy",
            ours=each.mean_s * 1e3,
            unit="ms",
            beside="a simulation by events with its service times",
            limit=simulated_s * 1e3,
            share=each.mean_s / simulated_s,
            is_cost=True,
        ).told()
    assert all(each.mean_s > 0 for each in found)
