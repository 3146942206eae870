"""Adoptions that stand still are found, told once, listed with their next step, and told when they move."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

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
