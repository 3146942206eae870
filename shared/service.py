"""A running service: its database, bus, relay, consumers and imports, started and stopped in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
from fastapi import FastAPI
from sqlalchemy import Table, func, select

from shared import telemetry, tracing
from shared.auth import GATEWAY_ISSUER, JwksUrl, Verifier
from shared.bus.port import Bus
from shared.db import Database, Transaction, migrate
from shared.imports.rows import ImportKind
from shared.imports.runner import ImportRunner
from shared.imports.tables import ImportTables
from shared.inbox import Consumer
from shared.kernel.cause import Cause
from shared.kernel.time import Clock
from shared.outbox import Relay
from shared.process import Loops, tune_interpreter
from shared.settings import ServiceSettings
from shared.web.app import Check, Lifespan
from shared.web.idempotency import forget_old_answers

if TYPE_CHECKING:
    from shared.bus.kafka import KafkaBus

_FORGET_EVERY_S = 3_600.0
SERVICES = ("registry", "catalog", "adoption")
TOPICS = tuple(f"qsmo.{service}" for service in SERVICES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """What a service is given to run on. Whoever made the bus starts and closes it."""

    bus: Bus
    verifier: Verifier
    clock: Clock


@dataclass(slots=True, kw_only=True)
class Owner:
    """What a running owner service (registry, catalog, adoption) holds."""

    name: str
    settings: ServiceSettings
    db: Database
    connections: Connections
    migrations: str
    outbox: Table
    idempotency: Table
    import_tables: ImportTables
    kinds: Mapping[str, ImportKind]
    consumers: Sequence[Consumer] = ()
    runner: ImportRunner = field(init=False)
    loops: Loops = field(init=False)

    def __post_init__(self) -> None:
        self.runner = ImportRunner(db=self.db, tables=self.import_tables, member=self.settings.member)
        self.loops = Loops(self.name)

    @property
    def verifier(self) -> Verifier:
        return self.connections.verifier

    async def start(self) -> None:
        if self.settings.migrate:
            await migrate.upgrade(self.db, package=self.migrations)
        await self.runner.interrupted()
        telemetry.POOL.labels(self.name).set_function(self.db.connections_in_use)
        if self.settings.works:
            await self.work()

    async def work(self) -> None:
        """Begin all that goes on without being asked for."""
        bus = self.connections.bus
        await ensure_topics(bus, self.settings)
        relay = Relay(service=self.name, db=self.db, outbox=self.outbox, bus=bus, importing=self.runner.is_applying)
        self.loops.start("relay", relay.run)
        for consumer in self.consumers:
            self.loops.start(consumer.name, consumer.run)
        self.loops.start("idempotency keys", lambda: forgetting(self.db, self.idempotency))

    async def stop(self) -> None:
        await self.runner.close()
        await self.loops.stop()
        await self.db.close()

    async def _schema(self) -> None:
        await migrate.check(self.db, package=self.migrations)

    async def progress(self) -> dict[str, int]:
        """Facts ever recorded here, those of them not yet published, and facts of others ever applied here."""
        c = self.outbox.c
        async with self.db.reading() as tx:
            recorded = select(func.count()).select_from(self.outbox)
            return {
                "recorded": int((await tx.execute(recorded)).scalar_one()),
                "pending": int((await tx.execute(recorded.where(c.published_at.is_(None)))).scalar_one()),
                "heard": sum([await consumer.heard(tx) for consumer in self.consumers]),
            }

    async def applied(self, tx: Transaction, *, service: str, aggregate: str) -> int | None:
        """As `shared.inbox.Consumer.applied`, of the consumer that is furthest behind."""
        found = [await consumer.applied(tx, f"qsmo.{service}", aggregate) for consumer in self.consumers]
        return min((version for version in found if version is not None), default=None)

    def checks(self) -> dict[str, Check]:
        """An API alone needs no bus: what it records waits for a worker."""
        checks: dict[str, Check] = {"database": self._schema, "loops": self.loops.check}
        return {**checks, "bus": self.connections.bus.ping} if self.settings.works else checks


async def ensure_topics(bus: Bus, settings: ServiceSettings) -> None:
    topics = [topic for name in TOPICS for topic in (name, f"{name}.dlq")]
    await bus.ensure_topics(topics, partitions=settings.partitions)


async def forgetting(db: Database, idempotency: Table) -> None:
    """Drops old answers every hour until cancelled."""
    while True:
        async with db.transaction(Cause(actor="system:housekeeping")) as tx:
            await forget_old_answers(tx, idempotency)
        await asyncio.sleep(_FORGET_EVERY_S)


@asynccontextmanager
async def kafka_connections(settings: ServiceSettings, *, service: str, clock: Clock) -> AsyncIterator[Connections]:
    """The cluster's bus and identity provider, by settings alone."""
    async with kafka_bus(settings, service=service) as bus:
        addresses = [settings.jwks_url, settings.gateway_jwks_url]
        # The authorities' certificates take 3 MB: only for an address that needs them (nothing follows redirects).
        async with httpx.AsyncClient(verify=any(url.startswith("https:") for url in addresses if url)) as client:
            keys = JwksUrl(settings.jwks_url, client=client)
            verifier = Verifier(issuer=settings.issuer, audience=settings.audience, keys=keys)
            if settings.gateway_jwks_url:
                verifier.trust(GATEWAY_ISSUER, JwksUrl(settings.gateway_jwks_url, client=client))
            yield Connections(bus=bus, verifier=verifier, clock=clock)


@asynccontextmanager
async def kafka_bus(settings: ServiceSettings, *, service: str) -> AsyncIterator[KafkaBus]:
    """The cluster's bus, started."""
    from shared.bus.kafka import KafkaBus, KafkaSecurity, KafkaSettings  # noqa: PLC0415 - embedded mode never pays for aiokafka

    bootstrap = settings.bus_url.removeprefix("kafka://")
    security = KafkaSecurity(
        protocol=settings.bus_protocol,
        mechanism=settings.bus_mechanism,
        username=settings.bus_username or None,
        password=lambda: settings.current("bus_password"),
        ca_file=settings.bus_ca_file,
        certificate_file=settings.bus_certificate_file,
        key_file=settings.bus_key_file,
    )
    bus = KafkaBus(KafkaSettings(bootstrap=bootstrap, client_id=f"qsmo-{service}-{settings.member}", security=security))
    await bus.start()
    try:
        yield bus
    finally:
        await bus.close()


def owner_lifespan(
    service: str,
    build: Callable[[Connections], Owner],
    *,
    settings: ServiceSettings,
    connections: Connections | None,
    clock: Clock,
) -> Lifespan:
    """The app's lifespan: on the given connections, or on the cluster's."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if connections is None:
            telemetry.configure_logging(level=settings.log_level)
            async with (
                tracing.exporting(f"qsmo-{service}", endpoint=settings.otlp_endpoint, instance=settings.member),
                kafka_connections(settings, service=service, clock=clock) as made,
                _running(app, build(made)),
            ):
                tune_interpreter()
                yield
        else:
            async with _running(app, build(connections)):
                yield

    return lifespan


@asynccontextmanager
async def _running(app: FastAPI, owner: Owner) -> AsyncIterator[None]:
    app.state.context = owner
    try:
        await owner.start()
        yield
    finally:
        await owner.stop()
