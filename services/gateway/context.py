"""What a running gateway holds, started and stopped in order."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import TypeVar

import orjson
from fastapi import FastAPI
from sqlalchemy import Table

from services.gateway import tables
from services.gateway.audit.making import Checkpoints
from services.gateway.audit.proof import Proofs
from services.gateway.clients import Circuit, RawHeaders, Upstream
from services.gateway.compose import Composer
from services.gateway.config import Settings
from services.gateway.consumers.feed import FeedWriter
from services.gateway.dashboard.oidc import Provider
from services.gateway.dashboard.operations import Operations
from services.gateway.documents import Documents
from services.gateway.exports.files import TABLES_AT_ONCE
from services.gateway.exports.lines import Exporter
from services.gateway.fedramp.runner import FedrampImports
from services.gateway.feed.fanout import Fanout
from services.gateway.feed.live import Live
from services.gateway.feed.reading import FeedReader
from services.gateway.http1 import Http1
from services.gateway.in_process import InProcess
from services.gateway.keyring import Keyring
from services.gateway.keys.commands import Rules as KeyRules
from services.gateway.keys.exchange import Exchange, Tokens
from services.gateway.pages.answers import KeptAnswers
from services.gateway.pages.asking import Asker, Composed, composed
from services.gateway.pages.kept import KeptPages, Key
from services.gateway.pages.sections import PageKind
from services.gateway.webhooks.commands import Rules
from services.gateway.webhooks.delivery import Deliveries
from services.gateway.webhooks.guard import Guard, Resolver, system_resolver
from services.gateway.webhooks.ledger import Ledger
from services.gateway.webhooks.sending import Sender
from shared import telemetry
from shared.auth import ANONYMOUS, GATEWAY_ISSUER, DevelopmentIssuer, Principal, Verifier
from shared.db import Database, Transaction, migrate
from shared.inbox import Consumer
from shared.kernel.errors import Unavailable
from shared.process import Loops
from shared.service import SERVICES, TOPICS, Connections, ensure_topics, forgetting
from shared.web.app import Check

T = TypeVar("T")
_HEARTBEAT_S = 15.0
# Until other services have come to know a fact that the feed has.
_SETTLE_S = 0.5
# Of an area that the regime does not name yet.
_NEW_AREA = "qsmo.registry.focus_area.registered.v1"
_MIGRATIONS = "services.gateway.migrations"


@dataclass(slots=True, kw_only=True)
class Gateway:
    """Facts of its own go straight to the feed: no outbox, no relay."""

    settings: Settings
    db: Database
    connections: Connections
    upstreams: Mapping[str, Upstream]
    development_issuer: DevelopmentIssuer | None
    closing: asyncio.Event
    resolver: Resolver = system_resolver
    tls: ssl.SSLContext | None = None
    reader: FeedReader = field(init=False)
    live: Live = field(init=False)
    fanout: Fanout = field(init=False)
    imports: FedrampImports = field(init=False)
    documents: Documents = field(init=False)
    operations: Operations = field(init=False)
    exporter: Exporter = field(init=False)
    proofs: Proofs = field(init=False)
    asker: Asker = field(init=False)
    pages: KeptPages = field(init=False)
    answers: KeptAnswers = field(init=False)
    checkpoints: Checkpoints | None = field(init=False)
    tokens: Tokens | None = field(init=False)
    _exchange: Exchange | None = field(init=False)
    consumer: Consumer = field(init=False)
    writer: FeedWriter = field(init=False)
    keyring: Keyring | None = field(init=False)
    _deliveries: Deliveries | None = field(init=False)
    _rules: Rules | None = field(init=False)
    _provider: Provider | None = field(init=False, default=None)
    loops: Loops = field(init=False)

    def __post_init__(self) -> None:
        self.reader = FeedReader(self.db)
        self.live = Live(self.reader)
        self.fanout = Fanout(self.live, heartbeat_s=_HEARTBEAT_S)
        self.imports = FedrampImports(db=self.db, upstreams=self.upstreams, member=self.settings.member)
        self.documents = Documents(self.upstreams)
        self.operations = Operations(self.upstreams)
        self.exporter = Exporter(self.db, self.reader, tables_at_once=TABLES_AT_ONCE)
        self.proofs = Proofs()
        self.asker = Asker(self.upstreams, deadline_s=self.settings.compose_deadline_s, clock=self.connections.clock)
        self.pages = KeptPages(self.live, pages_max=self.settings.pages_max, fresh_s=self.settings.page_fresh_s)
        self.answers = KeptAnswers(
            self.live,
            services=tuple(self.upstreams),
            bytes_max=self.settings.answers_bytes_max,
            fresh_s=self.settings.page_fresh_s,
            settle_s=_SETTLE_S,
        )
        self.loops = Loops("gateway")
        self.writer = FeedWriter(self.live)
        seed = self.settings.signing_key.get_secret_value()
        self.keyring = Keyring(seed) if seed else None
        self._rules = self._deliveries = self.checkpoints = self.tokens = self._exchange = None
        if self.keyring is not None:
            self._build_webhooks(self.keyring)
            self.tokens = Tokens(self.keyring.tokens)
            self._exchange = Exchange(self.db, self.tokens)
            self.verifier.trust(GATEWAY_ISSUER, self.tokens)
            every = timedelta(seconds=self.settings.checkpoint_every_s)
            self.checkpoints = Checkpoints(self.db, self.keyring, every=every, poll_s=self.settings.checkpoint_poll_s)
        self.consumer = Consumer(
            name="gateway-feed",
            db=self.db,
            bus=self.connections.bus,
            topics=TOPICS,
            tables=tables.inbox,
            handlers={},
            otherwise=self.writer.append,
            member=self.settings.member,
            rest_s=0.0,  # whoever watches waits for it
        )

    def _build_webhooks(self, keyring: Keyring) -> None:
        s = self.settings
        guard = Guard(allowed=s.webhook_allowed_networks, allow_http=s.webhook_allow_http, resolver=self.resolver)
        self._rules = Rules(
            writer=self.writer,
            keyring=keyring,
            guard=guard,
            per_owner=s.webhooks_per_owner,
            overlap=timedelta(seconds=s.webhook_overlap_s),
        )
        self._deliveries = Deliveries(
            db=self.db,
            reader=self.reader,
            live=self.live,
            ledger=Ledger(self.db, self.writer, disable_after=timedelta(seconds=s.webhook_disable_after_s)),
            sender=Sender(guard, timeout_s=s.webhook_timeout_s, connections=s.webhook_concurrency, tls=self.tls),
            keyring=keyring,
            concurrency=s.webhook_concurrency,
            poll_s=s.webhook_poll_s,
            log_kept=timedelta(days=s.webhook_log_days),
        )

    async def page(self, kind: PageKind, id: str, principal: Principal, *, headers: RawHeaders) -> Composed:
        """As this caller may see it, put together anew, and kept. Raises NotFound."""
        asked_at_seq = self.live.last
        page = await self.asker.page(kind, id, headers=headers)
        self.pages.keep((kind.name, id, principal), page, asked_at_seq=asked_at_seq)
        return page

    async def regime(self, as_of: date | None, *, headers: RawHeaders) -> Composed:
        """Public, put together anew, and kept."""
        asked_at_seq = self.live.last
        composer = Composer(self.upstreams, deadline_s=self.settings.compose_deadline_s, headers=headers)
        found = await composer.regime(as_of=as_of)
        page = composed(orjson.dumps(found), found["missing"])
        about = (_NEW_AREA, *(area["id"] for area in found["items"]))
        self.pages.keep(regime_key(as_of), page, asked_at_seq=asked_at_seq, about=about)
        return page

    @property
    def webhook_rules(self) -> Rules:
        """Raises Unavailable in an installation without a key."""
        return _needing_key(self._rules)

    @property
    def deliveries(self) -> Deliveries:
        """Raises Unavailable in an installation without a key."""
        return _needing_key(self._deliveries)

    @property
    def exchange(self) -> Exchange:
        """Raises Unavailable in an installation without a key."""
        return _needing_key(self._exchange)

    @property
    def key_rules(self) -> KeyRules:
        """Raises Unavailable in an installation without a key: what it made could not be used."""
        _needing_key(self._exchange)
        s = self.settings
        overlap = timedelta(seconds=s.api_key_overlap_s)
        return KeyRules(writer=self.writer, per_owner=s.api_keys_per_owner, overlap=overlap)

    @property
    def provider(self) -> Provider | None:
        """Where people sign in; None where nobody does."""
        if self._provider is None and self.settings.oidc_client_id:
            self._provider = Provider(self.settings)
        return self._provider

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
        await self.imports.interrupted()
        await self.live.start()
        telemetry.POOL.labels("gateway").set_function(self.db.connections_in_use)
        self.loops.start("live", self.live.run)
        self.loops.start("closing", self._close_streams)
        if self.settings.answers:
            self.loops.start("fan-out", self.fanout.run)
            self.loops.start("pages", self.pages.run)
            self.loops.start("answers", self.answers.run)
        if self.settings.works:
            await self._work()

    async def _work(self) -> None:
        await ensure_topics(self.connections.bus, self.settings)
        self.loops.start(self.consumer.name, self.consumer.run)
        if self._deliveries is not None:
            self.loops.start("webhooks", self._deliveries.run)
        if self.checkpoints is not None:
            self.loops.start("checkpoints", self.checkpoints.run)
        self.loops.start("idempotency keys", lambda: forgetting(self.db, tables.idempotency))

    async def _close_streams(self) -> None:
        await self.closing.wait()
        self.live.close()

    async def stop(self) -> None:
        self.live.close()
        await self.imports.close()
        await self.loops.stop()
        if self._deliveries is not None:
            await self._deliveries.close()
        if self._provider is not None:
            await self._provider.close()
        for upstream in self.upstreams.values():
            await upstream.close()
        await self.db.close()

    async def _schema(self) -> None:
        await migrate.check(self.db, package=_MIGRATIONS)

    async def progress(self) -> dict[str, int]:
        async with self.db.reading() as tx:
            return {"recorded": 0, "pending": 0, "heard": await self.consumer.heard(tx)}

    async def applied(self, tx: Transaction, *, service: str, aggregate: str) -> int | None:
        return await self.consumer.applied(tx, f"qsmo.{service}", aggregate)

    def checks(self) -> dict[str, Check]:
        """The gateway is ready without the services behind it: it serves the rest and says what is missing."""
        checks: dict[str, Check] = {"database": self._schema, "loops": self.loops.check}
        return {**checks, "bus": self.connections.bus.ping} if self.settings.works else checks


def regime_key(as_of: date | None) -> Key:
    """What the regime overview of a day is kept under; it is the same for everybody."""
    return "regime", as_of.isoformat() if as_of else "", ANONYMOUS


def _needing_key(found: T | None) -> T:
    if found is None:
        raise Unavailable("This needs a key of the installation: its operator sets QSMO_GATEWAY_SIGNING_KEY.", retry_after_s=60)
    return found


def build(
    settings: Settings,
    connections: Connections,
    *,
    services: Mapping[str, FastAPI] | None,
    development_issuer: DevelopmentIssuer | None,
    closing: asyncio.Event,
    resolver: Resolver = system_resolver,
    tls: ssl.SSLContext | None = None,
) -> Gateway:
    """Nothing is opened yet: `start` does. Without `services` the settings say where they are."""
    url = partial(settings.current, "database_url")
    return Gateway(
        settings=settings,
        db=Database(url(), url_now=url, clock=connections.clock, pool_size=settings.database_pool),
        connections=connections,
        upstreams={name: _upstream(name, settings, connections, services) for name in SERVICES},
        development_issuer=development_issuer,
        closing=closing,
        resolver=resolver,
        tls=tls,
    )


def _upstream(service: str, settings: Settings, connections: Connections, services: Mapping[str, FastAPI] | None) -> Upstream:
    url = settings.upstream_url(service)
    if services is None and not url:
        raise ValueError(f"QSMO_GATEWAY_{service.upper()}_URL is not set.")
    return Upstream(
        service,
        transport=Http1(url) if services is None else InProcess(services[service], name=service),
        clock=connections.clock,
        deadline_s=settings.upstream_deadline_s,
        circuit=Circuit(failures_max=settings.circuit_failures, open_s=settings.circuit_open_s),
    )
