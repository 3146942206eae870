"""kill -9 of every process at random under load: nothing lost, doubled or out of order.

The ledger method: every write carries an idempotency key and is tried until it is answered; afterwards the registry's rows,
its outbox, the feed and the tables of the consumers are reconciled. QSMO_KILLS sets how many kills (50 in CI).
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

from tests.reliability.ledger import Outcome
from tests.reliability.load import Books, books, under_load
from tests.support.cluster import SERVICES, Cluster, a_cluster
from tests.support.servers import KafkaServer, PostgresServer

KILLS = int(os.environ.get("QSMO_KILLS", "50"))
BETWEEN_KILLS_S = 1.0


@pytest.fixture
def own_kafka() -> Iterator[KafkaServer]:
    """The topics' names are fixed, so a cluster has a broker of its own."""
    with KafkaServer() as server:
        yield server


async def kill_at_random(cluster: Cluster, book: Books, kills: int) -> Counter[str]:
    """Mostly one at a time, every third time a second one while the first is still starting."""
    chance = random.Random(11)
    killed: Counter[str] = Counter()
    for n in range(kills):
        service = chance.choice(SERVICES)
        died = time.monotonic()
        cluster.kill(service)
        cluster.start(service)
        killed[service] += 1
        if n % 3:
            await cluster.ready()
        if n % 10 == 9:
            await book.recover(since=died)
        await asyncio.sleep(BETWEEN_KILLS_S * chance.random())
    return killed


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
            async with book.watched(), under_load(cluster.url, headers, run="kills") as journal:
                killed = await kill_at_random(cluster, book, KILLS)
            await cluster.ready()
            judged = await book.judged(journal)

    outcome = Outcome(
        name="kill -9 of any process of the cluster at random, under writes (recovery: started and caught up)",
        faults=f"{KILLS} kills: " + ", ".join(f"{name} {count}" for name, count in sorted(killed.items())),
        writes=sum(journal.acknowledged.values()),
        unknown=journal.failures,
        lag_max=book.lag_max,
        recoveries_s=book.recoveries_s,
        **judged,
    )
    outcome.told()
    assert killed.total() == KILLS
    assert len(journal.acknowledged) > KILLS
    assert outcome.holds
