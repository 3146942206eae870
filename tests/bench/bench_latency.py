"""From a write to an event stream: how long after its transaction began a fact is at a subscriber, beside the bare broker.

The fact's own time is the transaction's begin, so commit, relay, bus, feed and stream are all in it.
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


async def paced(count: int, act: Callable[[], Awaitable[object]]) -> None:
    """`RATE` a second, whatever each takes."""
    now = asyncio.get_running_loop().time
    begun = now()
    async with asyncio.TaskGroup() as group:
        for n in range(count):
            await asyncio.sleep(max(0.0, begun + n / RATE - now()))
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


async def through_the_broker(bootstrap: str, count: int) -> list[float]:
    """The same number of messages of the same rate, sent and read with nothing around them."""
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
        await paced(count, lambda: producer.send_and_wait(topic, b"%d" % time.time_ns()))
        async with asyncio.timeout(60):
            await listening
    finally:
        await consumer.stop()
        await producer.stop()
    return waited[_WARM:]


def p50_p99(waited: list[float]) -> tuple[float, float]:
    cuts = statistics.quantiles(waited, n=100)
    return cuts[49], cuts[98]


Shape = Callable[[Path, pytest.FixtureRequest], AbstractContextManager[Target]]
_CLUSTER = pytest.param(the_cluster, marks=[pytest.mark.postgres, pytest.mark.kafka], id="cluster")


@pytest.mark.parametrize("shape", [pytest.param(the_embedded, id="embedded"), _CLUSTER])
def test_a_fact_reaches_a_stream_soon_after_its_commit(
    shape: Callable[[Path, pytest.FixtureRequest], AbstractContextManager[Target]],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    count = RATE * SECONDS + _WARM
    with shape(tmp_path, request) as target:
        p50, p99 = p50_p99(asyncio.run(through_us(target, count)))
        print(f"\n{request.node.callspec.id}, {RATE} writes/s: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
        if target.bootstrap is not None:
            bare50, bare99 = p50_p99(asyncio.run(through_the_broker(target.bootstrap, count)))
            beside = "a record through the broker, to a consumer"
            rates("commit to stream, p50", [(p50, bare50)], unit="ms", beside=beside, is_cost=True).told()
            rates("commit to stream, p99", [(p99, bare99)], unit="ms", beside=beside, goal=3.0, is_cost=True).told()
    assert p50 <= P50_MS
    assert p99 <= P99_MS
