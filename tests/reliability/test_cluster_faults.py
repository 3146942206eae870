"""What a cluster stands on breaks: broker, databases, network; a leader that is stopped and goes on.

QSMO_RELIABILITY_LONG=1 takes the times and counts of the long form.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from tests.reliability.ledger import Judged, Outcome
from tests.reliability.load import Books, Journal, books, under_load
from tests.support.cluster import SERVICES, Cluster, a_cluster
from tests.support.servers import LOOPBACK, KafkaServer, PostgresServer, Server, free_port
from tests.support.wire import Fault, Wire, a_wire

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.timeout(7200)]

LONG = bool(os.environ.get("QSMO_RELIABILITY_LONG"))
KILLS = 20 if LONG else 2
OUTAGES_S = (30.0, 300.0) if LONG else (4.0,)
PARTITION_S = 10.0 if LONG else 1.0
NAMED = {"databases": "databases", "broker": "broker", "services": "registry, catalog and adoption"}
OWNERS = SERVICES[:-1]
FAULTS: tuple[Fault, ...] = ("drop", "reset", "delay", "loss", "half-open")
# In the short form other tests run beside it.
RECOVERY_GOAL_S = 5.0 if LONG else 15.0
_AFTER_S = 1.0


@dataclass
class Faulty:
    """A cluster whose every connection to broker, databases and one another goes by a wire."""

    cluster: Cluster
    postgres: PostgresServer
    kafka: KafkaServer
    wires: dict[str, list[Wire]]
    journals: list[Journal] = field(default_factory=list)
    judged: Judged = field(default_factory=lambda: Judged(lost=0, duplicated=0, reordered=0))

    @asynccontextmanager
    async def loaded(self, run: str, *, url: str = "") -> AsyncIterator[tuple[Books, Journal]]:
        """Ends when all is settled and nothing of any run so far is lost, doubled or inverted."""
        await self.cluster.ready()
        headers = {"Authorization": f"Bearer {self.cluster.token('coordinator')}"}
        async with books(self.cluster.database_url) as book:
            async with (
                book.watched(),
                under_load(url or self.cluster.url, headers, run=run, writers=4, pause_s=0.05) as journal,
            ):
                self.journals.append(journal)
                await asyncio.sleep(_AFTER_S)
                yield book, journal
                await asyncio.sleep(_AFTER_S)
            self.judged = await book.judged(*self.journals)

    def fail(self, between: str, fault: Fault) -> None:
        for wire in self.wires[between]:
            wire.fail(fault)

    def told(self, name: str, faults: str, book: Books, journal: Journal) -> None:
        outcome = Outcome(
            name=name,
            faults=faults,
            writes=sum(journal.acknowledged.values()),
            unknown=journal.failures,
            lag_max=book.lag_max,
            backs_s=book.backs_s,
            recoveries_s=book.recoveries_s,
            **self.judged,
        )
        outcome.told()
        assert outcome.holds
        assert outcome.recovery_p99_s < RECOVERY_GOAL_S


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    with ExitStack() as stack:
        postgres = stack.enter_context(PostgresServer())
        to_kafka_port = free_port()
        kafka = KafkaServer(seen_at=to_kafka_port)
        wires = {
            "databases": [stack.enter_context(a_wire(postgres.port))],
            "broker": [stack.enter_context(a_wire(kafka.side_port, port=to_kafka_port))],
        }
        stack.enter_context(kafka)

        def prepare(cluster: Cluster) -> None:
            ports = [cluster.ports[name] for name in OWNERS]
            wires["services"] = [stack.enter_context(a_wire(port)) for port in ports]
            cluster.via = {
                f"{LOOPBACK}:{postgres.port}": f"{LOOPBACK}:{wires['databases'][0].port}",
                kafka.bootstrap: f"{LOOPBACK}:{to_kafka_port}",
            }
            for port, wire in zip(ports, wires["services"], strict=True):
                cluster.via[f"{LOOPBACK}:{port}"] = f"{LOOPBACK}:{wire.port}"

        folder = tmp_path_factory.mktemp("faulty")
        cluster = stack.enter_context(a_cluster(postgres, kafka, folder, prepare=prepare))
        yield Faulty(cluster, postgres, kafka, wires)


async def started(server: Server, book: Books) -> None:
    """How long it takes to serve again is its own affair, and noted apart."""
    begun = time.monotonic()
    await asyncio.to_thread(server.start)
    back = time.monotonic()
    book.backs_s.append(back - begun)
    await book.recover(since=back)


async def killed_again_and_again(server: Server, book: Books) -> None:
    for _ in range(KILLS):
        await asyncio.to_thread(server.kill)
        await started(server, book)
        await asyncio.sleep(_AFTER_S)


async def test_writes_go_on_while_the_broker_is_away(faulty: Faulty) -> None:
    async with faulty.loaded("away") as (book, journal):
        for seconds in OUTAGES_S:
            await asyncio.to_thread(faulty.kafka.stop)
            before = len(journal.acknowledged)
            await asyncio.sleep(seconds)
            assert len(journal.acknowledged) > before + seconds
            await started(faulty.kafka, book)

    faulty.told(
        "broker down while writes go on (recovery: from its return)",
        " and ".join(f"{seconds:.0f} s" for seconds in OUTAGES_S),
        book,
        journal,
    )
    assert journal.failures == 0, "no write fails because the broker is away"


async def test_a_broker_that_is_killed_again_and_again_loses_nothing(faulty: Faulty) -> None:
    async with faulty.loaded("broker") as (book, journal):
        await killed_again_and_again(faulty.kafka, book)

    faulty.told("kill -9 of the broker under writes (recovery: from its return)", f"{KILLS} kills", book, journal)
    assert journal.failures == 0


async def test_a_database_server_that_is_killed_again_and_again_loses_nothing(faulty: Faulty) -> None:
    async with faulty.loaded("database") as (book, journal):
        await killed_again_and_again(faulty.postgres, book)

    faulty.told("kill -9 of PostgreSQL under writes (recovery: from its return)", f"{KILLS} kills", book, journal)


async def leader_of_the_registry(cluster: Cluster) -> int:
    """The process that holds the lock, as the database names it; waits while nobody does."""
    holders = (
        "SELECT application_name FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'relay:%'"
    )
    async with books(cluster.database_url) as found:
        while not (rows := await found.rows("registry", holders)):
            await asyncio.sleep(0.1)
    (row,) = rows
    return int(row["application_name"].split()[1].partition("@")[0])


@pytest.mark.parametrize("between", ["databases", "broker", "services"])
async def test_partitions_lose_nothing(faulty: Faulty, between: str) -> None:
    async with faulty.loaded(between) as (book, journal):
        for fault in FAULTS:
            faulty.fail(between, fault)
            await asyncio.sleep(PARTITION_S)
            faulty.fail(between, "none")
            await book.recover(since=time.monotonic())

    faulty.told(
        f"network to {NAMED[between]}: dropped, reset, 500 ± 200 ms late, 5 % loss, half open (recovery: from its return)",
        f"{len(FAULTS)} of {PARTITION_S:g} s",
        book,
        journal,
    )
    if between == "broker":
        assert journal.failures == 0


async def test_a_leader_that_stops_is_replaced_and_does_no_harm_when_it_goes_on(faulty: Faulty) -> None:
    """Writes go to the other one, so that something waits that the stopped one does not see."""
    cluster, port = faulty.cluster, free_port()
    second = cluster.spawn("registry", port=port, MEMBER="registry-1")
    urls = {
        second.pid: f"http://{LOOPBACK}:{port}",
        cluster.processes["registry"].pid: f"http://{LOOPBACK}:{cluster.ports['registry']}",
    }
    recoveries_s: list[float] = []
    try:
        await cluster.answers("registry", port)
        for n in range(5 if LONG else 1):
            leader = await leader_of_the_registry(cluster)
            other = next(pid for pid in urls if pid != leader)
            async with faulty.loaded(f"zombie-{n}", url=urls[other]) as (book, journal):
                os.kill(leader, signal.SIGSTOP)
                stopped = time.monotonic()
                await asyncio.sleep(0.5)
                await book.recover(since=stopped)
                assert await leader_of_the_registry(cluster) == other
                os.kill(leader, signal.SIGCONT)
            recoveries_s += book.recoveries_s
    finally:
        for pid in urls:
            os.kill(pid, signal.SIGCONT)
        second.terminate()
        second.wait()

    book.recoveries_s = recoveries_s
    faulty.told("two relays: the leader stopped (SIGSTOP), replaced, and gone on", f"{len(recoveries_s)}", book, journal)
