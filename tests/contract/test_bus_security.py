"""The settings of a secured Kafka, on a real broker that lets nobody in without them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.registry.config import Settings
from shared.bus.port import BusUnavailable, Message
from shared.kernel.time import utc_now
from shared.service import Connections, kafka_connections
from tests.support.certificates import Authority
from tests.support.servers import SecuredKafkaServer

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(90)]

PASSWORD = "as it was given"
TOPIC = "secured"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    authority = Authority()
    authority.write(folder / "ca.pem")
    authority.issue(folder / "server.pem")
    authority.issue(folder / "client.pem", subject="qsmo")
    Authority("somebody else").write(folder / "other-ca.pem")
    for path in folder.iterdir():
        path.chmod(0o644)
    return folder


@pytest.fixture(scope="module")
def by_password(folder: Path) -> Iterator[SecuredKafkaServer]:
    with SecuredKafkaServer(folder, password=PASSWORD, protocol="SASL_SSL") as server:
        yield server


@pytest.fixture(scope="module")
def by_certificate(folder: Path) -> Iterator[SecuredKafkaServer]:
    with SecuredKafkaServer(folder, password=PASSWORD, protocol="SSL") as server:
        yield server


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What Kubernetes mounts: a file for each secret."""
    monkeypatch.setenv("QSMO_SECRETS_DIR", str(tmp_path))
    (tmp_path / "qsmo_registry_database_url").write_text("sqlite+aiosqlite:///unused.db")
    (tmp_path / "qsmo_registry_bus_password").write_text(PASSWORD + "\n")
    return tmp_path


def sasl(server: SecuredKafkaServer, folder: Path, **changed: object) -> Settings:
    given = {"bus_protocol": "SASL_SSL", "bus_username": "qsmo", "bus_ca_file": folder / "ca.pem"}
    return Settings.model_validate({"bus_url": f"kafka://{server.secured}", **given, **changed})


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Connections]:
    async with kafka_connections(settings, service="registry", clock=utc_now) as made:
        yield made


async def sends_and_hears(connections: Connections) -> bytes:
    bus = connections.bus
    await bus.ensure_topics([TOPIC], partitions=1)
    assert await bus.publish([Message(topic=TOPIC, key="k", value=b"secret", headers={})]) == [True]
    subscription = await bus.subscribe([TOPIC], group="g", member="m")
    (delivery,) = await subscription.fetch(max_messages=1, timeout_s=10)
    return delivery.value


async def test_a_password_lets_a_service_in_over_tls(by_password: SecuredKafkaServer, folder: Path, secrets: Path) -> None:
    async with connected(sasl(by_password, folder)) as made:
        await made.bus.ping()
        assert await sends_and_hears(made) == b"secret"


async def test_a_service_is_let_in_by_its_certificate(by_certificate: SecuredKafkaServer, folder: Path, secrets: Path) -> None:
    client = folder / "client.pem"
    settings = sasl(by_certificate, folder, bus_protocol="SSL", bus_certificate_file=client, bus_key_file=client)

    async with connected(settings) as made:
        assert await sends_and_hears(made) == b"secret"


async def test_nobody_is_let_in_without_a_certificate(
    by_certificate: SecuredKafkaServer, folder: Path, secrets: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    async with connected(sasl(by_certificate, folder, bus_protocol="SSL")) as made:
        with pytest.raises(BusUnavailable):
            await made.bus.ping()


async def test_the_broker_of_another_authority_is_refused(by_password: SecuredKafkaServer, folder: Path, secrets: Path) -> None:
    async with connected(sasl(by_password, folder, bus_ca_file=folder / "other-ca.pem")) as made:
        with pytest.raises(BusUnavailable):
            await made.bus.ping()


async def test_a_password_that_is_rotated_is_taken_up_without_a_restart(
    by_password: SecuredKafkaServer, folder: Path, secrets: Path
) -> None:
    file = secrets / "qsmo_registry_bus_password"
    async with connected(sasl(by_password, folder)) as made:
        await made.bus.ping()
        file.write_text("no longer it")
        with pytest.raises(BusUnavailable):
            await made.bus.ping()
        file.write_text(PASSWORD)
        await made.bus.ping()


def test_who_must_say_who_and_cannot_does_not_start(secrets: Path) -> None:
    (secrets / "qsmo_registry_bus_password").unlink()

    with pytest.raises(ValidationError, match="BUS_USERNAME and BUS_PASSWORD"):
        Settings.model_validate({"bus_protocol": "SASL_SSL", "bus_username": "qsmo"})
