"""Marketplaces follow what the registry tells."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.catalog.app import create_app
from services.catalog.config import Settings
from shared.contracts import registry as contracts
from tests.support.apps import Api, an_api
from tests.unit.catalog.world import CYBER, FIRST_DAY, Registry, a_designation, an_area, recorded, recorded_types


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 6, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def api(database_url: str, tmp_path: Path, clock: Clock) -> AsyncIterator[Api]:
    settings = Settings(database_url=database_url, migrate=True)
    async with an_api(lambda made: create_app(settings, connections=made, clock=clock), tmp_path, clock=clock) as api:
        yield api


@pytest.fixture
def registry(api: Api) -> Registry:
    return Registry(api)


async def marketplace(api: Api, area: str = CYBER) -> dict[str, Any]:
    return dict((await api.get(f"/v1/marketplaces/{area}")).json())


async def status(api: Api, area: str = CYBER) -> Any:
    return (await marketplace(api, area)).get("status")


async def told(registry: Registry, kind: type[contracts.DesignationFact], *, id_: str = "d-1", **more: Any) -> None:
    await registry.tell((id_, a_designation(CYBER, kind, designation_id=id_, **more)))


async def test_a_marketplace_goes_through_its_states_with_a_fact_each(api: Api, registry: Registry) -> None:
    await registry.tell((CYBER, an_area(CYBER)))
    seen = []
    for kind in (
        contracts.DesignationPreDesignated,
        contracts.DesignationDesignated,
        contracts.DesignationSuspended,
        contracts.DesignationReinstated,
        contracts.DesignationRevoked,
    ):
        await told(registry, kind)
        seen.append(await status(api))

    assert seen == ["planned", "open", "suspended", "open", "closed"]
    assert await recorded_types(api) == [
        f"marketplace.{name}" for name in ("planned", "opened", "suspended", "opened", "closed")
    ]
    assert (await marketplace(api))["opened_on"] == FIRST_DAY.isoformat()


async def test_a_designation_that_arrives_before_its_area_waits_for_it(api: Api, registry: Registry) -> None:
    await told(registry, contracts.DesignationDesignated)
    assert (await api.get(f"/v1/marketplaces/{CYBER}")).status_code == 404

    await registry.tell((CYBER, an_area(CYBER)))

    assert await status(api) == "open"
    assert await recorded_types(api) == ["marketplace.planned", "marketplace.opened"]


async def test_the_fact_names_the_event_that_caused_it(api: Api, registry: Registry) -> None:
    await registry.tell((CYBER, an_area(CYBER)))

    (delivery,) = await registry.tell(("d-1", a_designation(CYBER, designation_id="d-1")))

    headers = [headers for _, headers in await recorded(api)]
    assert {h["ce_causationid"] for h in headers} == {delivery.headers["ce_id"]}
    assert {h["ce_correlationid"] for h in headers} == {"c-1"}
    assert {h["ce_actor"] for h in headers} == {"consumer:catalog"}


async def test_being_told_twice_changes_nothing(api: Api, registry: Registry) -> None:
    deliveries = [
        registry.delivery(CYBER, an_area(CYBER)),
        registry.delivery("d-1", a_designation(CYBER, designation_id="d-1")),
    ]
    await registry.deliver(deliveries)
    before = await recorded_types(api)

    await registry.deliver(deliveries)

    assert await recorded_types(api) == before


async def test_a_marketplace_opens_when_its_day_comes(api: Api, registry: Registry, clock: Clock) -> None:
    day = clock.now.date() + timedelta(days=3)
    await registry.tell((CYBER, an_area(CYBER, opens_on=day)))
    await told(registry, contracts.DesignationDesignated)
    assert await status(api) == "planned"

    clock.now += timedelta(days=2)
    await api.app.state.context.do_what_is_due()
    assert await status(api) == "planned"

    clock.now += timedelta(days=1)
    await api.app.state.context.do_what_is_due()
    await api.app.state.context.do_what_is_due()

    shown = await marketplace(api)
    assert (shown["status"], shown["opened_on"]) == ("open", day.isoformat())
    assert await recorded_types(api) == ["marketplace.planned", "marketplace.opened"]


async def test_a_transfer_does_not_close_a_marketplace_whatever_arrives_first(api: Api, registry: Registry) -> None:
    await registry.tell((CYBER, an_area(CYBER)))
    await told(registry, contracts.DesignationDesignated)

    await told(registry, contracts.DesignationTransferred, successor_id="d-2", effective_on=date(2021, 3, 30))
    in_between = await marketplace(api)
    await told(registry, contracts.DesignationPreDesignated, id_="d-2", organization_id="org-2", effective_on=date(2021, 3, 30))
    after = await marketplace(api)

    assert (in_between["status"], after["status"]) == ("open", "open")
    assert [(s["status"], s["organization_id"]) for s in after["services"]] == [("pre_designated", "org-2")]


async def test_a_successor_heard_of_first_is_not_overwritten_by_the_transfer(api: Api, registry: Registry) -> None:
    await registry.tell((CYBER, an_area(CYBER)))
    await told(registry, contracts.DesignationDesignated)
    await told(registry, contracts.DesignationPreDesignated, id_="d-2", organization_id="org-2")
    await told(registry, contracts.DesignationDesignated, id_="d-2", organization_id="org-2")

    await told(registry, contracts.DesignationTransferred, successor_id="d-2")

    assert [(s["status"], s["organization_id"]) for s in (await marketplace(api))["services"]] == [("designated", "org-2")]


async def test_titles_and_leads_are_shown_by_name(api: Api, registry: Registry) -> None:
    cisa = contracts.OrganizationRegistered(organization_id="org-1", name="CISA", kind="component")
    await registry.tell(("org-1", cisa), (CYBER, an_area(CYBER)), ("d-1", a_designation(CYBER, designation_id="d-1")))
    renamed = contracts.FocusAreaChanged(**an_area(CYBER, title="Cyber Services").model_dump())
    await registry.tell((CYBER, renamed))

    shown = await marketplace(api)
    listed = (await api.get("/v1/marketplaces")).json()["items"]

    assert shown["title"] == "Cyber Services"
    assert [(s["title"], s["organization_name"]) for s in shown["services"]] == [("A service", "CISA")]
    assert listed == [shown]


async def test_marketplaces_come_in_pages(api: Api, registry: Registry) -> None:
    await registry.open("b-area", "a-area", "c-area")

    first = await api.get("/v1/marketplaces?limit=2")
    rest = await api.get(f"/v1/marketplaces?limit=2&cursor={first.json()['next_cursor']}")

    assert [m["id"] for m in first.json()["items"]] == ["a-area", "b-area"]
    assert [m["id"] for m in rest.json()["items"]] == ["c-area"]
    assert rest.json()["next_cursor"] is None


async def test_a_provider_of_an_organizations_name_is_that_organization(api: Api, registry: Registry) -> None:
    body = {"name": "U.S. Department of Examples", "kind": "federal"}
    provider = (await api.post("/v1/providers", body, "coordinator")).json()

    fact = contracts.OrganizationRegistered(
        organization_id="org-9", name="United States Department of Examples", kind="department"
    )
    await registry.tell(("org-9", fact))

    shown = (await api.get(f"/v1/providers/{provider['id']}")).json()
    assert (shown["organization_id"], shown["version"]) == ("org-9", 2)
    assert await recorded_types(api) == ["provider.registered", "provider.changed"]


async def test_facts_come_over_the_bus(api: Api, registry: Registry) -> None:
    import asyncio

    from shared.bus.port import Message

    deliveries = [
        registry.delivery(CYBER, an_area(CYBER)),
        registry.delivery("d-1", a_designation(CYBER, designation_id="d-1")),
    ]
    await api.connections.bus.publish([Message(topic=d.topic, key=d.key, value=d.value, headers=d.headers) for d in deliveries])

    async with asyncio.timeout(20):
        while await status(api) != "open":
            await asyncio.sleep(0.05)
