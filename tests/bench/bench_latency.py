"""From a write to an event stream: how long after its transaction began a fact is at a subscriber, beside the bare broker.

The fact's own time is the transaction's begin, so commit, relay, bus, feed and stream are all in it. Everything has run at
this rate for a while before it is measured: a broker that has just started compiles what it runs. The bare round trip is
taken twice: of a few records that pass through the same broker while we write, and of as many with nothing else going on.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast
from uuid import uuid4

import orjson
import pytest
import qsmo_client as qsmo
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from services.gateway.http1 import Http1
from tests.bench.figures import rates
from tests.support.cluster import a_cluster
from tests.support.installation import an_installation
from tests.support.servers import KafkaServer, PostgresServer

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]
RATE = int(os.environ.get("QSMO_LATENCY_RATE", "200"))
SECONDS = int(os.environ.get("QSMO_LATENCY_SECONDS", "10"))
ROUNDS = 3
MEANWHILE_RATE = 20
P50_MS, P99_MS = 15.0, 60.0
_WARM = 50


@dataclass
class Target:
    """Where to write and listen, and the broker in between if there is one by itself."""

    url: str
    token: str
    bootstrap: str | None = None


@contextmanager
def the_embedded(folder: Path, _request: pytest.FixtureRequest) -> Iterator[Target]:
    with an_installation(folder) as installation:
        yield Target(installation.url, installation.token("coordinator", "omb"))


@contextmanager
def the_cluster(folder: Path, request: pytest.FixtureRequest) -> Iterator[Target]:
    postgres = cast("PostgresServer", request.getfixturevalue("postgres"))
    with KafkaServer() as kafka, a_cluster(postgres, kafka, folder) as cluster:
        asyncio.run(cluster.ready())
        yield Target(cluster.url, cluster.token("coordinator", "omb"), kafka.bootstrap)


async def paced(count: int, act: Callable[[], Awaitable[object]], *, rate: int = RATE) -> None:
    """So many a second, whatever each takes."""
    now = asyncio.get_running_loop().time
    begun = now()
    async with asyncio.TaskGroup() as group:
        for n in range(count):
            await asyncio.sleep(max(0.0, begun + n / rate - now()))
            group.create_task(_awaited(act))


async def _awaited(act: Callable[[], Awaitable[object]]) -> None:
    await act()


async def through_us(target: Target, count: int) -> list[float]:
    """Milliseconds per fact, in the order of the feed."""
    waited: list[float] = []
    mark = uuid4().hex
    writer = Http1(target.url)  # a client that costs as much as the server would measure itself
    async with qsmo.AsyncClient(target.url, token=target.token) as reader:
        head = (await reader.get("/v1/events", limit=1))["head"]

        async def listen() -> None:
            async with reader.events(after=head, types=["qsmo.registry.organization"]) as events:
                async for event in events:
                    if event.data["name"].startswith(mark):
                        begun = datetime.fromisoformat(event.time).timestamp()
                        waited.append((time.time() - begun) * 1_000)
                        if len(waited) == count:
                            return

        async def write() -> None:
            body = orjson.dumps({"name": f"{mark} {uuid4().hex}", "kind": "office", "codes": []})
            headers = [
                (b"authorization", f"Bearer {target.token}".encode()),
                (b"content-type", b"application/json"),
                (b"content-length", b"%d" % len(body)),
            ]
            opened = await writer.open("POST", b"/v1/organizations", headers=headers, body=_once(body))
            while await opened.part() is not None:
                pass
            await opened.close()
            assert opened.status == 201

        listening = asyncio.create_task(listen())
        await asyncio.sleep(0.5)
        await paced(count, write)
        async with asyncio.timeout(60):
            await listening
    await writer.close()
    return waited[_WARM:]


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def through_the_broker(bootstrap: str, count: int, *, rate: int = RATE) -> list[float]:
    """Milliseconds per message, sent and read with nothing around them."""
    topic = f"bench-{uuid4().hex}"
    waited: list[float] = []
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    await admin.close()
    await producer.start()
    await producer.send_and_wait(topic, b"0")
    await consumer.start()
    try:

        async def listen() -> None:
            async for record in consumer:
                if record.value != b"0":
                    waited.append((time.time_ns() - int(record.value)) / 1e6)
                    if len(waited) == count:
                        return

        listening = asyncio.create_task(listen())
        await paced(count, lambda: producer.send_and_wait(topic, b"%d" % time.time_ns()), rate=rate)
        async with asyncio.timeout(60):
            await listening
    finally:
        await consumer.stop()
        await producer.stop()
    return waited[:] if rate < RATE else waited[_WARM:]


def p50_p99(waited: list[float]) -> tuple[float, float]:
    cuts = statistics.quantiles(waited, n=100)
    return cuts[49], cuts[98]


@dataclass
class Round:
    """(p50, p99) each; those of the broker where there is one."""

    ours: tuple[float, float]
    meanwhile: tuple[float, float]
    alone: tuple[float, float]


async def rounds_of(target: Target) -> list[Round]:
    """One unmeasured, for everything to warm up."""
    return [await one_round(target) for _ in range(ROUNDS + 1)][1:]


async def one_round(target: Target) -> Round:
    count = RATE * SECONDS + _WARM
    if (broker := target.bootstrap) is None:
        return Round(p50_p99(await through_us(target, count)), (0, 0), (0, 0))
    few = through_the_broker(broker, MEANWHILE_RATE * SECONDS, rate=MEANWHILE_RATE)
    ours, meanwhile = await asyncio.gather(through_us(target, count), few)
    return Round(p50_p99(ours), p50_p99(meanwhile), p50_p99(await through_the_broker(broker, count)))


Shape = Callable[[Path, pytest.FixtureRequest], AbstractContextManager[Target]]
_CLUSTER = pytest.param(the_cluster, marks=[pytest.mark.postgres, pytest.mark.kafka], id="cluster")


@pytest.mark.parametrize("shape", [pytest.param(the_embedded, id="embedded"), _CLUSTER])
def test_a_fact_reaches_a_stream_soon_after_its_commit(shape: Shape, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    where = request.node.callspec.id
    with shape(tmp_path, request) as target:
        rounds = asyncio.run(rounds_of(target))
        has_broker = target.bootstrap is not None
    for n, name, most in ((0, "p50", P50_MS), (1, "p99", P99_MS)):
        what = f"commit to stream, {where}, {RATE} writes/s, {name}"
        asked = rates(
            f"{what}, by the clock",
            [(r.ours[n], most) for r in rounds],
            unit="ms",
            beside="what is asked",
            goal=1.0,
            is_cost=True,
        )
        asked.told()
        if has_broker:
            goal = 3.0 if name == "p99" else None
            beside = "a record through the same broker meanwhile"
            rates(what, [(r.ours[n], r.meanwhile[n]) for r in rounds], unit="ms", beside=beside, goal=goal, is_cost=True).told()
            beside = "a record through a broker with nothing else to do"
            rates(
                f"{what}, beside rest", [(r.ours[n], r.alone[n]) for r in rounds], unit="ms", beside=beside, is_cost=True
            ).told()
        assert asked.is_met
