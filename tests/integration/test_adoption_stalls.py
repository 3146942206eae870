"""Adoptions that stand still are found, told once, listed with their next step, and told when they move."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.adoption.context import AdoptionOwner
from tests.unit.adoption.builders import World, a_world, acted, advanced, letter_row, started

OWN = "agency:7008:sapoc"


class Time:
    """A clock that a test sets. Tokens are checked against the real time, not this one."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def world(database_url: str, tmp_path: Path, time: Time) -> AsyncIterator[World]:
    async with a_world(database_url, tmp_path, clock=time) as world:
        yield world


async def look(world: World) -> None:
    owner = world.owner
    assert isinstance(owner, AdoptionOwner)
    assert await owner.tell_due()


async def test_a_stall_is_found_told_once_and_listed_with_the_next_step(world: World, time: Time) -> None:
    shown = await started(world)
    await world.imported([letter_row(agency_id="22-013", sub_id="")])
    time.now += timedelta(days=180)
    await look(world)
    assert await world.adoptions("&stalled=true", "omb") == []

    time.now += timedelta(days=1)
    await look(world)
    await look(world)

    (found,) = await world.adoptions("&stalled=true", "omb")
    assert found["id"] == shown.json()["id"]
    said = {name: found["stall"][name] for name in ("progress_on", "found_on", "threshold_days")}
    assert said == {"progress_on": "2026-01-01", "found_on": "2026-07-01", "threshold_days": 180}
    assert found["next_step"]["whose"] == "agency"
    assert found["next_step"]["what"].startswith("exit criterion assessment-scope")
    assert (await world.recorded_types()).count("stalled") == 1


async def test_progress_takes_it_off_the_list_at_once_and_is_told_at_the_next_look(world: World, time: Time) -> None:
    shown = await started(world)
    time.now += timedelta(days=200)
    await look(world)
    fresh = await world.api.get(f"/v1/adoptions/{shown.json()['id']}", OWN)
    time.now += timedelta(days=3)

    await acted(world, fresh, "criteria/assessment-scope/meet", OWN, "sapoc", evidence="https://example.gov/scope")

    assert await world.adoptions("&stalled=true", "omb") == []
    await look(world)
    await look(world)
    assert (await world.recorded_types())[-2:] == ["stalled", "resumed"]


async def test_a_stall_says_why(world: World, time: Time) -> None:
    await started(world)
    time.now += timedelta(days=200)
    await look(world)

    (found,) = await world.adoptions("&stalled=true", "omb")

    assert found["stall"]["days"] == 200
    assert found["stall"]["why"] == (
        "Nothing has moved in assessment since 2026-01-01, for 200 days: "
        "no step, criterion, risk, signature, task or document. 180 days are taken as usual."
    )


async def test_what_is_usual_is_learned_from_those_who_have_left_the_phase(world: World, time: Time) -> None:
    slow = await started(world, offering="pay")
    for n in range(20):
        shown = await started(world, agency="cisa", offering="dns")
        time.now += timedelta(days=1)
        await acted(world, await advanced(world, shown), "withdraw", OWN, "sapoc", reason=f"trial {n}")

    await look(world)

    (found,) = await world.adoptions("&stalled=true", "omb")
    assert found["id"] == slow.json()["id"]
    assert found["stall"]["threshold_days"] == 1


def stalled_on(facts: list[tuple[str, dict[str, Any], dict[str, str]]], day: date) -> set[str]:
    """By the facts told until then: the last one of each adoption says that it stands still."""
    last = {fact["adoption_id"]: verb for verb, fact, headers in facts if headers["ce_time"][:10] <= day.isoformat()}
    return {id_ for id_, verb in last.items() if verb == "stalled"}


async def test_who_stood_still_on_a_day_is_what_the_facts_told_until_then_and_what_the_figure_counts(
    world: World, time: Time
) -> None:
    first, other = await started(world), await started(world, offering="pay")
    time.now += timedelta(days=181)
    await look(world)
    time.now += timedelta(days=10)
    fresh = await world.api.get(f"/v1/adoptions/{first.json()['id']}", OWN)
    await acted(world, fresh, "criteria/assessment-scope/meet", OWN, "sapoc", evidence="https://example.gov/scope")
    await look(world)
    time.now += timedelta(days=5)
    fresh = await world.api.get(f"/v1/adoptions/{other.json()['id']}", OWN)
    await acted(world, fresh, "hold", OWN, "sapoc")
    time.now += timedelta(days=200)
    await look(world)
    assert (await world.api.post("/v1/analytics/rebuild", None, "omb")).status_code == 200

    facts, counts = await world.recorded(), set()
    for day in (date(2026, 1, 1) + timedelta(days=n) for n in range(0, 400, 5)):
        found = await world.adoptions(f"&stalled=true&as_of={day}", "omb")
        figure = (await world.api.get(f"/v1/analytics/figures/stalled?as_of={day}", "omb")).json()["items"]
        assert {each["id"] for each in found} == stalled_on(facts, day), day
        assert sum(each["value"] for each in figure) == len(found), day
        counts.add(len(found))
    assert counts == {0, 1, 2}


async def test_a_list_of_a_day_shows_adoptions_as_they_were(world: World, time: Time) -> None:
    shown = await started(world)
    time.now += timedelta(days=181)
    await look(world)
    time.now += timedelta(days=1)
    held = await acted(world, await world.api.get(f"/v1/adoptions/{shown.json()['id']}", OWN), "hold", OWN, "sapoc")
    await world.api.post("/v1/analytics/rebuild", None, "omb")

    async def on(day: str, query: str = "") -> list[dict[str, Any]]:
        return await world.adoptions(f"&as_of={day}{query}", OWN)

    (found,) = await on("2026-07-01", "&stalled=true&status=active")
    assert held.json()["status"] == "on_hold"
    assert (found["status"], found["phase"], len(found["history"])) == ("active", "assessment", 1)
    assert (found["stall"]["found_on"], found["stall"]["progress_on"], found["stall"]["days"]) == (
        "2026-07-01",
        "2026-01-01",
        181,
    )
    assert (found["next_step"], found["_actions"]) == (None, [])
    assert [each["id"] for each in await on("2026-07-01", "&filter=stalled = yes and status = active")] == [found["id"]]
    assert await on("2026-07-01", "&status=on_hold") == await on("2025-12-31") == await on("2026-07-02", "&stalled=true") == []
    assert [each["status"] for each in await on("2026-07-02")] == ["on_hold"]
    told = (await world.api.get("/v1/adoptions?stalled=true&as_of=2026-07-01", OWN)).json()
    assert (bool(told["definition"]), told["range"]["facts"]) == (True, 3)
    refused = await world.api.get("/v1/adoptions?late=true&as_of=2026-07-01", OWN)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "query:late")
