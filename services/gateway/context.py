"""What a running gateway holds, started and stopped in order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from fastapi import FastAPI
from sqlalchemy import Table

from services.gateway import tables
from services.gateway.clients import Upstream, embedded_transport, http_transport
from services.gateway.config import Settings
from services.gateway.consumers.feed import FeedWriter
from services.gateway.documents import Documents
from services.gateway.fedramp.runner import FedrampImports
from services.gateway.feed.live import Live
from services.gateway.feed.reading import FeedReader
from shared.auth import DevelopmentIssuer, Verifier
from shared.db import Database, migrate
from shared.inbox import Consumer
from shared.process import Loops
from shared.service import SERVICES, TOPICS, Connections, forgetting
from shared.web.app import Check

_MIGRATIONS = "services.gateway.migrations"


@dataclass(slots=True, kw_only=True)
class Gateway:
    """The gateway has no facts of its own: no outbox, no relay."""

    settings: Settings
    db: Database
    connections: Connections
    upstreams: Mapping[str, Upstream]
    development_issuer: DevelopmentIssuer | None
    closing: asyncio.Event
    reader: FeedReader = field(init=False)
    live: Live = field(init=False)
    imports: FedrampImports = field(init=False)
    documents: Documents = field(init=False)
    consumer: Consumer = field(init=False)
    loops: Loops = field(init=False)

    def __post_init__(self) -> None:
        self.reader = FeedReader(self.db)
        self.live = Live(self.reader)
        self.imports = FedrampImports(db=self.db, upstreams=self.upstreams, member=self.settings.member)
        self.documents = Documents(self.upstreams)
        self.loops = Loops("gateway")
        self.consumer = Consumer(
            name="gateway-feed",
            db=self.db,
            bus=self.connections.bus,
            topics=TOPICS,
            tables=tables.inbox,
            handlers={},
            otherwise=FeedWriter(self.live).append,
            member=self.settings.member,
        )

    @property
    def consumers(self) -> tuple[Consumer, ...]:
        return (self.consumer,)

    @property
    def idempotency(self) -> Table:
        return tables.idempotency

    @property
    def verifier(self) -> Verifier:
        return self.connections.verifier

    async def start(self) -> None:
        if self.settings.migrate:
            await migrate.upgrade(self.db, package=_MIGRATIONS)
        topics = [topic for name in TOPICS for topic in (name, f"{name}.dlq")]
        await self.connections.bus.ensure_topics(topics, partitions=self.settings.partitions)
        await self.imports.interrupted()
        await self.live.start()
        self.loops.start("live", self.live.run)
        self.loops.start("closing", self._close_streams)
        self.loops.start(self.consumer.name, self.consumer.run)
        self.loops.start("idempotency keys", lambda: forgetting(self.db, tables.idempotency))

    async def _close_streams(self) -> None:
        await self.closing.wait()
        self.live.close()

    async def stop(self) -> None:
        self.live.close()
        await self.imports.close()
        await self.loops.stop()
        for upstream in self.upstreams.values():
            await upstream.close()
        await self.db.close()

    async def _schema(self) -> None:
        await migrate.check(self.db, package=_MIGRATIONS)

    async def progress(self) -> dict[str, int]:
        async with self.db.reading() as tx:
            return {"recorded": 0, "pending": 0, "heard": await self.consumer.heard(tx)}

    def checks(self) -> dict[str, Check]:
        """The gateway is ready without the services behind it: it serves the rest and says what is missing."""
        return {"database": self._schema, "bus": self.connections.bus.ping, "loops": self.loops.check}


def build(
    settings: Settings,
    connections: Connections,
    *,
    services: Mapping[str, FastAPI] | None,
    development_issuer: DevelopmentIssuer | None,
    closing: asyncio.Event,
) -> Gateway:
    """Nothing is opened yet: `start` does. Without `services` the settings say where they are."""
    return Gateway(
        settings=settings,
        db=Database(settings.database_url.get_secret_value(), clock=connections.clock, pool_size=settings.database_pool),
        connections=connections,
        upstreams={name: _upstream(name, settings, connections, services) for name in SERVICES},
        development_issuer=development_issuer,
        closing=closing,
    )


def _upstream(service: str, settings: Settings, connections: Connections, services: Mapping[str, FastAPI] | None) -> Upstream:
    url = settings.upstream_url(service) if services is None else f"http://{service}"
    if not url:
        raise ValueError(f"QSMO_GATEWAY_{service.upper()}_URL is not set.")
    return Upstream(
        service,
        base_url=url,
        transport=http_transport() if services is None else embedded_transport(services[service]),
        clock=connections.clock,
        deadline_s=settings.upstream_deadline_s,
    )
