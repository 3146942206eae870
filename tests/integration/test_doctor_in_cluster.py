"""What `qsmo doctor` finds in a cluster of real servers: nothing when all is well, and each thing that is broken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import insert, text

from services.commandline.doctor import cluster as examination
from services.commandline.doctor.asking import Finding
from services.commandline.recovery.standing import outbox
from services.registry.config import Settings
from shared.bus.port import Message
from shared.db import Database
from shared.kernel.cause import Cause
from shared.service import kafka_bus
from tests.support.cluster import Cluster, a_cluster
from tests.support.servers import KafkaServer, PostgresServer

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.timeout(180)]
NOWHERE = "127.0.0.1:1"
Found = Callable[..., Awaitable[list[Finding]]]


@pytest.fixture(scope="module")
def cluster(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with KafkaServer() as kafka, a_cluster(postgres, kafka, tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
async def found(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Found:
    """What needs doing, as told to whoever has the environment of these services, but for what is changed in it."""
    await cluster.ready()

    async def found(*services: str, **changed: str) -> list[Finding]:
        for service in services:
            for name, value in {**cluster.environment(service), **changed}.items():
                monkeypatch.setenv(name, value)
        return [finding async for finding in examination.findings(services) if finding.remedy]

    return found


@asynccontextmanager
async def database(cluster: Cluster, service: str) -> AsyncIterator[Database]:
    db = Database(cluster.database_url(service))
    try:
        yield db
    finally:
        await db.close()


async def schema_of(cluster: Cluster, service: str) -> str:
    async with database(cluster, service) as db, db.reading() as tx:
        (row,) = await tx.rows(text("SELECT version_num FROM alembic_version"))
    return str(row["version_num"])


async def change(cluster: Cluster, service: str, statement: str) -> None:
    async with database(cluster, service) as db, db.transaction(Cause(actor="tests")) as tx:
        await tx.execute(text(statement))


async def test_nothing_is_found_where_all_is_well_and_it_says_what_it_looked_at(cluster: Cluster) -> None:
    await cluster.ready()
    async with asyncio.timeout(20):  # of the catalog's index, which no readiness waits for
        while True:
            said = await asyncio.to_thread(cluster.qsmo, "doctor")
            if "search: HTTP 503" not in said.stdout:
                break

    assert said.returncode == 0, said.stdout + said.stderr
    for service in ("registry", "catalog", "adoption", "gateway"):
        for what in ("settings of", "bus of", "schema of", "events at"):
            assert f"✓ {what} {service}: " in said.stdout
        assert f"✓ clock of {service}'s database: " in said.stdout
    for what in ("outbox of registry", "consumer gateway-feed", f"keys at {cluster.jwks_url}", "clock of adoption", "feed"):
        assert f"✓ {what}: " in said.stdout


def test_settings_that_are_missing_or_wrong_are_named_but_never_shown(cluster: Cluster) -> None:
    said = cluster.qsmo(
        "doctor",
        QSMO_CATALOG_DATABASE_URL=None,
        QSMO_ADOPTION_BUS_PROTOCOL="SASL_SSL",
        QSMO_ADOPTION_BUS_PASSWORD="hunter2",
        QSMO_GATEWAY_ISSUER="https://other.example.gov",
        QSMO_GATEWAY_ADOPTION_URL=None,
    )

    assert said.returncode == 1, said.stdout + said.stderr
    assert "✗ settings of catalog: QSMO_CATALOG_DATABASE_URL Field required" in said.stdout
    assert "✗ settings of adoption: Value error, BUS_PROTOCOL SASL_SSL needs BUS_USERNAME" in said.stdout
    assert "✗ settings of gateway: QSMO_GATEWAY_ADOPTION_URL is not set" in said.stdout
    assert "✗ settings: ISSUER: registry: urn:qsmo:development; gateway: https://other.example.gov" in said.stdout
    assert "hunter2" not in said.stdout + said.stderr


async def test_two_services_with_one_database_are_found(cluster: Cluster, found: Found) -> None:
    shared = cluster.database_url("registry")

    said = await found("registry", "catalog", QSMO_CATALOG_DATABASE_URL=shared)

    assert "registry and catalog have the same" in [each.said for each in said if each.what == "settings: DATABASE_URL"]


@pytest.mark.parametrize(
    ("service", "variable", "address", "what", "why"),
    [
        ("catalog", "DATABASE_URL", f"postgresql://nobody@{NOWHERE}/none", "database of catalog", "Connect call failed"),
        ("catalog", "DATABASE_URL", "no address", "database of catalog", "parse"),
        ("catalog", "BUS_URL", f"kafka://{NOWHERE}", "bus of catalog", "Unable to bootstrap"),
        ("catalog", "JWKS_URL", f"http://{NOWHERE}/keys", f"keys at http://{NOWHERE}/keys", "attempts failed"),
        ("gateway", "CATALOG_URL", f"http://{NOWHERE}", f"catalog at http://{NOWHERE}", "attempts failed"),
    ],
)
async def test_what_cannot_be_reached_is_named(
    found: Found, service: str, variable: str, address: str, what: str, why: str
) -> None:
    (said,) = await found(service, **{f"QSMO_{service.upper()}_{variable}": address})

    assert said.what == what
    assert why in said.said
    assert variable in said.remedy


async def test_a_database_that_is_not_there_is_found(cluster: Cluster, found: Found) -> None:
    (said,) = await found("catalog", QSMO_CATALOG_DATABASE_URL=cluster.postgres.url("never_made"))

    assert said.what == "database of catalog"
    assert '"never_made" does not exist' in said.said


async def test_an_old_schema_is_found(cluster: Cluster, found: Found) -> None:
    newest = await schema_of(cluster, "catalog")
    await change(cluster, "catalog", "UPDATE alembic_version SET version_num = '0001'")

    (said,) = await found("catalog")

    assert said.what == "schema of catalog"
    assert "at schema 0001, this version needs" in said.said
    assert "qsmo migrate --service catalog" in said.remedy
    await change(cluster, "catalog", f"UPDATE alembic_version SET version_num = '{newest}'")


async def test_a_consumer_that_stands_still_and_facts_that_wait_are_found(cluster: Cluster, found: Found) -> None:
    cluster.kill("adoption")
    try:
        headers = {"Authorization": f"Bearer {cluster.token('omb')}"}
        policy = {"id": "m-10-10", "title": "Nobody reads it", "issuer": "OMB", "issued_on": "2010-10-10"}
        async with httpx.AsyncClient(base_url=cluster.url, headers=headers, timeout=30) as client:
            assert (await client.post("/v1/policies", json=policy)).status_code == 201
            async with asyncio.timeout(20):
                while policy["id"] not in (await client.get("/v1/events")).text:
                    await asyncio.sleep(0.1)
        async with database(cluster, "adoption") as db, db.transaction(Cause(actor="tests")) as tx:
            row = {
                "event_id": "e",
                "topic": "qsmo.adoption",
                "key": "k",
                "aggregate_version": 1,
                "headers": {},
                "payload": "{}",
            }
            await tx.execute(insert(outbox), row | {"recorded_at": tx.at - timedelta(minutes=5)})

        said = {each.what: each.said for each in await found("adoption")}

        assert said == {
            "outbox of adoption": "1 facts wait, the oldest is 300 s old",
            "consumer adoption": "1 records wait, none was read for 3 s",
        }
        await change(cluster, "adoption", "DELETE FROM outbox WHERE event_id = 'e'")
    finally:
        cluster.start("adoption")


async def test_parked_events_are_found_at_every_service_that_reads_them(cluster: Cluster, found: Found) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cluster.environment("registry").items():
            patch.setenv(name, value)
        async with kafka_bus(Settings(), service="tests") as bus:
            await bus.publish([Message(topic="qsmo.adoption", key="k", value=b"no event", headers={})])

    async with asyncio.timeout(20):
        while len(said := await found("registry", "catalog", "adoption", "gateway")) < 4:
            await asyncio.sleep(0.2)

    assert [each.what for each in said] == [f"events at {name}" for name in ("registry", "catalog", "adoption", "gateway")]
    assert all(each.said.startswith("1 parked: ") for each in said)
    assert "GET /v1/parked-events/registry" in said[0].remedy
    for name in ("registry", "catalog", "adoption", "gateway"):
        await change(cluster, name, "DELETE FROM parked_events")
