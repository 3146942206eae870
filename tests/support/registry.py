"""A registry with a policy and a focus area, on a day that the test turns."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.registry.app import create_app
from services.registry.config import Settings
from shared.kernel.time import Clock, utc_now
from tests.support.apps import Api, an_api


class Day:
    """A clock that the test turns on."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def on(self, day: str) -> str:
        """Noon of that day; the instant."""
        self.now = datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)
        return self.now.isoformat()


@asynccontextmanager
async def a_registry(
    database_url: str, folder: Path, *, clock: Clock = utc_now, services: tuple[str, ...] = ()
) -> AsyncIterator[Api]:
    """With M-19-16 and cybersecurity's `services` on record, if any are named."""
    settings = Settings(database_url=database_url, migrate=True)
    async with an_api(lambda made: create_app(settings, connections=made), folder, clock=clock) as api:
        if services:
            policy = {"id": "m-19-16", "title": "M-19-16", "issuer": "OMB", "issued_on": "2019-04-26"}
            assert (await api.post("/v1/policies", policy, "omb")).status_code == 201
            of_area = [{"slug": slug, "title": slug} for slug in services]
            area = {"id": "cybersecurity", "title": "Cybersecurity", "policy": "m-19-16", "services": of_area}
            assert (await api.post("/v1/focus-areas", area, "omb")).status_code == 201
        yield api


async def an_organization(api: Api, name: str, **more: Any) -> str:
    answer = await api.post("/v1/organizations", {"name": name, "kind": "component", **more}, "coordinator")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])
