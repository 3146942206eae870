"""The rights that component `strimzi` gives on the bus are enough for all that is done there, on a broker that heeds them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.protocol.admin import CreateAclsRequest

from services.catalog.config import Settings
from shared.bus.kafka import KafkaBus
from shared.bus.port import BusUnavailable, Message
from shared.service import kafka_bus
from tests.support.cluster import REPOSITORY, SERVICES, Cluster, a_cluster
from tests.support.servers import GuardedKafkaServer, PostgresServer

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.timeout(180)]
COMPONENT = REPOSITORY / "deploy/k8s/components/strimzi"
PASSWORDS = {service: f"the word of {service}" for service in SERVICES}
# As Kafka's protocol numbers them.
_KINDS, _OPERATIONS = {"topic": 2, "group": 3}, {"Read": 3, "Write": 4, "Describe": 8}
_LITERAL, _ALLOW = 3, 3


def said_in(file: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((COMPONENT / file).read_text()))


def bus_settings(service: str, kafka: GuardedKafkaServer) -> dict[str, str]:
    said = {
        "BUS_URL": f"kafka://{kafka.guarded}",
        "BUS_PROTOCOL": "SASL_PLAINTEXT",
        "BUS_USERNAME": service,
        "BUS_PASSWORD": PASSWORDS[service],
    }
    return {f"QSMO_{service.upper()}_{name}": value for name, value in said.items()}


@asynccontextmanager
async def administered(kafka: GuardedKafkaServer) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def furnish(kafka: GuardedKafkaServer) -> None:
    """Topics and rights as the component's files say, done as its operator does it."""
    async with administered(kafka) as admin:
        topics = [NewTopic(topic["metadata"]["name"], topic["spec"]["partitions"], 1) for topic in said_in("topics.yaml")]
        await admin.create_topics(topics)
        for user in said_in("users.yaml"):
            for acl in user["spec"]["authorization"]["acls"]:
                for operation in acl["operations"]:
                    what = (_KINDS[acl["resource"]["type"]], acl["resource"]["name"], _LITERAL)
                    whom = (f"User:{user['metadata']['name']}", "*", _OPERATIONS[operation], _ALLOW)
                    answer = await admin._send_request(CreateAclsRequest(*what, *whom))  # no public way to it
                    assert answer.creation_responses[0][0] == 0, answer


@pytest.fixture(scope="module")
def kafka() -> Iterator[GuardedKafkaServer]:
    with GuardedKafkaServer(PASSWORDS) as server:
        asyncio.run(furnish(server))
        yield server


@pytest.fixture
def cluster(postgres: PostgresServer, kafka: GuardedKafkaServer, tmp_path: Path) -> Iterator[Cluster]:
    def prepare(cluster: Cluster) -> None:
        cluster.via = {kafka.bootstrap: kafka.guarded}
        cluster.variables = {name: value for service in SERVICES for name, value in bus_settings(service, kafka).items()}

    with a_cluster(postgres, kafka, tmp_path, prepare=prepare) as cluster:
        yield cluster


async def test_services_and_operators_get_along_with_the_rights_they_are_given(cluster: Cluster) -> None:
    await cluster.ready()
    headers = {"Authorization": f"Bearer {cluster.token('omb', 'coordinator')}"}
    async with httpx.AsyncClient(base_url=cluster.url, headers=headers, timeout=20) as client:
        made = await client.post("/v1/organizations", json={"name": "Office of rights", "kind": "office"})
        read = await client.get(
            f"/v1/agencies/{made.json()['id']}/overview", headers={"QSMO-After": made.headers["QSMO-Version"]}
        )
    assert read.json()["organization"]["name"] == "Office of rights"

    for command in (("doctor",), ("reconcile",), ("replay", "adoption")):
        done = await asyncio.to_thread(cluster.qsmo, *command, **cluster.variables)
        assert done.returncode == 0, (command, done.stdout + done.stderr)


async def test_nobody_tells_the_facts_of_another(kafka: GuardedKafkaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"QSMO_CATALOG_DATABASE_URL": "sqlite+aiosqlite:///unused.db", **bus_settings("catalog", kafka)}.items():
        monkeypatch.setenv(name, value)
    async with kafka_bus(Settings(), service="catalog") as bus:
        assert isinstance(bus, KafkaBus)
        assert await bus.publish([Message(topic="qsmo.catalog", key="k", value=b"own", headers={})]) == [True]
        with pytest.raises(BusUnavailable):
            await bus.publish([Message(topic="qsmo.registry", key="k", value=b"of another", headers={})])
