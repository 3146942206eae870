"""Forecasts of going live over HTTP: from what others really took, and none where that is not known."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.adoption import facts, store
from services.adoption.domain import adoption as domain
from services.adoption.domain.adoption import Adoption, Status, Step
from services.adoption.domain.forecast import Spell
from services.adoption.domain.forecast import forecast as rule
from services.adoption.domain.m3 import Phase
from services.adoption.store import KnownOffering, KnownOrganization
from shared.contracts.adoption import AdoptionStarted
from shared.kernel.cause import Cause
from tests.support.registry import Day
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


def recomputed(past: Sequence[Adoption], found: Adoption, day: date, *, area: str) -> tuple[date | None, ...]:
    """From the steps in effect by the day, adoption by adoption."""
    own: dict[Phase, list[Spell]] = {phase: [] for phase in PHASES}
    everywhere: dict[Phase, list[Spell]] = {phase: [] for phase in PHASES}
    for each in past:
        steps = [step for step in each.steps if step.effective_on <= day]
        entered = {step.phase: step.effective_on for step in reversed(steps)}
        reached = [(phase, entered[phase]) for phase in PHASES if phase in entered]
        for (phase, begun), (_, following) in pairwise(reached):
            spell = Spell((following - begun).days, ended=True)
            everywhere[phase].append(spell)
            own[phase] += [spell] if each.offering_id == area else []
        if reached and reached[-1][0] is not Phase.OPERATIONS:
            until = day if steps[-1].status is Status.ACTIVE else steps[-1].effective_on
            spell = Spell((until - reached[-1][1]).days, ended=False)
            everywhere[reached[-1][0]].append(spell)
            own[reached[-1][0]] += [spell] if each.offering_id == area else []
    steps = [step for step in found.steps if step.effective_on <= day]
    since = min(step.effective_on for step in steps if step.phase is steps[-1].phase)
    made = rule(steps[-1].phase, since=since, on=day, area=own, everywhere=everywhere)
    return made.low_on, made.middle_on, made.high_on


async def test_a_forecast_of_a_day_is_what_the_steps_in_effect_by_then_say(world: World) -> None:
    rng = random.Random(7)
    past = [
        lived(
            n, rng.randrange(20, 200), offering=rng.choice(("dns", "pay")), phases=rng.choice((1, 3, 5, 6, 6, 6)), status=status
        )
        for n in range(90)
        for status in (rng.choice((Status.ACTIVE, Status.ACTIVE, Status.WITHDRAWN)),)
    ]
    slow = lived(200, 230, offering="dns", phases=5)
    await known(world, *past, slow)

    told = set()
    for day in sorted(date(2022, 9, 1) + timedelta(rng.randrange(1_200)) for _ in range(20)):
        answer = await world.api.get(f"/v1/adoptions/{slow.id}/forecast?as_of={day}", "omb")
        found = answer.json()
        shown = tuple(date.fromisoformat(found[n]) if found[n] else None for n in ("low_on", "middle_on", "high_on"))
        assert shown == recomputed([*past, slow], slow, day, area="dns"), day
        assert found["as_of"] == day.isoformat()
        told.add(shown)
    assert len(told) > 5


async def test_a_day_before_it_began_or_still_to_come_has_no_forecast(world: World) -> None:
    path = f"/v1/adoptions/{(await started(world)).json()['id']}/forecast?as_of="

    assert [(await world.api.get(path + day, OWN)).status_code for day in ("2026-05-31", "2026-06-01", "2026-06-02")] == [
        404,
        200,
        422,
    ]


async def test_what_was_planned_on_a_day_is_what_facts_said_by_then(database_url: str, tmp_path: Path) -> None:
    today = Day(datetime(2026, 1, 5, 12, tzinfo=UTC))
    async with a_world(database_url, tmp_path, clock=today) as world:
        shown = await started(world)
        path = f"/v1/adoptions/{shown.json()['id']}"
        for day, end in (("2026-02-01", "2027-01-01"), ("2026-03-01", "2027-06-01")):
            today.on(day)
            fresh = await world.api.get(path, OWN)
            body = {"owner": "Program Manager", "target_on": end, "reason": "Vendor late"}
            put = await world.api.put(f"{path}/schedule/migration", body, OWN, etag=fresh.headers["etag"])
            assert put.status_code == 200, put.text

        days = ("2026-01-31", "2026-02-01", "2026-02-28", "2026-03-01")
        said = [(await world.api.get(f"{path}/forecast?as_of={day}", OWN)).json()["target_on"] for day in days]
        now = await world.api.get(f"{path}/forecast", OWN)

    assert said == [None, "2027-01-01", "2027-01-01", "2027-06-01"]
    assert (now.json()["target_on"], now.json()["range"]["facts"] >= 0) == ("2027-06-01", True)
