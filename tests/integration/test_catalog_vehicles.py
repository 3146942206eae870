"""Vehicles over HTTP, how to buy, what it costs, and the notices of what ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.catalog.app import create_app
from services.catalog.config import Settings
from shared.contracts import registry as contracts
from tests.support.apps import Api, an_api
from tests.unit.catalog.world import CYBER, Registry, a_draft, a_provider, a_published, a_vehicle, act, recorded, recorded_types

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PRICE = {
    "model": "subscription",
    "unit": "user",
    "tiers": [
        {"up_to": 100, "amount": {"amount": "1000"}, "per": "year"},
        {"amount": {"amount": "8.50"}, "per": "unit"},
    ],
    "setup": {"amount": "500"},
}


class Days:
    """A clock that moves by days."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def on(self, day: str) -> None:
        self.now = datetime.fromisoformat(f"{day}T12:00:00+00:00")


@pytest.fixture
def days() -> Days:
    return Days()


@pytest.fixture
async def api(database_url: str, tmp_path: Path, days: Days) -> AsyncIterator[Api]:
    settings = Settings(database_url=database_url, migrate=True)
    async with an_api(lambda made: create_app(settings, connections=made, clock=days), tmp_path, clock=days) as api:
        registry = Registry(api)
        await registry.open(CYBER)
        department = contracts.OrganizationRegistered(
            organization_id="dep",
            name="Department",
            kind="department",
            codes=(contracts.CodeEntry(scheme="cgac", value="070"),),
        )
        bureau = contracts.OrganizationRegistered(organization_id="bur", name="Bureau", kind="component", parent_id="dep")
        await registry.tell(("dep", department), ("bur", bureau))
        yield api


async def order(api: Api, vehicle_id: str, *roles: str, amount: str = "10.00", **more: Any) -> httpx.Response:
    seen = await api.get(f"/v1/vehicles/{vehicle_id}")
    body = {"amount": {"amount": amount}, "agency_id": "bur", **more}
    return await api.post(f"/v1/vehicles/{vehicle_id}/order", body, *(roles or ("coordinator",)), etag=seen.headers["etag"])


async def ends(api: Api) -> list[str]:
    await api.app.state.context.do_what_is_due()
    told = [(kind, headers) for kind, headers in await recorded(api) if "expir" in kind]
    return [kind for kind, _ in told]


async def test_an_agency_orders_for_itself_and_below_and_nobody_else_does(api: Api) -> None:
    vehicle_id = await a_vehicle(api, ceiling={"amount": "25"}, eligible=["dep"])

    ordered = await order(api, vehicle_id, "agency:070:cio")
    foreign = await order(api, vehicle_id, "agency:014:cio")
    too_much = await order(api, vehicle_id, amount="15.01")

    assert ordered.json()["obligated"] == {"amount": "10.00", "currency": "USD"}
    assert foreign.status_code == 403
    assert (too_much.status_code, too_much.json()["missing"]) == (409, ["at most 15.00 USD, or a higher ceiling"])
    kind, headers = (await recorded(api))[-1]
    assert (kind, headers["ce_visibility"], headers["ce_agency"]) == ("vehicle.ordered", "federal", "bur")


async def test_an_order_is_under_a_published_offering_that_names_the_vehicle(api: Api) -> None:
    vehicle_id = await a_vehicle(api)
    other = await a_published(api)
    own = await a_published(api, code="own", vehicles=["GSA MAS"])

    assert (await order(api, vehicle_id, offering_id=other)).json()["errors"][0]["pointer"] == "/offering_id"
    assert (await order(api, vehicle_id, offering_id=own)).status_code == 200


async def test_two_orders_on_one_version_are_one(api: Api) -> None:
    vehicle_id = await a_vehicle(api)
    etag = (await api.get(f"/v1/vehicles/{vehicle_id}")).headers["etag"]
    body = {"amount": {"amount": "1"}, "agency_id": "dep"}

    answers = [await api.post(f"/v1/vehicles/{vehicle_id}/order", body, "coordinator", etag=etag) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 412]


@pytest.mark.parametrize("role", ["agency:070:cio", "provider:p", "omb", "auditor"])
async def test_who_keeps_no_vehicles_registers_none(api: Api, role: str) -> None:
    answer = await api.post("/v1/vehicles", {"number": "N", "title": "T", "kind": "bpa", "holder": "H"}, role)

    assert answer.status_code == 403


