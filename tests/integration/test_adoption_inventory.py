"""Inventories of legacy systems from files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.unit.adoption.builders import World, a_world

HEADER = "agency,number,name,focus_area,capabilities,contracts,since,fiscal_year,development,operation,staff,fte"
OWN = "agency:7008:cio"


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(database_url, tmp_path) as world:
        yield world


async def imported(world: World, content: str) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """Counts of what is not zero, and the rows that are told."""
    answer = await world.api.client.post(
        "/v1/imports/inventory", content=content.encode(), headers=world.api.headers("coordinator")
    )
    assert answer.status_code == 202, answer.text
    operation = answer.json()
    async with asyncio.timeout(30):
        while operation["status"] == "running":
            await asyncio.sleep(0.01)
            operation = (await world.api.get(f"/v1/operations/{operation['id']}", "coordinator")).json()
    assert operation["status"] == "succeeded", operation["detail"]
    counts = operation["sections"]["systems"]
    return {name: n for name, n in counts.items() if n}, await world.reports(operation)


async def systems(world: World) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await world.api.get("/v1/systems", "omb")).json()["items"]
    return items


ROWS = (
    "7008,UII-1,Old resolver,cybersecurity,CYB.060.030.010;CYB.060.030.020,C-1,2009-05-01,2026,0,90000.00,10000.50,1.5",
    "7008,UII-1,Old resolver,cybersecurity,CYB.060.030.010;CYB.060.030.020,C-1,2009-05-01,2027,500,80000.00,,",
    "014,UII-1,Another resolver,cybersecurity,CYB.060.030.010,,,,,,,",
    "9999,UII-2,Nobody's,cybersecurity,,,,,,,,",
    "014,UII-3,Costly,cybersecurity,,,,2026,much,,,",
)


async def test_an_inventory_is_taken_over_year_by_year_and_again_changes_nothing(world: World) -> None:
    first, told = await imported(world, "\r\n".join((HEADER, *ROWS)))
    again, _ = await imported(world, "\r\n".join((HEADER, *ROWS)))

    assert first == {"read": 5, "created": 2, "updated": 1, "refused": 2}
    assert [(row["number"], row["pointer"]) for row in told] == [(4, "/agency"), (5, "/development")]
    assert again == {"read": 5, "unchanged": 3, "refused": 2}
    own = next(each for each in await systems(world) if each["agency_id"] == "cisa")
    assert {year: cost["operation"]["amount"] for year, cost in own["costs"].items()} == {
        "2026": "90000.00",
        "2027": "80000.00",
    }
    assert (own["capabilities"], own["contracts"], own["since"]) == (
        ["CYB.060.030.010", "CYB.060.030.020"],
        ["C-1"],
        "2009-05-01",
    )
    assert [kind for kind, _, _ in await world.recorded("system")] == ["registered", "changed", "registered"]


async def test_lines_of_json_are_an_inventory_too(world: World) -> None:
    rows = [
        {"agency": "cisa", "number": f"N-{n}", "name": "System", "focus_area": "cybersecurity", "fiscal_year": 2027, "fte": "2"}
        for n in range(3)
    ]
    lines = "\n".join(
        orjson.dumps({"section": "systems", "number": n, "data": row}).decode() for n, row in enumerate(rows, start=1)
    )
    counts, _ = await imported(world, lines)

    assert counts == {"read": 3, "created": 3}
    assert {each["costs"]["2027"]["fte"] for each in await systems(world)} == {"2"}


async def test_a_decommissioned_system_is_not_brought_back(world: World) -> None:
    await imported(world, f"{HEADER}\n7008,UII-1,Old,cybersecurity,,,,,,,,")
    (found,) = await systems(world)
    today = world.db.clock().date().isoformat()
    path = f"/v1/systems/{found['id']}"
    planned = await world.api.post(f"{path}/plan-decommission", {"planned_on": today}, OWN, etag='"1"')
    body = {"ended_on": today, "evidence": "Switched off"}
    await world.api.post(f"{path}/decommission", body, OWN, etag=planned.headers["etag"])

    counts, told = await imported(world, f"{HEADER}\n7008,UII-1,Renamed,cybersecurity,,,,,,,,")

    assert counts == {"read": 1, "refused": 1}
    assert "cannot change" in told[0]["reason"]


async def test_only_the_coordinator_and_omb_import(world: World) -> None:
    for role in (OWN, "qsmo:cybersecurity", "auditor"):
        answer = await world.api.client.post("/v1/imports/inventory", content=b"x", headers=world.api.headers(role))
        assert answer.status_code == 403
