"""Legacy systems, duplication and savings over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.kernel.time import FiscalYear
from tests.unit.adoption.builders import World, a_world, advanced, agreed, an_offering, started, terms

OWN, OTHER, QSMO = "agency:7008:cio", "agency:014:cio", "qsmo:cybersecurity"
AREA = "cybersecurity"


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(database_url, tmp_path) as world:
        yield world


def this_year(world: World) -> int:
    return FiscalYear.of(world.db.clock().date()).year


async def a_system(world: World, number: str = "UII-1", role: str = OWN, agency: str = "cisa", **more: Any) -> httpx.Response:
    costs = {str(this_year(world)): {"operation": {"amount": "90000.00"}, "staff": {"amount": "10000.50"}, "fte": "1.5"}}
    body = {"agency_id": agency, "number": number, "name": f"System {number}", "focus_area": AREA, "costs": costs, **more}
    return await world.api.post("/v1/systems", {"capabilities": ["CYB.060.030"], **body}, role)


async def act(world: World, found: httpx.Response, action: str, role: str = OWN, **body: Any) -> httpx.Response:
    return await world.api.post(f"/v1/systems/{found.json()['id']}/{action}", body, role, etag=found.headers["etag"])


async def post(world: World, adoption: str, kind: str, amount: str = "100.00", role: str = OWN, **more: Any) -> httpx.Response:
    body = {
        "fiscal_year": 2027,
        "kind": kind,
        "amount": amount,
        "method": "Invoices",
        "source": "Ledger",
        "confidence": "high",
        **more,
    }
    return await world.api.post(f"/v1/adoptions/{adoption}/savings", body, role)


async def in_operations(world: World) -> str:
    shown = await started(world)
    for _ in range(5):
        shown = await advanced(world, shown)
    assert shown.json()["phase"] == "operations"
    return str(shown.json()["id"])


async def test_a_system_is_registered_and_changed_by_its_number(world: World) -> None:
    path, body = "/v1/systems/by-key/cisa/023-000001234", {"name": "Alerts", "focus_area": AREA}

    before = await world.api.put(path, body, OWN, etag='"1"')
    made = await world.api.put(path, body, OWN)
    blind = await world.api.put(path, body, OWN)
    changed = await world.api.put(path, body | {"name": "Newer"}, OWN, etag=made.headers["etag"])
    refused = [await world.api.put(path, body, role, etag=changed.headers["etag"]) for role in ("omb", "agency:024:cio")]
    unheard_of = await world.api.put("/v1/systems/by-key/nobody/1", body, OWN)

    assert made.status_code == 201, made.text
    assert (made.json()["number"], made.headers["location"]) == ("023-000001234", f"/v1/systems/{made.json()['id']}")
    statuses = [answer.status_code for answer in (before, blind, changed, *refused, unheard_of)]
    assert statuses == [412, 412, 200, 403, 403, 404]
    assert (await world.api.get(path, OWN)).json()["name"] == "Newer"
    assert (await world.api.get(path, "agency:024:cio")).status_code == 404


async def test_a_system_goes_from_the_inventory_to_its_end_with_evidence(world: World) -> None:
    found = await a_system(world)
    today = world.db.clock().date()
    planned = await act(world, found, "plan-decommission", planned_on=(today + timedelta(30)).isoformat())
    early = await act(world, planned, "decommission", ended_on=(today + timedelta(1)).isoformat(), evidence="Switched off")
    ended = await act(world, planned, "decommission", ended_on=today.isoformat(), evidence="Switched off, disks shredded")

    assert found.json()["yearly_cost"]["amount"] == "100000.50"
    assert early.json()["missing"] == [f"a day that is not to come (today is {today})"]
    assert (ended.json()["status"], ended.json()["evidence"]) == ("decommissioned", "Switched off, disks shredded")
    assert [kind for kind, _, _ in await world.recorded("system")] == ["registered", "decommission_planned", "decommissioned"]


async def test_a_number_is_one_system_of_the_agency_and_only_its_own_people_change_it(world: World) -> None:
    found = await a_system(world)

    assert (await a_system(world)).status_code == 409
    assert (await a_system(world, role=OTHER)).status_code == 403
    assert (await a_system(world, role=QSMO)).status_code == 403
    assert (await a_system(world, number="UII-2", role="coordinator")).status_code == 201
    assert (await act(world, found, "keep", OTHER, reason="No end")).status_code == 404
    assert (await act(world, found, "keep", QSMO, reason="No end")).status_code == 403
    assert (await act(world, found, "keep", reason="No end")).json()["allowed_actions"] == ["change", "plan-decommission"]
    stale = await world.api.put(f"/v1/systems/{found.json()['id']}", {"name": "N", "focus_area": AREA}, OWN, etag='"9"')
    assert stale.status_code == 412


async def test_duplication_is_seen_as_far_as_one_sees_and_ends_with_the_last_but_one(world: World) -> None:
    first = await a_system(world)
    other = await a_system(world, role=OTHER, agency="doi", capabilities=["CYB.060.030.100"])

    async def seen(role: str) -> tuple[int, int]:
        found = (await world.api.get(f"/v1/duplications?area={AREA}", role)).json()
        return found["found"], found["open"]

    assert [await seen(role) for role in (QSMO, "omb", OWN, "qsmo:acquisition")] == [(1, 1), (1, 1), (0, 0), (0, 0)]
    (cluster,) = (await world.api.get(f"/v1/duplications?area={AREA}", QSMO)).json()["items"]
    assert (cluster["id"], cluster["yearly_cost"]["amount"]) == (first.json()["id"], "200001.00")
    today = world.db.clock().date().isoformat()
    planned = await act(world, other, "plan-decommission", OTHER, planned_on=today)
    await act(world, planned, "decommission", OTHER, ended_on=today, evidence="Moved over")
    assert await seen(QSMO) == (1, 0)


async def test_savings_need_a_baseline_first_and_operations_to_be_realized(world: World) -> None:
    adoption = str((await started(world)).json()["id"])

    early = await post(world, adoption, "estimate")
    baseline = await post(world, adoption, "baseline", "1000000.00")
    estimate = await post(world, adoption, "estimate", "250000.10", hours=400)
    realized = await post(world, adoption, "realized")

    assert early.json()["missing"] == ["a baseline, first"]
    assert [baseline.status_code, estimate.status_code] == [201, 201]
    assert realized.json()["missing"] == ["the phase operations (it is assessment)"]
    (_, fact, headers) = (await world.recorded("savings"))[-1]
    assert (fact["cents"], fact["hours"], headers["ce_visibility"]) == (25_000_010, 400, "restricted")


async def test_what_is_posted_is_undone_by_another_entry_and_sums_say_each_kind_by_itself(world: World) -> None:
    adoption = await in_operations(world)
    for kind, amount, year in (
        ("baseline", "100", 2027),
        ("realized", "10.10", 2027),
        ("realized", "20.20", 2028),
        ("target", "5", 2028),
    ):
        assert (await post(world, adoption, kind, amount, fiscal_year=year)).status_code == 201
    wrong = await post(world, adoption, "realized", "999.99")

    async def reverse() -> httpx.Response:
        return await world.api.post(f"/v1/savings/{wrong.json()['id']}/reverse", {"reason": "Counted twice"}, OWN)

    undone, again = await reverse(), await reverse()
    by_year = (await world.api.get("/v1/savings/sums?by=fiscal_year", OWN)).json()["items"]

    assert (undone.json()["amount"]["amount"], undone.json()["reverses"]) == ("-999.99", wrong.json()["id"])
    assert again.status_code == 409
    assert {item["key"]: {k: v["amount"]["amount"] for k, v in item["kinds"].items()} for item in by_year} == {
        "2027": {"baseline": "100.00", "realized": "10.10"},
        "2028": {"realized": "20.20", "target": "5.00"},
    }
    assert (await world.api.get("/v1/savings/sums?by=agency", OTHER)).json()["items"] == []
    assert (await world.api.get("/v1/savings", "provider:p")).json()["items"] == []
    assert len((await world.api.get(f"/v1/savings?adoption_id={adoption}", QSMO)).json()["items"]) == 6


async def test_concurrent_postings_are_all_kept(world: World) -> None:
    adoption = str((await started(world)).json()["id"])
    await post(world, adoption, "baseline")

    answers = await asyncio.gather(*(post(world, adoption, "estimate", f"{n}.01") for n in range(1, 41)))

    assert {answer.status_code for answer in answers} == {201}
    (found,) = (await world.api.get("/v1/savings/sums?by=adoption", OWN)).json()["items"]
    assert found["kinds"]["estimate"] == {"amount": {"amount": "820.40", "currency": "USD"}, "hours": 0, "entries": 40}


async def test_the_same_entry_is_reversed_once_however_many_try(world: World) -> None:
    adoption = str((await started(world)).json()["id"])
    await post(world, adoption, "baseline")
    entry = (await post(world, adoption, "estimate")).json()["id"]

    answers = await asyncio.gather(
        *(world.api.post(f"/v1/savings/{entry}/reverse", {"reason": "Counted twice"}, OWN) for _ in range(10))
    )

    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 9]


@pytest.mark.parametrize("role", [OTHER, QSMO, "coordinator", "omb"])
async def test_only_the_adopting_agency_posts(world: World, role: str) -> None:
    adoption = str((await started(world)).json()["id"])

    assert (await post(world, adoption, "baseline", role=role)).status_code in {403, 404}


async def agreed_on(world: World, adoption: str, funding: dict[int, str]) -> None:
    """Active; and another that was given up before it stood."""
    shown = await world.api.get(f"/v1/adoptions/{adoption}", OWN)
    funds = {str(year): {"amount": amount} for year, amount in funding.items()}
    begun = world.db.clock().date() - timedelta(days=1)
    ends_on = (begun + timedelta(days=700)).isoformat()
    await agreed(world, shown, number="IAA-2", funding=funds, ends_on=ends_on)
    body = {"adoption_id": adoption, **terms(world, number="IAA-3")}
    given_up = await world.api.post("/v1/agreements", body, OWN)
    for action, told in (("send", {}), ("terminate", {"reason": "Given up"})):
        headers = {**world.api.headers(OWN), "If-Match": given_up.headers["etag"]}
        path = f"/v1/agreements/{given_up.json()['id']}/{action}"
        given_up = await world.api.client.post(path, json=told, headers=headers)
        assert given_up.status_code == 200, given_up.text


async def test_savings_are_reconciled_with_the_systems_that_ended(world: World) -> None:
    adoption = await in_operations(world)
    today, year = world.db.clock().date(), this_year(world)
    found = await a_system(world)
    planned = await act(world, found, "plan-decommission", planned_on=today.isoformat(), adoption_id=adoption)
    foreign = await act(world, found, "plan-decommission", planned_on=today.isoformat(), adoption_id="nothing")
    await act(world, planned, "decommission", ended_on=today.isoformat(), evidence="Moved over")
    await post(world, adoption, "baseline", fiscal_year=year)
    await post(world, adoption, "realized", "90000.50", fiscal_year=year + 1)

    await agreed_on(world, adoption, {year: "20000.00", year + 1: "30000.00"})

    paid, first = (await world.api.get(f"/v1/adoptions/{adoption}/reconciliation", QSMO)).json()["items"]

    assert foreign.status_code in {412, 422}
    assert (first["fiscal_year"], first["realized"]["amount"], first["retired_cost"]["amount"]) == (
        year + 1,
        "90000.5",
        "100000.50",
    )
    assert first["difference"]["amount"] == "-10000.00"
    assert (first["agreed_funds"]["amount"], first["net"]["amount"]) == ("30000.00", "70000.50")
    assert first["unexplained"]["amount"] == "20000.00"
    assert [each["number"] for each in first["agreements"]] == ["IAA-2"]
    # The agreement that the adoption went on with has the funds of its first year.
    assert (paid["fiscal_year"], paid["agreed_funds"]["amount"], paid["net"]["amount"]) == (year, "145000.00", "-145000.00")
    assert [system["number"] for system in first["systems"]] == ["UII-1"]


async def test_an_offering_without_an_area_has_savings_too(world: World) -> None:
    await world.tell(an_offering("loose", status="published"))
    adoption = str((await started(world, offering="loose")).json()["id"])

    assert (await post(world, adoption, "baseline")).json()["focus_area"] == ""


async def test_systems_that_an_adoption_would_retire_are_suggested_the_fullest_first(world: World) -> None:
    fit = {"coverage": {"CYB.060.030": "yes", "CYB.060.040": "yes_by_go_live", "CYB.060.050": "no"}}
    await world.tell(an_offering("dns", focus_areas=(AREA,), fit=fit))
    await started(world)
    await a_system(world, "half", capabilities=["CYB.060.040.010", "CYB.060.050.010"])
    await a_system(world, "whole", capabilities=["CYB.060.030.010", "CYB.060.030.020"])
    await a_system(world, "other", capabilities=["CYB.060.050.010"])
    ending = await a_system(world, "ending", capabilities=["CYB.060.030.010"])
    await act(world, ending, "plan-decommission", planned_on=world.db.clock().date().isoformat())

    async def suggested(role: str, agency: str = "cisa") -> list[tuple[str, float, list[str]]]:
        found = (await world.api.get(f"/v1/agencies/{agency}/retirements", role)).json()["items"]
        return [(item["system"]["number"], item["share"], item["left"]) for item in found]

    expected = [("whole", 1.0, []), ("half", 0.5, ["CYB.060.050"])]
    assert await suggested(OWN) == await suggested("omb", "dhs") == await suggested(QSMO) == expected
    assert await suggested(OTHER) == []
