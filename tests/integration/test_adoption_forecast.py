"""Forecasts of going live over HTTP: from what others really took, and none where that is not known."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.adoption import facts, store
from services.adoption.domain import adoption as domain
from services.adoption.domain.adoption import Adoption, Status, Step
from services.adoption.domain.m3 import Phase
from services.adoption.store import KnownOffering, KnownOrganization
from shared.contracts.adoption import AdoptionStarted
from shared.kernel.cause import Cause
from tests.unit.adoption.builders import World, a_world, acted, started

OWN = "agency:7008:sapoc"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PHASES = tuple(Phase)
AGENCY = KnownOrganization(id="cisa", name="CISA", parent_id=None, kind="component", cfo_act=False, valid_to=None)


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(database_url, tmp_path, clock=lambda: NOW) as world:
        yield world


def lived(n: int, days: int, *, offering: str, phases: int = 6, status: Status = Status.ACTIVE) -> Adoption:
    """One that stayed so many days in each phase that it left, and ended there when it is withdrawn."""
    begun = date(2022, 1, 1) + timedelta(n)
    found = domain.start(
        id=f"past-{n}", organization_id=f"org-{n}", offering_id=offering, offering_revision=1, on=begun, at=NOW, by="x"
    )
    steps = [
        Step(
            action="advance",
            status=Status.ACTIVE,
            phase=PHASES[k],
            effective_on=begun + timedelta(k * days),
            recorded_at=NOW,
            by="x",
        )
        for k in range(1, phases)
    ]
    if status is Status.WITHDRAWN:
        end = begun + timedelta(phases * days)
        steps.append(
            Step(action="withdraw", status=status, phase=PHASES[phases - 1], effective_on=end, recorded_at=NOW, by="x")
        )
    return domain.Adoption(**{**{name: getattr(found, name) for name in found.__slots__}, "steps": (*found.steps, *steps)})


async def known(world: World, *past: Adoption) -> None:
    offering = KnownOffering(
        id="dns", code="DNS", name="DNS", status="listed", revision=1, focus_areas=("cybersecurity",), provider_name=None
    )
    told = [(each, facts.adoption(AdoptionStarted, each, agency=AGENCY, offering=offering)) for each in past]
    async with world.db.transaction(Cause(actor="test")) as tx:
        await store.adoptions.add_all(tx, told)


async def forecast(world: World, shown: httpx.Response, role: str = OWN) -> dict[str, Any]:
    answer = await world.api.get(f"/v1/adoptions/{shown.json()['id']}/forecast", role)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_without_a_past_there_is_no_forecast_and_it_says_what_is_missing(world: World) -> None:
    found = await forecast(world, await started(world))

    assert (found["low_on"], found["middle_on"], found["high_on"]) == (None, None, None)
    assert found["missing"][0] == "9 adoptions that have left assessment (there are 0)"
    assert len(found["missing"]) == 5


async def test_the_area_speaks_when_it_has_enough_and_all_areas_before(world: World) -> None:
    shown = await started(world)
    await known(world, *(lived(n, 30, offering="pay") for n in range(30)))
    all_areas = await forecast(world, shown)
    await known(world, *(lived(100 + n, 10, offering="dns") for n in range(20)))
    own_area = await forecast(world, shown)

    assert {each["segment"] for each in all_areas["stretches"]} == {"all"}
    assert all_areas["middle_on"] == (NOW.date() + timedelta(150)).isoformat()
    assert {each["segment"] for each in own_area["stretches"]} == {"area"}
    assert own_area["middle_on"] == (NOW.date() + timedelta(50)).isoformat()
    assert (
        "assessment: 10 more (10 to 10), from 20 that left it and 1 that did not, in the focus area" in own_area["explanation"]
    )


async def test_who_gave_up_counts_as_long_as_watched_and_registers_do_not_count(world: World) -> None:
    shown = await started(world)
    done = [lived(n, 20, offering="dns") for n in range(20)]
    gone = [lived(50 + n, 40, offering="dns", phases=1, status=Status.WITHDRAWN) for n in range(10)]
    await known(world, *done, *gone)

    found = await forecast(world, shown)

    assert (found["stretches"][0]["n"], found["stretches"][0]["ended"]) == (31, 20)
    assert (found["stretches"][1]["n"], found["stretches"][1]["ended"]) == (20, 20)
    assert found["high_on"] is None
    assert found["low_on"] == (NOW.date() + timedelta(100)).isoformat()


async def test_who_is_on_hold_or_there_already_is_not_forecast(world: World) -> None:
    held = await acted(world, await started(world), "hold", OWN, "sapoc")
    await known(world, *(lived(n, 30, offering="dns") for n in range(30)))

    answer = await world.api.get("/v1/adoptions/past-0/forecast", "omb")

    assert (await forecast(world, held))["missing"] == ["an adoption that is not on hold"]
    assert answer.json()["missing"] == ["an adoption on its way to operations (it is active, in operations)"]
    assert answer.json()["live_on"] == "2022-05-31"
