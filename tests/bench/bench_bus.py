"""How fast the buses append and read, next to the least that could do the same.

`pytest -m bench -s tests/bench/bench_bus.py`
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from uuid import uuid4

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from shared.bus.embedded import EmbeddedBus
from shared.bus.kafka import KafkaBus, KafkaSettings
from shared.bus.port import Bus, Message
from tests.bench.figures import by_the_clock, rates
from tests.support.servers import KafkaServer

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]

MESSAGES = 30_000
ROUNDS = 5
PARTITIONS = 6
SQLITE = "sqlite3 executemany, a transaction a batch"


def messages(topic: str, value_bytes: int) -> list[Message]:
    """Distinct keys and ids, as an import makes them."""
    headers = {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_type": "gov.qsmo.registry.designation.revoked.v1",
        "ce_source": "/registry",
        "ce_time": "2026-01-01T00:00:00.000000Z",
    }
    value = os.urandom(value_bytes // 2).hex().encode()
    return [
        Message(topic=topic, key=str(uuid4()), value=value, headers={**headers, "ce_id": str(uuid4())}) for _ in range(MESSAGES)
    ]


def batches(everything: Sequence[Message], size: int) -> list[Sequence[Message]]:
    return [everything[start : start + size] for start in range(0, len(everything), size)]


async def compare(
    title: str, ours: Callable[[], Awaitable[float]], baseline: Callable[[], Awaitable[float]], *, beside: str, goal: float
) -> tuple[float, float]:
    """Medians of alternating rounds; returns our rate and its share of the baseline."""
    figure = rates(title, [(await ours(), await baseline()) for _ in range(ROUNDS)], unit="/s", beside=beside, goal=goal)
    figure.told()
    return figure.ours, figure.share


async def publish_all(bus: Bus, everything: Sequence[Message], size: int) -> float:
    started = time.perf_counter()
    for batch in batches(everything, size):
        assert all(await bus.publish(batch))
    return len(everything) / (time.perf_counter() - started)


async def publish_at_once(bus: Bus, everything: Sequence[Message], publishers: int) -> float:
    async def publish_one_by_one(share: Sequence[Message]) -> None:
        for message in share:
            await bus.publish([message])

    started = time.perf_counter()
    await asyncio.gather(*(publish_one_by_one(everything[first::publishers]) for first in range(publishers)))
    return len(everything) / (time.perf_counter() - started)


async def consume_all(bus: Bus, topic: str, size: int) -> float:
    subscription = await bus.subscribe([topic], group=uuid4().hex, member="m")
    left = MESSAGES
    started = time.perf_counter()
    while left:
        found = await subscription.fetch(max_messages=size, timeout_s=10)
        await subscription.commit({(d.topic, d.partition): d.offset + 1 for d in found})
        left -= len(found)
    return MESSAGES / (time.perf_counter() - started)


class Plain:
    """The same rows through sqlite3 and nothing else: prepared beforehand, no keys to place, no index."""

    def __init__(self, path: Path, everything: Sequence[Message]) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("CREATE TABLE log(topic, partition, place, key, headers, value)")
        self._connection.execute("CREATE TABLE position(next)")
        self._rows = [
            (m.topic, n % PARTITIONS, n // PARTITIONS, m.key, orjson.dumps(dict(m.headers)).decode(), m.value)
            for n, m in enumerate(everything)
        ]

    async def append(self, size: int) -> float:
        started = time.perf_counter()
        for start in range(0, MESSAGES, size):
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT INTO log VALUES(?, ?, ?, ?, ?, ?)", self._rows[start : start + size])
            self._connection.execute("COMMIT")
        return MESSAGES / (time.perf_counter() - started)

    async def consume(self, size: int) -> float:
        started = time.perf_counter()
        for start in range(0, MESSAGES, size):
            window = (start + 1, start + size)
            rows = self._connection.execute("SELECT * FROM log WHERE rowid BETWEEN ? AND ?", window).fetchall()
            assert len(rows) == size
            self._connection.execute("INSERT INTO position VALUES(?)", (start,))
        return MESSAGES / (time.perf_counter() - started)

    def close(self) -> None:
        self._connection.close()


async def test_the_embedded_bus_against_sqlite_itself(tmp_path: Path) -> None:
    everything = messages("t", 600)
    bus = EmbeddedBus(tmp_path / "bus.db")
    await bus.start()
    await bus.ensure_topics(["t"], partitions=PARTITIONS)
    plain = Plain(tmp_path / "plain.db", everything)
    print()

    appended = [
        await compare(
            f"embedded append, {size} a call",
            partial(publish_all, bus, everything, size),
            partial(plain.append, size),
            beside=SQLITE,
            goal=0.6,
        )
        for size in (100, 500, 1000)
    ]
    shared, _ = await compare(
        "embedded append, 1 a call, 64 publishers",
        partial(publish_at_once, bus, everything[:10_000], 64),
        partial(plain.append, 64),
        beside=f"{SQLITE} of 64",
        goal=0.1,
    )
    consumed = [
        await compare(
            f"embedded consume and commit, {size} a fetch",
            partial(consume_all, bus, "t", size),
            partial(plain.consume, size),
            beside="sqlite3 reading the same rows",
            goal=0.6,
        )
        for size in (100, 500)
    ]

    plain.close()
    await bus.close()
    by_the_clock("embedded append and consume", min(rate for rate, _ in appended + consumed), unit="/s", goal=25_000).told()
    assert min(rate for rate, _ in appended + consumed) >= 25_000
    assert shared >= 10_000
    assert max(ratio for _, ratio in appended) >= 0.6


async def test_the_kafka_bus_against_plain_aiokafka(kafka: KafkaServer) -> None:
    topic = f"bench.{uuid4().hex}"
    everything = messages(topic, 600)
    bus = KafkaBus(KafkaSettings(bootstrap=kafka.bootstrap, client_id="bench"))
    await bus.ensure_topics([topic])
    plain = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, enable_idempotence=True, compression_type="lz4", max_batch_size=131_072
    )
    await plain.start()
    sends = [
        (m.topic, m.value, m.key.encode(), [(name, value.encode()) for name, value in m.headers.items()]) for m in everything
    ]

    async def publish_plain(size: int) -> float:
        started = time.perf_counter()
        for start in range(0, MESSAGES, size):
            await asyncio.gather(
                *[await plain.send(t, value, key, headers=headers) for t, value, key, headers in sends[start : start + size]]
            )
        return MESSAGES / (time.perf_counter() - started)

    print()
    ratios = [
        await compare(
            f"Kafka publish, {size} a call",
            partial(publish_all, bus, everything, size),
            partial(publish_plain, size),
            beside="aiokafka sending the same bytes",
            goal=0.5,
        )
        for size in (100, 1000)
    ]
    print(f"{'Kafka consume and commit, 500 a fetch':44} {await consume_all(bus, topic, 500):10,.0f}/s")

    await plain.stop()
    await bus.close()
    assert min(ratio for _, ratio in ratios) >= 0.5