async def test_a_number_is_taken_once(api: Api) -> None:
    await a_vehicle(api)
    again = await api.post("/v1/vehicles", {"number": "GSA MAS", "title": "T", "kind": "bpa", "holder": "H"}, "coordinator")
    unknown = await api.post(
        "/v1/vehicles", {"number": "N", "title": "T", "kind": "bpa", "holder": "H", "eligible": ["dep", "no"]}, "coordinator"
    )

    assert again.status_code == 409
    assert unknown.json()["errors"][0]["pointer"] == "/eligible/1"


async def test_a_product_is_published_only_while_its_vehicle_can_be_ordered_under(api: Api, days: Days) -> None:
    await a_vehicle(api, ordering_to="2026-06-30")
    draft = (await a_draft(api, kind="commercial_product", vehicles=["GSA MAS"])).json()["id"]
    await act(api, draft, "submit")

    days.on("2026-07-01")
    late = await act(api, draft, "publish", subject="reviewer")
    days.on("2026-06-30")
    in_time = await act(api, draft, "publish", subject="reviewer")

    assert late.json()["missing"] == ["a registered acquisition vehicle that can be ordered under (GSA MAS), or is_free"]
    assert in_time.status_code == 200, in_time.text


async def test_an_end_is_told_three_times_and_then_it_has_come(api: Api, days: Days) -> None:
    await a_vehicle(api, ordering_to="2026-12-01")
    counts = []
    for day in ("2026-06-03", "2026-06-04", "2026-06-05", "2026-09-02", "2026-11-02", "2026-12-01", "2026-12-02", "2026-12-03"):
        days.on(day)
        counts.append(len(await ends(api)))

    assert counts == [0, 1, 1, 2, 3, 3, 4, 4]
    assert (await ends(api))[-1] == "vehicle.expired"


async def test_the_end_of_an_authorization_is_told_once_per_notice_also_by_two_replicas(api: Api, days: Days) -> None:
    await a_published(api, authorization={"status": "authorized", "expires_on": "2026-12-01"})
    await a_published(api, code="other", authorization={"status": "authorized"})
    days.on("2026-11-15")  # after a long pause only the nearest notice is given

    assert await ends(api) == ["offering.authorization_expiring"]
    assert await ends(api) == ["offering.authorization_expiring"]


async def test_how_to_buy_puts_first_what_is_possible_and_says_what_the_rest_lacks(api: Api, days: Days) -> None:
    provider = await a_provider(api)
    await a_vehicle(api, "Ended", ordering_to="2026-06-02", steps=["Ask for quotes"], contact="An office")
    await a_vehicle(api, "Others only", eligible=["dep"])
    offering_id = await a_published(api, vehicles=["Ended", "Unheard of", "Others only"], provider_id=provider)
    days.on("2026-06-03")

    async def ways(query: str) -> dict[str, list[str]]:
        answer = (await api.get(f"/v1/offerings/{offering_id}/how-to-buy{query}")).json()
        assert answer["possible"] == any(way["possible"] for way in answer["ways"])
        return {way["number"]: way["missing"] for way in answer["ways"]}

    open_to_bureau = await ways("?agency_id=bur")
    assert next(iter(open_to_bureau)) == "Others only"
    assert open_to_bureau["Ended"] == ["a new ordering period (it ended 2026-06-02)"]
    assert "registered" in open_to_bureau["Unheard of"][0]
    assert (await api.get(f"/v1/offerings/{offering_id}/how-to-buy?agency_id=no")).status_code == 422


async def test_what_is_free_or_federal_needs_no_vehicle(api: Api) -> None:
    federal = await a_provider(api, "An Agency", kind="federal")
    free = await a_published(api, is_free=True)
    shared = await a_published(api, code="shared", provider_id=federal)

    found = [(await api.get(f"/v1/offerings/{id_}/how-to-buy")).json() for id_ in (free, shared)]

    assert [each["possible"] for each in found] == [True, True]
    assert [each["ways"][0]["kind"] for each in found] == ["free", "interagency_agreement"]


async def test_the_cost_of_an_offering_is_estimated_for_a_size_and_years(api: Api) -> None:
    offering_id = await a_published(api, price=PRICE)
    bare = await a_published(api, code="bare")

    small = (await api.get(f"/v1/offerings/{offering_id}/cost-estimate?size=100&years=2")).json()
    large = (await api.get(f"/v1/offerings/{offering_id}/cost-estimate?size=101&years=1")).json()
    none = await api.get(f"/v1/offerings/{bare}/cost-estimate?size=1")

    assert (small["total"]["amount"], large["total"]["amount"]) == ("2500.00", "1358.50")
    assert (none.status_code, none.json()["missing"]) == (409, ["a price with tiers"])


