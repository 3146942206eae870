"""Events, running gateways and loopback servers for the gateway's suites."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import orjson
import uvicorn
from fastapi import FastAPI

from services.gateway.app import create_app
from services.gateway.config import Settings
from services.gateway.consumers.feed import FeedWriter
from services.gateway.context import Gateway
from services.gateway.webhooks.guard import Resolver, system_resolver
from shared.auth import AUDIENCE, DEV_ISSUER, DevelopmentIssuer, Verifier
from shared.bus.port import Bus, Delivery
from shared.contracts.envelope import Event
from shared.kernel.cause import Cause
from shared.kernel.ids import new_id
from shared.kernel.time import Clock, utc_now
from shared.service import Connections
from shared.web.server import AtOnce


class StillSubscription:
    """A member that nothing ever comes to."""

    async def fetch(self, *, max_messages: int, timeout_s: float) -> list[Delivery]:
        await asyncio.sleep(timeout_s)
        return []

    async def commit(self, next_offsets: Mapping[tuple[str, int], int]) -> None: ...

    async def lag(self) -> Mapping[tuple[str, int], int]:
        return {}

    async def close(self) -> None: ...


class StillBus:
    """A bus that takes everything and brings nothing."""

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def ensure_topics(self, topics: Sequence[str], *, partitions: int = 6) -> None: ...

    async def publish(self, messages: Sequence[Any]) -> list[bool]:
        return [True] * len(messages)

    async def subscribe(self, topics: Sequence[str], *, group: str, member: str) -> StillSubscription:
        return StillSubscription()

    async def records(self, topics: Sequence[str]) -> AsyncIterator[list[Any]]:
        for _ in ():
            yield []

    async def ping(self) -> None: ...


def an_event(**overrides: Any) -> Event:
    data = overrides.pop("data", {"title": "Cybersecurity", "status": "open"})
    values: dict[str, Any] = {
        "id": new_id(),
        "source": "/catalog",
        "type": "qsmo.catalog.marketplace.opened.v1",
        "subject": new_id(),
        "time": "2026-01-05T12:00:00.000000Z",
        "data": data if isinstance(data, bytes) else orjson.dumps(data),
        "aggregate_version": 1,
        "actor": "someone",
        "correlation_id": new_id(),
    }
    return Event(**(values | overrides))


def an_organization(id: str, *, code: str, parent_id: str | None = None) -> Event:
    data = {
        "organization_id": id,
        "name": f"Office {id}",
        "kind": "office",
        "parent_id": parent_id,
        "codes": [{"scheme": "cgac", "value": code}],
    }
    return an_event(source="/registry", type="qsmo.registry.organization.registered.v1", subject=id, data=data)


def deliveries(events: Sequence[Event]) -> list[Delivery]:
    return [
        Delivery(topic=e.topic, partition=0, offset=n, key=e.subject, value=e.data, headers=e.headers())
        for n, e in enumerate(events)
    ]


async def append(gateway: Gateway, *events: Event) -> None:
    """As the consumer does it, without the bus."""
    async with gateway.db.transaction(Cause(actor="tests")) as tx:
        await FeedWriter(gateway.live).append(tx, events)


class Harness:
    """A running gateway and clients of it."""

    def __init__(self, app: FastAPI, issuer: DevelopmentIssuer) -> None:
        self.app = app
        self.issuer = issuer
        self.gateway = cast("Gateway", app.state.context)

    def headers(self, *roles: str, subject: str = "tester") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.issuer.token(subject=subject, roles=list(roles))}"} if roles else {}

    def client(self, *roles: str, subject: str = "tester") -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        headers = self.headers(*roles, subject=subject)
        return httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers, timeout=30)


# 32 bytes in base64: tests' own.
SIGNING_KEY = "dGVzdHMnIG93biBrZXksIDMyIGJ5dGVzIGxvbmchISE="


class SetClock:
    """Stands where it is put."""

    def __init__(self, at: datetime | None = None) -> None:
        self.at = at or utc_now()

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **by: float) -> None:
        self.at += timedelta(**by)


def connections_for(folder: Path, *, bus: Bus | None = None, clock: Clock = utc_now) -> tuple[Connections, DevelopmentIssuer]:
    issuer = DevelopmentIssuer(folder / "issuer.key")
    verifier = Verifier(issuer=DEV_ISSUER, audience=AUDIENCE, keys=issuer)
    return Connections(bus=bus or StillBus(), verifier=verifier, clock=clock), issuer


@asynccontextmanager
async def a_gateway(
    database_url: str,
    folder: Path,
    *,
    services: Mapping[str, Any] | None = None,
    bus: Bus | None = None,
    clock: Clock = utc_now,
    resolver: Resolver = system_resolver,
    tls: ssl.SSLContext | None = None,
    **settings: Any,
) -> AsyncIterator[Harness]:
    """By default over services whose addresses nothing listens at."""
    connections, issuer = connections_for(folder, bus=bus, clock=clock)
    nowhere = {f"{name}_url": f"http://127.0.0.1:{unused_port()}" for name in ("registry", "catalog", "adoption")}
    values: dict[str, Any] = {"database_url": database_url, "migrate": True, "signing_key": SIGNING_KEY} | nowhere | settings
    app = create_app(
        Settings.model_validate(values),
        connections=connections,
        services=services,
        development_issuer=issuer,
        clock=clock,
        resolver=resolver,
        tls=tls,
    )
    async with app.router.lifespan_context(app):
        yield Harness(app, issuer)


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """The address of the app on a loopback port."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, lifespan="off", log_level="critical", access_log=False, ws="none", http=AtOnce
    )
    server = uvicorn.Server(config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        task = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = server.force_exit = True
            await task
