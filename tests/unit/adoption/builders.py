"""Facts of other services, and a running adoption service that was told them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
from sqlalchemy import select

from services.adoption import tables
from services.adoption.app import create_app
from services.adoption.config import Settings
from services.adoption.domain.m3 import TOLLGATES, Phase, criteria_of
from services.adoption.domain.risk import Category, Level, Rating, RiskAssessment, Size, weights_of
from shared.bus.port import Delivery
from shared.contracts.catalog import OfferingFact, OfferingListed
from shared.contracts.envelope import Event
from shared.contracts.fact import Fact
from shared.contracts.registry import CodeEntry, OrganizationFact, OrganizationRegistered
from shared.db import Database
from shared.kernel.time import Clock, FiscalYear, utc_now
from shared.service import Owner
from tests.support.apps import Api, an_api


def an_organization(
    id: str, *codes: tuple[str, str], kind: type[OrganizationFact] = OrganizationRegistered, **more: Any
) -> OrganizationFact:
    given = {"name": id.upper(), "kind": "component", **more}
    return kind(organization_id=id, codes=tuple(CodeEntry(scheme=s, value=v) for s, v in codes), **given)


def an_offering(id: str, *, kind: type[OfferingFact] = OfferingListed, **more: Any) -> OfferingFact:
    given = {
        "code": id.upper(),
        "name": f"Offering {id}",
        "kind": "commercial_product",
        "status": "listed",
        "revision": 1,
        **more,
    }
    return kind(offering_id=id, **given)


def rated(phase: Phase, *, leave_out: Category | None = None) -> RiskAssessment:
    """An assessment of a large project, every category low."""
    ratings = tuple(Rating(category=c, level=Level.LOW, grounds="seen") for c in Category if c is not leave_out)
    weights = weights_of(Size.LARGE, phase)
    return RiskAssessment(n=1, phase=phase, size=Size.LARGE, ratings=ratings, weights=weights, on=date(2026, 3, 1), by="lead")


_SUBJECTS = (
    "post",
    "designation_id",
    "organization_id",
    "offering_id",
    "vehicle_id",
    "standard_id",
    "focus_area",
)


@dataclass
class World:
    """Adoption, and what the other services told it. `tell` speaks as their topics do."""

    api: Api
    versions: Counter[str] = field(default_factory=Counter)

    @property
    def owner(self) -> Owner:
        owner: Owner = self.api.app.state.context
        return owner

    @property
    def db(self) -> Database:
        return self.owner.db

    def deliveries(self, *facts: Fact) -> list[Delivery]:
        return [self._delivery(fact) for fact in facts]

    def _delivery(self, fact: Fact) -> Delivery:
        told = fact.model_dump()
        subject = next(told[name] for name in _SUBJECTS if name in told)
        self.versions[subject] += 1
        event = Event(
            id=f"{subject}-{self.versions[subject]}",
            source="/elsewhere",
            type=fact.TYPE,
            subject=subject,
            time="2026-01-01T00:00:00.000000Z",
            data=fact.to_json().encode(),
            aggregate_version=self.versions[subject],
            actor="elsewhere",
            correlation_id="told",
        )
        return Delivery(topic=fact.topic, partition=0, offset=0, key=subject, value=event.data, headers=event.headers())

    async def tell(self, *facts: Fact) -> None:
        await self.owner.consumers[0].process(self.deliveries(*facts))

    async def imported(self, rows: Iterable[dict[str, Any]], *, role: str = "coordinator", **parameters: str) -> dict[str, Any]:
        """The finished operation."""
        lines = b"\n".join(orjson.dumps(row) for row in rows)
        answer = await self.api.client.post(
            "/v1/imports/fedramp", content=lines, headers=self.api.headers(role), params=parameters
        )
        assert answer.status_code == 202, answer.text
        operation: dict[str, Any] = answer.json()
        async with asyncio.timeout(60):
            while operation["status"] == "running":
                await asyncio.sleep(0.01)
                operation = (await self.api.get(f"/v1/operations/{operation['id']}", role)).json()
        assert operation["status"] == "succeeded", operation["detail"]
        return operation

    async def reports(self, operation: dict[str, Any]) -> list[dict[str, Any]]:
        answer = await self.api.get(f"/v1/operations/{operation['id']}/rows?limit=200", "coordinator")
        rows: list[dict[str, Any]] = answer.json()["items"]
        return rows

    async def adoptions(self, query: str = "", *roles: str) -> list[dict[str, Any]]:
        answer = await self.api.get(f"/v1/adoptions?limit=200{query}", *roles)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def recorded(self, of: str = "adoption") -> list[tuple[str, dict[str, Any], dict[str, str]]]:
        """(type, fact, headers) of everything recorded here about adoptions, criteria or tollgates, in order."""
        prefix = f"qsmo.adoption.{of}."
        async with self.db.reading() as tx:
            rows = await tx.rows(select(tables.outbox).order_by(tables.outbox.c.id))
        return [
            (
                row["headers"]["ce_type"].removeprefix(prefix).removesuffix(".v1"),
                orjson.loads(row["payload"]),
                row["headers"],
            )
            for row in rows
            if row["headers"]["ce_type"].startswith(prefix)
        ]

    async def recorded_types(self) -> list[str]:
        return [type_ for type_, _, _ in await self.recorded()]


@asynccontextmanager
async def a_world(database_url: str, folder: Path, *, clock: Clock = utc_now) -> AsyncIterator[World]:
    """A department with a component and an office, another department, two offerings, one not open to anybody yet."""
    settings = Settings(database_url=database_url, migrate=True)
    async with an_api(lambda made: create_app(settings, connections=made, clock=clock), folder, clock=clock) as api:
        world = World(api)
        await world.tell(
            an_organization(
                "dhs", ("cgac", "070"), ("fedramp", "22-011"), kind=OrganizationRegistered, name="Homeland Security"
            ),
            an_organization("cisa", ("subtier", "7008"), ("fedramp", "22-011-04"), parent_id="dhs"),
            an_organization("csd", parent_id="cisa"),
            an_organization("doi", ("cgac", "014"), ("fedramp", "22-013"), name="Interior"),
            an_offering("dns", focus_areas=("cybersecurity",), provider_name="A provider"),
            an_offering("pay", focus_areas=("human-resources", "financial-management"), revision=3),
            an_offering("draft", status="draft", revision=0),
        )
        yield world


async def started(
    world: World, *, agency: str = "cisa", offering: str = "dns", role: str = "agency:7008:sapoc", **more: Any
) -> httpx.Response:
    return await world.api.post("/v1/adoptions", {"agency_id": agency, "offering_id": offering, **more}, role)


async def acted(world: World, shown: httpx.Response, path: str, role: str, subject: str, **body: str) -> httpx.Response:
    """An action on an adoption as it was last shown."""
    headers = world.api.headers(role, subject=subject)
    url = f"/v1/adoptions/{shown.json()['id']}/{path}"
    return await world.api.client.post(url, json=body, headers={**headers, "If-Match": shown.headers["etag"]})


async def gate_passed(
    world: World, shown: httpx.Response, *, role: str = "agency:7008:sapoc", qsmo: str = "qsmo:cybersecurity"
) -> httpx.Response:
    """What the present phase asks for: criteria met, its tollgate signed, an agreement made, going live decided."""
    phase = Phase(shown.json()["phase"])
    for criterion in criteria_of(phase):
        shown = await acted(
            world, shown, f"criteria/{criterion.id}/meet", role, "sapoc", evidence="https://example.gov/evidence"
        )
        assert shown.status_code == 200, shown.text
    if phase in TOLLGATES:
        shown = await risk_rated(world, shown, role=role)
        for side, by in (("agency", role), ("qsmo", qsmo)):
            shown = await acted(world, shown, "tollgate/sign", by, f"{side} signer", side=side)
            assert shown.status_code == 200, shown.text
    if phase is Phase.SELECTION:
        await agreed(world, shown, role=role, qsmo=qsmo)
    if phase is Phase.MIGRATION:
        planned = (world.owner.db.clock().date() + timedelta(days=45)).isoformat()
        shown = await acted(world, shown, "go-live", role, "head", outcome="go", go_live_on=planned)
        assert shown.status_code == 200, shown.text
    return shown


async def risk_rated(
    world: World, shown: httpx.Response, *, role: str = "agency:7008:sapoc", leave_out: Iterable[str] = (), **more: str
) -> httpx.Response:
    """Every category low, but for `more`: category with underscores → level."""
    levels = {category.value: "low" for category in Category if category not in set(leave_out)}
    levels |= {name.replace("_", "-"): level for name, level in more.items()}
    ratings = {category: {"level": level, "grounds": "Looked at in a workshop"} for category, level in levels.items()}
    headers = {**world.api.headers(role, subject="risk lead"), "If-Match": shown.headers["etag"]}
    url = f"/v1/adoptions/{shown.json()['id']}/risk"
    return await world.api.client.post(url, json={"size": "large", "ratings": ratings}, headers=headers)


def terms(world: World, **more: Any) -> dict[str, Any]:
    """Of an agreement that began yesterday."""
    begun = world.owner.db.clock().date() - timedelta(days=1)
    funding = {str(FiscalYear.of(begun).year): {"amount": "125000.00"}}
    days = {"begins_on": begun.isoformat(), "ends_on": (begun + timedelta(days=365)).isoformat()}
    return {"number": "IAA-1", "kind": "iaa", **days, "funding": funding, **more}


async def agreed(
    world: World, shown: httpx.Response, *, role: str = "agency:7008:sapoc", qsmo: str = "qsmo:cybersecurity", **more: Any
) -> httpx.Response:
    """An agreement behind the adoption, active."""
    body = {"adoption_id": shown.json()["id"], **terms(world, **more)}
    found = await world.api.post("/v1/agreements", body, role)
    assert found.status_code == 201, found.text
    for action, by, subject in (("send", role, "a"), ("sign", role, "a"), ("countersign", qsmo, "b"), ("activate", role, "a")):
        headers = {**world.api.headers(by, subject=subject), "If-Match": found.headers["etag"]}
        found = await world.api.client.post(f"/v1/agreements/{found.json()['id']}/{action}", headers=headers)
        assert found.status_code == 200, found.text
    return found


async def advanced(world: World, shown: httpx.Response, *, qsmo: str = "qsmo:cybersecurity", **body: str) -> httpx.Response:
    """In the next phase, through the gate."""
    ready = await gate_passed(world, shown, qsmo=qsmo)
    return await acted(world, ready, "advance", "agency:7008:sapoc", "sapoc", **body)


def letter_row(number: int = 1, *, section: str = "reuses", **changes: Any) -> dict[str, Any]:
    data = {
        "id": "DNS",
        "agency_id": "22-011",
        "sub_id": "22-011-04",
        "ato_date": "2021-03-01T20:00:00.000Z",
        "auth_date": "",
        "exp_date": "2024-03-01T20:00:00.000Z",
        **changes,
    }
    return {"section": section, "number": number, "data": data}


def day(text: str) -> date:
    return date.fromisoformat(text)
