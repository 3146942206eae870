"""kill -9 of every process at random under load: nothing lost, doubled or out of order.

The ledger method: every write carries an idempotency key and is tried until it is answered; afterwards the registry's rows,
its outbox, the feed and the tables of the consumers are reconciled. QSMO_KILLS sets how many kills (50 in CI).
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import text

from services.gateway.audit import verify_chain
from shared.db import Database
from tests.support.cluster import SERVICES, Cluster, a_cluster
from tests.support.servers import KafkaServer, PostgresServer

KILLS = int(os.environ.get("QSMO_KILLS", "50"))
BETWEEN_KILLS_S = 1.0
WRITERS = 8
SETTLE_S = 90.0


@pytest.fixture
def own_kafka() -> Iterator[KafkaServer]:
    """The topics' names are fixed, so a cluster has a broker of its own."""
    with KafkaServer() as server:
        yield server


@dataclass
class Journal:
    """What the load generator was told: organization id → the last version that was acknowledged."""

    acknowledged: dict[str, int] = field(default_factory=dict)
    attempts: int = 0
    failures: int = 0


async def written(client: httpx.AsyncClient, journal: Journal, method: str, path: str, **options: Any) -> httpx.Response:
    """Tried with the same key until there is an answer that is one."""
    while True:
        journal.attempts += 1
        try:
            answer = await client.request(method, path, **options)
            if answer.status_code < 500 and answer.json().get("type") != "/problems/still-running":
                return answer
        except (httpx.HTTPError, ValueError):
            pass
        journal.failures += 1
        await asyncio.sleep(0.05)


async def write_until(stop: asyncio.Event, client: httpx.AsyncClient, journal: Journal, writer: int) -> None:
    n = 0
    while not stop.is_set():
        n += 1
        body = {"name": f"office {writer}-{n}", "kind": "office"}
        key = {"Idempotency-Key": f"register-{writer}-{n}"}
        made = await written(client, journal, "POST", "/v1/organizations", json=body, headers=key)
        assert made.status_code == 201, made.text
        id_, etag = made.json()["id"], made.headers["etag"]
        journal.acknowledged[id_] = 1
        for change in range(2):
            changed = {**body, "abbreviation": f"V{change}"}
            answer = await written(client, journal, "PUT", f"/v1/organizations/{id_}", json=changed, headers={"If-Match": etag})
            if answer.status_code == 412:  # an earlier try took effect and its answer was lost
                break
            assert answer.status_code == 200, answer.text
            etag, journal.acknowledged[id_] = answer.headers["etag"], answer.json()["version"]


async def kill_at_random(cluster: Cluster, kills: int) -> Counter[str]:
    """Mostly one at a time, every third time a second one while the first is still starting."""
    chance = random.Random(11)
    killed: Counter[str] = Counter()
    for n in range(kills):
        service = chance.choice(SERVICES)
        cluster.kill(service)
        cluster.start(service)
        killed[service] += 1
        if n % 3:
            await cluster.ready()
        await asyncio.sleep(BETWEEN_KILLS_S * chance.random())
    return killed


async def rows(cluster: Cluster, service: str, statement: str) -> list[dict[str, Any]]:
    db = Database(cluster.database_url(service))
    try:
        async with db.reading() as tx:
            return [dict(row) for row in await tx.rows(text(statement))]
    finally:
        await db.close()


async def settled(cluster: Cluster) -> list[dict[str, Any]]:
    """The feed, once it holds as many facts as the outboxes and the consumers have all heard of them."""
    async with asyncio.timeout(SETTLE_S):
        while True:
            recorded = 0
            for service in ("registry", "catalog", "adoption"):
                recorded += (await rows(cluster, service, "SELECT count(*) AS n FROM outbox"))[0]["n"]
            feed = await rows(cluster, "gateway", "SELECT seq, event FROM feed ORDER BY seq")
            heard = (await rows(cluster, "adoption", "SELECT coalesce(sum(version), 0) AS n FROM inbox"))[0]["n"]
            if len(feed) == recorded == heard:
                return feed
            await asyncio.sleep(0.5)


def versions_by_subject(feed: list[dict[str, Any]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for row in feed:
        event = orjson.loads(row["event"])
        found[event["subject"]].append(event["aggregateversion"])
    return found


@pytest.mark.postgres
@pytest.mark.kafka
@pytest.mark.timeout(7200)
async def test_killing_any_process_at_random_loses_doubles_and_inverts_nothing(
    postgres: PostgresServer, own_kafka: KafkaServer, tmp_path: Path
) -> None:
    with a_cluster(postgres, own_kafka, tmp_path) as cluster:
        await cluster.ready()
        journal, stop = Journal(), asyncio.Event()
        headers = {"Authorization": f"Bearer {cluster.token('coordinator')}"}
        async with httpx.AsyncClient(base_url=cluster.url, headers=headers, timeout=10) as client, asyncio.TaskGroup() as group:
            for writer in range(WRITERS):
                group.create_task(write_until(stop, client, journal, writer))
            killed = await kill_at_random(cluster, KILLS)
            stop.set()
        await cluster.ready()
        feed = await settled(cluster)
        registered = {
            row["id"]: row["version"] for row in await rows(cluster, "registry", "SELECT id, version FROM organizations")
        }
        known = {row["id"] for row in await rows(cluster, "adoption", "SELECT id FROM known_organizations")}
        report = await verified(cluster)

    versions = versions_by_subject(feed)
    lost = [id_ for id_, version in journal.acknowledged.items() if registered.get(id_, 0) < version]
    print(f"{KILLS} kills {dict(killed)}: {len(journal.acknowledged)} acknowledged, {journal.attempts} attempts,")
    print(f"{journal.failures} failed attempts, {len(feed)} facts on the feed, {len(lost)} lost")
    assert killed.total() == KILLS
    assert len(journal.acknowledged) > KILLS
    assert lost == []
    assert len(registered) == len(journal.acknowledged), "a retried registration took effect twice"
    assert versions == {id_: list(range(1, version + 1)) for id_, version in registered.items()}
    assert [row["seq"] for row in feed] == list(range(1, len(feed) + 1))
    assert known == set(registered)
    assert report


async def verified(cluster: Cluster) -> bool:
    db = Database(cluster.database_url("gateway"))
    try:
        return (await verify_chain(db)).ok
    finally:
        await db.close()