async def test_tiers_that_do_not_rise_are_refused_at_their_place(api: Api) -> None:
    tiers = [{"up_to": 5, "amount": {"amount": "1"}, "per": "year"}, {"up_to": 5, "amount": {"amount": "1"}, "per": "year"}]
    answer = await api.post(
        "/v1/offerings",
        {"code": "x", "name": "X", "kind": "service", "focus_areas": [CYBER], "price": {**PRICE, "tiers": tiers}},
        "coordinator",
    )

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/price/tiers"


FULL: dict[str, Any] = {
    "price": PRICE,
    "suits": [{"dimension": "technology", "least": 3, "most": None}, {"dimension": "finance", "least": 1, "most": 2}],
    "in_production": True,
    "onboarding_days": 90,
    "hosting": "federal",
    "interfaces": ["Treasury PPS"],
    "transactions_per_year": 1_000_000,
    "promises": [{"measure_id": "TRT.0.010.001", "target": ">=80%"}],
    "lessons": ["Begin with data cleansing"],
    "depends_on": ["other"],
    "bundle": ["other"],
    "migrates_to": "next",
    "guide": {"body": "How", "steps": ["One"], "artifacts": ["Plan"], "standards": ["FFM.010"]},
    "fibf_coverage": [
        {"fibf_id": "CYB.060.030", "coverage": "yes", "evidence": "https://example.gov/e", "assessor": "QSMO team"}
    ],
}


async def test_everything_an_offering_says_is_shown_again_and_pinned_by_its_revision(api: Api) -> None:
    for code in ("other", "next"):
        await a_draft(api, code=code)
    offering_id = await a_published(api, **FULL)

    shown = (await api.get(f"/v1/offerings/{offering_id}")).json()
    pinned = (await api.get(f"/v1/offerings/{offering_id}/revisions/1")).json()["content"]

    for name, value in FULL.items():
        if name not in {"price", "fibf_coverage"}:
            assert shown[name] == pinned[name] == value, name
    assert shown["price"]["tiers"][1] == {"up_to": None, "amount": {"amount": "8.50", "currency": "USD"}, "per": "unit"}
    assert shown["fibf_coverage"][0]["evidence"] == "https://example.gov/e"


async def test_federal_fields_are_shown_to_federal_callers_only(api: Api) -> None:
    secret = "cost plus 4 percent"
    offering_id = await a_published(api, cost_method=secret)
    seen = await api.get(f"/v1/offerings/{offering_id}", "coordinator")
    await api.put(
        f"/v1/offerings/{offering_id}",
        {
            "name": "VDP",
            "kind": "service",
            "focus_areas": [CYBER],
            "cost_method": f"{secret}, revised",
            "fibf_coverage": FULL["fibf_coverage"],
        },
        f"qsmo:{CYBER}",
        etag=seen.headers["etag"],
    )
    paths = ("", "/revisions", "/revisions/1", "/revisions/2", "/diff?from=1&to=2")

    for path in paths:
        for roles in ((), ("provider:p",)):
            assert secret not in (await api.get(f"/v1/offerings/{offering_id}{path}", *roles)).text, path
        assert secret in (await api.get(f"/v1/offerings/{offering_id}{path}", "agency:070:member")).text, path
    assert secret not in (await api.get(f"/v1/offerings?q={secret}")).text
    assert (await api.get("/v1/offerings?q=percent")).json()["items"] == []


async def test_a_vehicle_says_what_the_caller_may_do(api: Api) -> None:
    vehicle_id = await a_vehicle(api)

    async def actions(*roles: str) -> dict[str, bool]:
        shown = (await api.get(f"/v1/vehicles/{vehicle_id}", *roles)).json()
        return {action["action"]: action["possible"] for action in shown["_actions"]}

    assert await actions() == {}
    assert await actions("coordinator") == {"change": True, "order": True}
    assert "vehicle.registered" in await recorded_types(api)


async def test_changing_a_vehicle_keeps_what_is_obligated(api: Api) -> None:
    vehicle_id = await a_vehicle(api)
    await order(api, vehicle_id)
    seen = await api.get(f"/v1/vehicles/{vehicle_id}")
    body = {"title": "New", "kind": "bpa", "holder": "H", "ordering_to": str(NOW.date() + timedelta(400))}

    changed = await api.put(f"/v1/vehicles/{vehicle_id}", body, "coordinator", etag=seen.headers["etag"])

    assert (changed.json()["title"], changed.json()["obligated"]["amount"]) == ("New", "10.00")
    assert [found["number"] for found in (await api.get("/v1/vehicles?kind=bpa")).json()["items"]] == ["GSA MAS"]
