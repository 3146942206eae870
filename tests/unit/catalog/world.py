"""A running catalog and what the registry would have told it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import httpx
from sqlalchemy import select

from services.catalog import consumers, tables
from shared.bus.port import Delivery
from shared.contracts import registry as contracts
from shared.contracts.envelope import Event
from shared.contracts.fact import Fact
from shared.kernel.ids import new_id
from tests.support.apps import Api

CYBER, GRANTS = "cybersecurity", "grants-management"
QSMO = f"qsmo:{CYBER}"
FIRST_DAY = date(2020, 4, 27)


class Registry:
    """Tells the catalog facts as the registry, or another service, would, each with the next version of its aggregate."""

    def __init__(self, api: Api, *, service: str = "registry") -> None:
        self.api = api
        self._service = service
        self._versions: Counter[str] = Counter()

    def delivery(self, subject: str, fact: Fact) -> Delivery:
        self._versions[subject] += 1
        event = Event(
            id=new_id(),
            source=f"/{self._service}",
            type=fact.TYPE,
            subject=subject,
            time="2026-01-01T00:00:00Z",
            data=fact.to_json().encode(),
            aggregate_version=self._versions[subject],
            actor="somebody",
            correlation_id="c-1",
        )
        return Delivery(topic=event.topic, partition=0, offset=0, key=subject, value=event.data, headers=event.headers())

    async def tell(self, *told: tuple[str, Fact]) -> list[Delivery]:
        """In one batch."""
        deliveries = [self.delivery(subject, fact) for subject, fact in told]
        await self.deliver(deliveries)
        return deliveries

    async def deliver(self, deliveries: list[Delivery]) -> None:
        context = self.api.app.state.context
        await consumers.follower(context.db, self.api.connections.bus).process(deliveries)

    async def open(self, *areas: str) -> None:
        """These marketplaces, each with one designated service."""
        for area in areas:
            await self.tell((area, an_area(area)), (f"d-{area}", a_designation(area)))


def an_area(area: str, *, opens_on: date | None = None, title: str | None = None) -> contracts.FocusAreaRegistered:
    service = contracts.AreaServiceEntry(slug="a-service", title="A service")
    return contracts.FocusAreaRegistered(
        focus_area=area, title=title or area.title(), policy="m-19-16", services=(service,), marketplace_opens_on=opens_on
    )


def a_designation(area: str, kind: type[contracts.DesignationFact] | None = None, **more: Any) -> contracts.DesignationFact:
    chosen = kind or contracts.DesignationDesignated
    statuses = {
        contracts.DesignationPreDesignated: "pre_designated",
        contracts.DesignationDesignated: "designated",
        contracts.DesignationReinstated: "designated",
        contracts.DesignationSuspended: "suspended",
        contracts.DesignationRevoked: "ended",
        contracts.DesignationTransferred: "ended",
        contracts.DesignationResearched: "research",
    }
    given = {
        "designation_id": f"d-{area}",
        "focus_area": area,
        "service": "a-service",
        "organization_id": "org-1",
        "status": statuses[chosen],
        "effective_on": FIRST_DAY,
        "recorded_at": datetime(2026, 1, 1, tzinfo=UTC),
        **more,
    }
    return chosen(**given)


def values(**more: Any) -> dict[str, Any]:
    return {
        "name": "Vulnerability disclosure",
        "kind": "service",
        "focus_areas": [CYBER],
        "shelf": "recommended",
        "summary": "Reports of researchers",
        "fibf_coverage": [{"fibf_id": "CYB.060.030", "coverage": "yes"}],
        **more,
    }


async def a_draft(api: Api, *roles: str, code: str = "vdp", **more: Any) -> httpx.Response:
    answer = await api.post("/v1/offerings", {"code": code, **values(**more)}, *(roles or (QSMO,)))
    assert answer.status_code == 201, answer.text
    return answer


async def act(
    api: Api, offering_id: str, action: str, *roles: str, body: Any = None, subject: str = "tester"
) -> httpx.Response:
    """With the ETag of the newest version."""
    seen = await api.get(f"/v1/offerings/{offering_id}", "coordinator")
    headers = {**api.headers(*(roles or (QSMO,)), subject=subject), "If-Match": seen.headers["etag"]}
    return await api.client.post(f"/v1/offerings/{offering_id}/{action}", json=body, headers=headers)


async def revise(api: Api, offering_id: str, *roles: str, **more: Any) -> httpx.Response:
    seen = await api.get(f"/v1/offerings/{offering_id}", "coordinator")
    return await api.put(f"/v1/offerings/{offering_id}", values(**more), *(roles or (QSMO,)), etag=seen.headers["etag"])


async def a_published(api: Api, *, code: str = "vdp", roles: tuple[str, ...] = (QSMO,), **more: Any) -> str:
    """The id of an offering that went all the way."""
    offering_id = str((await a_draft(api, *roles, code=code, **more)).json()["id"])
    assert (await act(api, offering_id, "submit", *roles)).status_code == 200
    published = await act(api, offering_id, "publish", *roles, subject="reviewer")
    assert published.status_code == 200, published.text
    return offering_id


async def a_provider(api: Api, name: str = "Example Corporation", **more: Any) -> str:
    answer = await api.post("/v1/providers", {"name": name, "kind": "commercial", **more}, "coordinator")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def a_vehicle(api: Api, number: str = "GSA MAS", **more: Any) -> str:
    terms = {"title": "Multiple Award Schedule", "kind": "mas_sin", "holder": "General Services Administration"}
    answer = await api.post("/v1/vehicles", {"number": number, **terms, **more}, "coordinator")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def recorded(api: Api) -> list[tuple[str, dict[str, Any]]]:
    """(type, headers) of every fact, in order."""
    async with api.app.state.context.db.reading() as tx:
        rows = await tx.rows(select(tables.outbox.c.headers).order_by(tables.outbox.c.id))
    return [(row["headers"]["ce_type"].removeprefix("qsmo.catalog.").removesuffix(".v1"), row["headers"]) for row in rows]


async def recorded_types(api: Api) -> list[str]:
    return [kind for kind, _ in await recorded(api)]
