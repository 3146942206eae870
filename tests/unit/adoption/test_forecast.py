"""Forecasts by hand, by their rules, and against chances that are known."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.adoption.domain.forecast import ENOUGH, Spell, Spread, curve, forecast, summed
from services.adoption.domain.m3 import Phase

DAY = date(2026, 3, 1)


def ended(days: int) -> Spell:
    return Spell(days, ended=True)


def watched(days: int) -> Spell:
    return Spell(days, ended=False)


MIGRATED = [ended(days) for days in range(10, 101, 10)]


def test_the_curve_is_kaplan_and_meiers() -> None:
    # Four spells: one ends at 2, one is watched until 3, one ends at 5, one still lasts at 6.
    found = curve([ended(2), watched(3), ended(5), watched(6)])

    assert found.steps == ((2, 0.75), (5, 0.375))
    assert (found.n, found.ended) == (4, 2)
    assert [found.lasting(day) for day in (1, 2, 4, 5, 9)] == [1.0, 0.75, 0.75, 0.375, 0.375]


def test_the_days_already_spent_are_taken_into_account() -> None:
    spread = curve(MIGRATED).remaining(55)

    assert spread is not None
    assert spread.days == (5, 15, 25, 35, 45)
    assert spread.chances == pytest.approx([0.2] * 5)
    assert curve(MIGRATED).remaining(100) is None


def test_leaving_out_who_is_not_done_would_forecast_too_early() -> None:
    still = [*MIGRATED, *(watched(95) for _ in range(10))]

    with_all, without = curve(still).remaining(0), curve(MIGRATED).remaining(0)

    assert with_all is not None
    assert without is not None
    assert without.quantile(0.5) == 50
    assert with_all.quantile(0.5) == 100


def test_what_was_never_seen_is_not_foretold() -> None:
    found = forecast(Phase.MIGRATION, since=DAY, on=DAY, area={}, everywhere={Phase.MIGRATION: [*MIGRATED, watched(200)]})
    nothing = forecast(Phase.MIGRATION, since=DAY, on=DAY + timedelta(101), area={}, everywhere={Phase.MIGRATION: MIGRATED})
    few = forecast(Phase.ENGAGEMENT, since=DAY, on=DAY, area={}, everywhere={Phase.MIGRATION: MIGRATED})

    assert found.high_on == DAY + timedelta(100)
    assert (
        forecast(
            Phase.MIGRATION, since=DAY, on=DAY, area={}, everywhere={Phase.MIGRATION: [*MIGRATED, *[watched(200)] * 5]}
        ).high_on
        is None
    )
    assert nothing.missing == ("an adoption that left migration after more than 101 days",)
    assert few.missing == (f"{ENOUGH} adoptions that have left engagement (there are 0)",)


def test_the_own_area_speaks_once_it_has_enough() -> None:
    everywhere = {Phase.MIGRATION: [*MIGRATED, *[ended(300)] * 30]}

    few = forecast(Phase.MIGRATION, since=DAY, on=DAY, area={Phase.MIGRATION: MIGRATED}, everywhere=everywhere)
    enough = forecast(Phase.MIGRATION, since=DAY, on=DAY, area={Phase.MIGRATION: MIGRATED * 2}, everywhere=everywhere)
    # Nobody of the area took so long: all speak.
    longer = forecast(
        Phase.MIGRATION, since=DAY, on=DAY + timedelta(150), area={Phase.MIGRATION: MIGRATED * 2}, everywhere=everywhere
    )

    assert [found.stretches[0].segment for found in (few, enough, longer)] == ["all", "area", "all"]
    assert enough.middle_on == DAY + timedelta(50)
    assert longer.middle_on == DAY + timedelta(300)


def test_phases_ahead_are_added_up() -> None:
    everywhere = {Phase.ENGAGEMENT: [ended(10)] * ENOUGH, Phase.MIGRATION: [ended(30)] * ENOUGH}

    found = forecast(Phase.ENGAGEMENT, since=DAY - timedelta(4), on=DAY, area={}, everywhere=everywhere)

    assert (found.low_on, found.middle_on, found.high_on) == (DAY + timedelta(36),) * 3
    assert [(each.phase, each.elapsed, each.middle) for each in found.stretches] == [("engagement", 4, 6), ("migration", 0, 30)]


SPELLS = st.lists(st.builds(Spell, st.integers(0, 400), st.booleans()), min_size=1, max_size=60)


@given(SPELLS, st.integers(0, 400), st.randoms())
def test_a_curve_falls_and_order_does_not_matter(spells: list[Spell], elapsed: int, chance: random.Random) -> None:
    shuffled = list(spells)
    chance.shuffle(shuffled)
    found = curve(spells)

    assert curve(shuffled) == found
    assert all(earlier >= later for (_, earlier), (_, later) in zip(found.steps, found.steps[1:], strict=False))
    spread = found.remaining(elapsed)
    if spread is not None:
        assert 0 < sum(spread.chances) <= 1 + 1e-9
        assert min(spread.days) > 0


@given(SPELLS, SPELLS)
def test_the_sum_of_two_stretches_loses_no_chance_and_not_their_mean(one: list[Spell], other: list[Spell]) -> None:
    first, second = curve(one).remaining(0), curve(other).remaining(0)
    if first is None or second is None:
        return
    both = summed(first, second)

    assert sum(both.chances) == pytest.approx(sum(first.chances) * sum(second.chances))
    expected = _mean(first) * sum(second.chances) + _mean(second) * sum(first.chances)
    assert _mean(both) == pytest.approx(expected, abs=1)


def _mean(spread: Spread) -> float:
    return sum(day * chance for day, chance in zip(spread.days, spread.chances, strict=True))


def test_four_of_five_fall_into_the_range_when_times_are_drawn_from_what_was_learned() -> None:
    chance = random.Random(7)
    held = 0
    for _ in range(400):
        learned = {phase: [ended(round(chance.expovariate(1 / 120)) + 1) for _ in range(60)] for phase in Phase}
        found = forecast(Phase.SELECTION, since=DAY, on=DAY, area={}, everywhere=learned)
        real = DAY + timedelta(sum(round(chance.expovariate(1 / 120)) + 1 for _ in range(3)))
        assert found.low_on is not None
        assert found.high_on is not None
        held += found.low_on <= real <= found.high_on
    assert 0.74 <= held / 400 <= 0.86
