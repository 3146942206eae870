"""kill -9 of every process at random under load: nothing lost, doubled or out of order.

The ledger method: every write carries an idempotency key and is tried until it is answered; afterwards the registry's rows,
its outbox, the feed and the tables of the consumers are reconciled. QSMO_KILLS sets how many kills (50 in CI); parts of a
long run (QSMO_RELIABILITY_PART) each draw kills of their own.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reliability.ledger import PART, Outcome
from tests.reliability.load import Books, books, under_load
from tests.support.cluster import SERVICES, Cluster, a_cluster
from tests.support.servers import KafkaServer, PostgresServer

KILLS = int(os.environ.get("QSMO_KILLS", "50"))
BETWEEN_KILLS_S = 1.0
# Beside the writers' 40 to 80 a second.
READS_PER_S = 150.0


@pytest.fixture
def own_kafka() -> Iterator[KafkaServer]:
    """The topics' names are fixed, so a cluster has a broker of its own."""
    with KafkaServer() as server:
        yield server


async def kill_at_random(cluster: Cluster, book: Books, kills: int) -> Counter[str]:
    """Mostly one at a time, every third time another one while the first is still starting."""
    chance = random.Random(11 + PART)
    killed: Counter[str] = Counter()
    for n in range(kills):
        service = chance.choice(SERVICES)
        died = time.monotonic()
        cluster.kill(service)
        cluster.start(service)
        killed[service] += 1
        if n % 10 == 9:
            await recovered(cluster, book, died)
        elif n % 3:
            await cluster.ready()
        await asyncio.sleep(BETWEEN_KILLS_S * chance.random())
    return killed


async def recovered(cluster: Cluster, book: Books, died: float) -> None:
    """Both from the death on: that all processes are there again, and that all they were told of has arrived."""
    async with asyncio.TaskGroup() as group:
        ready = group.create_task(cluster.ready())
        ready.add_done_callback(lambda _: book.backs_s.append(time.monotonic() - died))
        group.create_task(book.recover(since=died))


@pytest.mark.postgres
@pytest.mark.kafka
@pytest.mark.timeout(7200)
async def test_killing_any_process_at_random_loses_doubles_and_inverts_nothing(
    postgres: PostgresServer, own_kafka: KafkaServer, tmp_path: Path
) -> None:
    with a_cluster(postgres, own_kafka, tmp_path) as cluster:
        await cluster.ready()
        headers = {"Authorization": f"Bearer {cluster.token('coordinator')}"}
        async with books(cluster.database_url) as book:
            begun = time.monotonic()
            async with book.watched(), under_load(cluster.url, headers, run="kills", reads_per_s=READS_PER_S) as journal:
                killed = await kill_at_random(cluster, book, KILLS)
            seconds = time.monotonic() - begun
            await cluster.ready()
            judged = await book.judged(journal)

    outcome = Outcome(
        name="kill -9 of any process of the cluster at random, under writes (recovery: started and caught up)",
        counted={
            "kills": KILLS,
            **{f"of {name}": count for name, count in sorted(killed.items())},
            "requests": journal.attempts + journal.reads,
            "seconds": round(seconds),
        },
        writes=sum(journal.acknowledged.values()),
        unknown=journal.failures,
        lag_max=book.lag_max,
        backs_s=book.backs_s,
        recoveries_s=book.recoveries_s,
        **judged,
    )
    outcome.told()
    assert killed.total() == KILLS
    assert len(journal.acknowledged) > KILLS
    assert outcome.holds
