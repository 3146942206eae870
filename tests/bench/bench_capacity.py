"""What each stage of a fact's way costs in processor time, and what loads need then: the table of docs/capacity.md."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest

from shared.bus.port import Delivery, Message
from shared.outbox import Relay
from tests.bench.bench_path import a_database, filled
from tests.bench.bench_reads import ONE, PAGE, a_registry, asked
from tests.bench.capacity import Stage, mean_wait_s
from tests.support import tally
from tests.support.servers import PostgresServer

pytestmark = [pytest.mark.bench, pytest.mark.postgres, pytest.mark.timeout(900)]

READS_PER_WRITE = 20
LOADS = {"as now": 10.0, "100 times": 1_000.0, "10,000 times": 100_000.0}  # writes a second
CONSUMERS = 2  # adoption and the feed
FACTS = 15_000


class NoBus:
    """Acknowledges everything: what is left is the relay's own cost."""

    async def publish(self, messages: list[Message]) -> list[bool]:
        return [True] * len(messages)


def server_cpu_s(postgres: PostgresServer) -> float:
    assert postgres._process is not None
    parent = psutil.Process(postgres._process.pid)
    used = [process.cpu_times() for process in [parent, *parent.children(recursive=True)]]
    return sum(each.user + each.system for each in used)


async def costs(postgres: PostgresServer, count: int, work: Callable[[], Awaitable[Any]]) -> tuple[float, float]:
    """Seconds of processor per thing, of this process and of the database server."""
    before, server = time.process_time(), server_cpu_s(postgres)
    await work()
    # What a session used is gone with it.
    return (time.process_time() - before) / count, max(0.0, server_cpu_s(postgres) - server) / count


async def test_what_loads_need(postgres: PostgresServer, tmp_path: Path) -> None:
    found: dict[str, tuple[float, float]] = {}
    async with a_registry(postgres, tmp_path / "r", organizations=2_000) as (api, _):

        async def write() -> None:
            for _ in range(200):
                body = {"name": f"bench {uuid4().hex}", "kind": "office"}
                assert (await api.post("/v1/organizations", body, "coordinator")).status_code == 201

        async def read(path: str) -> None:
            for _ in range(200):
                await asked(api.app, path)

        await write()
        found["write"] = await costs(postgres, 200, write)
        found["read"] = await costs(postgres, 200, lambda: read(ONE))
        found["list"] = await costs(postgres, 200, lambda: read(PAGE))
    found |= await on_the_way(postgres)
    print("\n| stage | of a process | of PostgreSQL |\n|---|---|---|")
    for name, (own, server) in found.items():
        print(f"| {name} | {own * 1e6:,.0f} µs | {server * 1e6:,.0f} µs |")
    print("\n| load | writes/s | reads/s |", *(f" {stage.name} |" for stage in stages(found)), "wait of a write |")
    for name, writes in LOADS.items():
        row = needs(found, writes)
        print(f"| {name} | {writes:,.0f} | {writes * READS_PER_WRITE:,.0f} |", *(f" {each} |" for each in row))
    assert all(own > 0 for own, _ in found.values())


async def on_the_way(postgres: PostgresServer) -> dict[str, tuple[float, float]]:
    async with a_database(postgres) as (db, _):
        await filled(db)
        relay = Relay(service="b", db=db, outbox=tally.outbox, bus=NoBus())  # type: ignore[arg-type] # it only publishes

        async def drain() -> None:
            async with db.session_lock("b") as leader:
                assert leader is not None
                while await relay.drain_batch(leader):
                    pass

        async def apply() -> None:
            consumer = tally.a_consumer(db, None)  # type: ignore[arg-type] # no bus is asked
            events = [tally.an_event(f"e{n}", 1) for n in range(FACTS)]
            for start in range(0, FACTS, 500):
                some = events[start : start + 500]
                place = {"topic": tally.TOPIC, "partition": 0}
                await consumer.process(
                    [Delivery(**place, offset=0, key=e.subject, value=e.data, headers=e.headers()) for e in some]  # type: ignore[arg-type] # as named
                )

        return {"relay": await costs(postgres, FACTS, drain), "effect": await costs(postgres, FACTS, apply)}


def stages(found: dict[str, tuple[float, float]]) -> list[Stage]:
    server = {name: cost[1] for name, cost in found.items()}
    per_write = server["write"] + server["relay"] + CONSUMERS * server["effect"]
    return [
        Stage(name="replicas that write", service_s=found["write"][0], per_write=1),
        Stage(name="replicas that read", service_s=found["read"][0], per_read=1),
        Stage(name="relays", service_s=found["relay"][0], per_write=1),
        Stage(name="partitions", service_s=found["effect"][0], per_write=1),
        Stage(name="cores of PostgreSQL for writes", service_s=per_write, per_write=1),
        Stage(name="cores of PostgreSQL for reads", service_s=server["read"], per_read=1),
    ]


def needs(found: dict[str, tuple[float, float]], writes_per_s: float) -> list[str]:
    reads = writes_per_s * READS_PER_WRITE
    counts = [stage.servers(reads_per_s=reads, writes_per_s=writes_per_s) for stage in stages(found)]
    wait_s = mean_wait_s(per_s=writes_per_s, service_s=found["write"][0], servers=counts[0])
    return [*map(str, counts), f"{wait_s * 1e3:.1f} ms"]
