"""Owner apps in this process, with tokens to call them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from shared.auth import AUDIENCE, DEV_ISSUER, DevelopmentIssuer, Verifier
from shared.bus.embedded import EmbeddedBus
from shared.kernel.time import Clock, utc_now
from shared.service import Connections
from tests.support.plans import PlanOffice


@dataclass
class Api:
    """A client of one app; each call names the roles it is made with."""

    app: FastAPI
    client: httpx.AsyncClient
    issuer: DevelopmentIssuer
    connections: Connections

    def headers(self, *roles: str, subject: str = "tester") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.issuer.token(subject=subject, roles=list(roles))}"} if roles else {}

    @property
    def plans(self) -> PlanOffice:
        return PlanOffice(self.client, lambda subject, roles: self.issuer.token(subject=subject, roles=roles))

    async def get(self, path: str, *roles: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers={**self.headers(*roles), **headers})

    async def post(self, path: str, body: Any, *roles: str, etag: str | None = None, **headers: str) -> httpx.Response:
        given = {"If-Match": etag} if etag else {}
        return await self.client.post(path, json=body, headers={**self.headers(*roles), **given, **headers})

    async def put(self, path: str, body: Any, *roles: str, etag: str | None = None) -> httpx.Response:
        given = {"If-Match": etag} if etag else {}
        return await self.client.put(path, json=body, headers={**self.headers(*roles), **given})


@asynccontextmanager
async def an_api(build: Callable[[Connections], FastAPI], folder: Path, *, clock: Clock = utc_now) -> AsyncIterator[Api]:
    """The app running on an embedded bus of its own."""
    issuer = DevelopmentIssuer(folder / "issuer.key")
    bus = EmbeddedBus(folder / "events.db")
    await bus.start()
    connections = Connections(bus=bus, verifier=Verifier(issuer=DEV_ISSUER, audience=AUDIENCE, keys=issuer), clock=clock)
    app = build(connections)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    try:
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://service") as client,
        ):
            yield Api(app, client, issuer, connections)
    finally:
        await bus.close()
