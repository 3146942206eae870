"""Service levels over HTTP: agreed by the customer, told by the provider, seen by those concerned."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.unit.adoption.builders import World, a_world, an_offering, started

OWN, OTHER, QSMO, PROVIDER = "agency:7008:cio", "agency:014:cio", "qsmo:cybersecurity", "provider:p-1"


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(database_url, tmp_path) as world:
        await world.tell(an_offering("dns", focus_areas=("cybersecurity",), provider_id="p-1"))
        yield world


async def an_sla(world: World, target: str = ">=80%", role: str = OWN, measure: str = "TRT.1") -> httpx.Response:
    adoption = await world.adoptions("", "omb")
    id_ = adoption[0]["id"] if adoption else (await started(world)).json()["id"]
    return await world.api.post(f"/v1/adoptions/{id_}/slas", {"measure_id": measure, "target": target}, role)


async def told(world: World, sla: httpx.Response, month: str, value: str, role: str = PROVIDER) -> httpx.Response:
    path = f"/v1/slas/{sla.json()['id']}/results"
    return await world.api.post(path, {"month": month, "value": value}, role, etag=sla.headers["etag"])


async def test_months_are_held_against_the_target_and_a_breach_is_a_fact(world: World) -> None:
    agreed = await an_sla(world)
    first = await told(world, agreed, "2025-01", "85.5")
    second = await told(world, first, "2025-02", "79.9")

    assert agreed.json()["comparable"] == {"comparison": "at_least", "value": "80", "unit": "percent"}
    assert (second.json()["missed"], second.json()["missed_in_a_row"]) == (1, 1)
    recorded = await world.recorded("sla")
    assert [kind for kind, _, _ in recorded] == ["agreed", "met", "missed"]
    assert (recorded[2][1]["month"], recorded[2][1]["value"], recorded[2][2]["ce_visibility"]) == (
        "2025-02",
        "79.9",
        "restricted",
    )
    listed = await world.api.get("/v1/slas?missed=true", QSMO)
    assert [each["measure_id"] for each in listed.json()["items"]] == ["TRT.1"]


async def test_a_target_that_is_only_text_is_kept_and_judges_nothing(world: World) -> None:
    result = await told(world, await an_sla(world, "Agency-Determined"), "2025-01", "3")

    assert (result.json()["comparable"], result.json()["last"]["met"]) == (None, None)
    assert result.json()["target_kind"] == "set_by_agency"
    assert result.json()["missing"] == ["a target: the standard leaves it to the agency, and it is not set yet"]
    assert [kind for kind, _, _ in await world.recorded("sla")] == ["agreed", "recorded"]


async def test_a_target_left_to_the_agreement_judges_once_it_is_set(world: World) -> None:
    left_open = await an_sla(world, "In accordance with targets established in the formal service agreement (e.g., SLA, MOU)")
    path = f"/v1/slas/{left_open.json()['id']}"
    set_ = await world.api.put(path, {"target": "within 5 business days"}, OWN, etag=left_open.headers["etag"])
    result = await told(world, set_, "2025-01", "6")

    assert (left_open.json()["target_kind"], len(left_open.json()["missing"])) == ("set_by_agreement", 1)
    assert (set_.json()["target_kind"], set_.json()["missing"]) == ("comparable", [])
    assert result.json()["last"]["met"] is False


async def test_the_customer_agrees_and_the_provider_tells(world: World) -> None:
    agreed = await an_sla(world)

    assert (await an_sla(world)).status_code == 409
    assert (await an_sla(world, role=OTHER, measure="B")).status_code == 404
    assert (await an_sla(world, role=QSMO, measure="B")).status_code == 403
    assert (await told(world, agreed, "2025-01", "85", OWN)).status_code == 403
    assert (await told(world, agreed, "2025-01", "85", "provider:another")).status_code == 404
    assert (await told(world, agreed, "2999-01", "85")).status_code in {409, 422}
    assert (await told(world, agreed, "2025-01", "85")).status_code == 200
    assert (await told(world, agreed, "2025-02", "85")).status_code == 412
    path = f"/v1/slas/{agreed.json()['id']}"
    assert (await world.api.put(path, {"target": ">=90%"}, PROVIDER, etag='"2"')).status_code == 403
    assert (await world.api.put(path, {"target": ">=90%"}, OWN, etag='"2"')).json()["target"] == ">=90%"
    seen = {role: (await world.api.get(path, role)).status_code for role in (OWN, QSMO, PROVIDER, "auditor", OTHER)}
    assert seen == {OWN: 200, QSMO: 200, PROVIDER: 200, "auditor": 200, OTHER: 404}


async def test_words_are_understood_before_they_are_agreed(world: World) -> None:
    found = await world.api.get("/v1/sla-targets/understood?text=within 5 business days")

    assert found.json()["comparable"] == {"comparison": "at_most", "value": "5", "unit": "business_days"}
