"""Adoption states and duplication on a day that is over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.contracts.registry import OrganizationChanged
from tests.support.registry import Day
from tests.unit.adoption.builders import World, a_world, acted, an_organization, started

OWN, OTHER, QSMO = "agency:7008:sapoc", "agency:014:cio", "qsmo:cybersecurity"
AREA = "cybersecurity"


@pytest.fixture
def day() -> Day:
    return Day(datetime(2026, 1, 5, 12, tzinfo=UTC))


@pytest.fixture
async def world(database_url: str, tmp_path: Path, day: Day) -> AsyncIterator[World]:
    async with a_world(database_url, tmp_path, clock=day) as world:
        await world.tell(
            an_organization("dhs", ("cgac", "070"), name="Homeland Security", cfo_act=True, kind=OrganizationChanged)
        )
        yield world


async def asked(world: World, path: str, role: str = QSMO) -> dict[str, Any]:
    answer = await world.api.get(path, role)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_an_agencys_state_is_that_of_the_day(world: World, day: Day) -> None:
    standings = {"standings": {"finance": {"level": 2, "evidence": "seen"}}}
    day.on("2026-02-01")
    assert (await world.api.put(f"/v1/agencies/cisa/readiness/{AREA}", standings, OWN)).status_code == 200
    day.on("2026-03-01")
    shown = await started(world)
    day.on("2026-04-01")
    await acted(world, shown, "withdraw", OWN, "sapoc", reason="No funds")
    assert (await world.api.post("/v1/analytics/rebuild", None, "omb")).status_code == 200

    states: dict[str, tuple[str, str, str]] = {}
    for as_of in ("2026-01-31", "2026-02-01", "2026-03-31", "2026-04-01"):
        all_ = await asked(world, f"/v1/stats/adoption-states?area={AREA}&as_of={as_of}")
        by_area = await asked(world, f"/v1/stats/adoption-states/by-area?as_of={as_of}")
        own = await asked(world, f"/v1/agencies/dhs/adoption-states?as_of={as_of}")
        (led,) = by_area["items"]
        (found,) = (item["state"] for item in own["items"] if item["focus_area"] == AREA)
        states[as_of] = (all_["items"][0]["state"], next(iter(led["government"])), found)
        assert (all_["as_of"], bool(all_["definition"]), all_["range"]["facts"]) == (as_of, True, 2)

    talks = "not_started_in_talks"
    assert states["2026-01-31"] == ("unknown",) * 3
    assert states["2026-02-01"] == states["2026-03-31"] == states["2026-04-01"] == (talks,) * 3
    now = await asked(world, f"/v1/stats/adoption-states?area={AREA}")
    assert (now["items"][0]["state"], now["as_of"]) == (talks, None)


async def test_an_adoption_counts_from_its_effective_day_on(world: World, day: Day) -> None:
    day.on("2026-03-01")
    await started(world, effective_on="2026-02-10")
    await world.api.post("/v1/analytics/rebuild", None, "omb")

    path = f"/v1/stats/adoption-states?area={AREA}&as_of="
    assert [(await asked(world, path + on))["items"][0]["state"] for on in ("2026-02-09", "2026-02-10")] == [
        "unknown",
        "not_started_in_talks",
    ]


async def test_duplication_is_what_it_was_on_the_day(world: World, day: Day) -> None:
    async def a_system(agency: str, number: str, role: str, capability: str) -> httpx.Response:
        costs = {"2026": {"operation": {"amount": "100000.00"}}}
        body = {"agency_id": agency, "number": number, "name": number, "focus_area": AREA, "costs": costs}
        return await world.api.post("/v1/systems", {**body, "capabilities": [capability]}, role)

    async def act(found: httpx.Response, action: str, **body: str) -> httpx.Response:
        return await world.api.post(f"/v1/systems/{found.json()['id']}/{action}", body, OTHER, etag=found.headers["etag"])

    first = await a_system("cisa", "UII-1", OWN, "CYB.060.030")
    day.on("2026-02-01")
    other = await a_system("doi", "UII-2", OTHER, "CYB.060.030.100")
    day.on("2026-03-01")
    planned = await act(other, "plan-decommission", planned_on="2026-03-20")
    day.on("2026-04-01")
    await act(planned, "decommission", ended_on="2026-03-20", evidence="Moved over")

    found = {}
    for as_of in ("2026-01-31", "2026-02-01", "2026-03-19", "2026-03-20"):
        said = await asked(world, f"/v1/duplications?area={AREA}&as_of={as_of}")
        found[as_of] = (said["found"], said["open"], [(item["id"], item["yearly_cost"]["amount"]) for item in said["items"]])
    now = await asked(world, f"/v1/duplications?area={AREA}")

    id_ = first.json()["id"]
    assert found == {
        "2026-01-31": (0, 0, []),
        "2026-02-01": (1, 1, [(id_, "200000.00")]),
        "2026-03-19": (1, 1, [(id_, "200000.00")]),
        "2026-03-20": (1, 0, [(id_, "100000.00")]),
    }
    assert (now["found"], now["open"], now["items"][0]["id"]) == (1, 0, id_)
    assert now["definition"]
    assert (await asked(world, f"/v1/duplications?area={AREA}&as_of=2026-03-19", OWN))["found"] == 0
