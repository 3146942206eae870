from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from services.adoption.domain import adoption as domain
from services.adoption.domain import stall
from services.adoption.domain.adoption import Adoption, Surroundings
from services.adoption.domain.gate import Assessment, Gates, Result, Side
from services.adoption.domain.m3 import Phase, criteria_of
from shared.kernel.errors import RuleViolation

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
DAY = AT.date()


def begun(at: datetime = AT) -> Adoption:
    return domain.start(id="a", organization_id="o", offering_id="f", offering_revision=1, on=at.date(), at=at, by="sapoc")


def with_progress(adoption: Adoption, on: date) -> Adoption:
    assessment = Assessment(criterion="assessment-scope", result=Result.MET, grounds="seen", on=on, by="sapoc")
    return domain.through(adoption, Gates(assessments=(assessment,)))


@pytest.mark.parametrize(
    ("days", "threshold"),
    [
        ([], 180),
        ([10] * 19, 180),
        ([*range(1, 21)], 18),
        ([0] * 20, 1),
        ([30] * 18 + [400, 500], 30),
        ([5] * 17 + [90] * 3, 90),
    ],
)
def test_the_threshold_is_the_ninetieth_percentile_once_twenty_have_left_the_phase(days: list[int], threshold: int) -> None:
    assert stall.thresholds({Phase.SELECTION: days})[Phase.SELECTION] == threshold


def test_an_adoption_is_due_the_day_after_its_threshold_and_never_in_operations_or_on_hold() -> None:
    last = DAY + timedelta(days=180)

    assert not stall.is_due(begun(), threshold_days=180, on=last)
    assert stall.is_due(begun(), threshold_days=180, on=last + timedelta(days=1))
    held = domain.move(begun(), "hold", around=Surroundings(), on=DAY, at=AT, by="sapoc")
    assert not stall.is_due(held, threshold_days=180, on=last + timedelta(days=999))


def test_progress_ends_the_stall_and_it_is_told_once() -> None:
    found = stall.stalled(begun(), threshold_days=10, on=DAY + timedelta(days=11))
    assert found.is_stalled
    assert not stall.moves_again(found)
    assert not stall.is_due(found, threshold_days=10, on=DAY + timedelta(days=400))

    again = with_progress(found, DAY + timedelta(days=20))

    assert not again.is_stalled
    assert stall.moving(again).stall is None
    with pytest.raises(RuleViolation):
        stall.moving(stall.moving(again))


def test_the_next_step_says_what_and_whose() -> None:
    step = stall.next_step(begun(), Surroundings())
    assert step is not None
    assert (step.what[: len("exit criterion assessment-scope")], step.whose) == ("exit criterion assessment-scope", Side.AGENCY)

    met = tuple(
        Assessment(criterion=c.id, result=Result.MET, grounds="seen", on=DAY, by="s") for c in criteria_of(Phase.ASSESSMENT)
    )
    done = domain.through(begun(), Gates(assessments=met))
    assert stall.next_step(done, Surroundings()) == stall.NextStep(what="advance", whose=Side.AGENCY)
