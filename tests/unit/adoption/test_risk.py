"""The score of a migration's risks: weighted, banded, recomputable, and never better for a worse rating."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.adoption.domain import risk
from services.adoption.domain.m3 import Phase
from services.adoption.domain.risk import FULL, HALF, POINTS, SELF_LEVELS, Band, Category, Level, Rating, RiskAssessment, Size
from shared.kernel.errors import Invalid, RuleViolation

DAY = date(2026, 3, 1)


def assessed(levels: dict[Category, Level], *, phase: Phase = Phase.READINESS, size: Size = Size.LARGE) -> RiskAssessment:
    ratings = tuple(Rating(category=category, level=level, grounds="seen") for category, level in levels.items())
    weights = risk.weights_of(size, phase)
    return risk.assess((), ratings, phase=phase, size=size, weights=weights, on=DAY, by="lead")[-1]


def test_there_are_twelve_categories_and_weights_of_one_and_a_half() -> None:
    assert len(Category) == 12
    weights = {weight for size in Size for phase in Phase for weight in risk.weights_of(size, phase).values()}
    assert weights == {FULL, HALF}


def test_a_score_is_the_weighted_mean_of_what_is_rated() -> None:
    found = assessed({Category.CYBER: Level.HIGH, Category.DATA: Level.LOW})

    assert (found.weights[Category.CYBER], found.weights[Category.DATA]) == (HALF, FULL)
    assert found.score == Decimal("2.33")  # (5 * 0.5 + 1 * 1) / 1.5
    assert found.band is Band.MEDIUM
    assert len(found.unanswered) == 10


@pytest.mark.parametrize(
    ("levels", "band"),
    [
        ((Level.LOW, Level.LOW), Band.LOW),
        ((Level.LOW, Level.MEDIUM), Band.MEDIUM),
        ((Level.MEDIUM, Level.MEDIUM), Band.MEDIUM),
        ((Level.MEDIUM, Level.HIGH), Band.HIGH),
    ],
)
def test_where_bands_overlap_the_higher_one_counts(levels: tuple[Level, Level], band: Band) -> None:
    assert assessed(dict(zip((Category.DATA, Category.FINANCIAL), levels, strict=True))).band is band


def test_a_review_counts_instead_of_the_own_rating_and_is_another_persons() -> None:
    own = assessed({Category.DATA: Level.HIGH, Category.FINANCIAL: Level.LOW})
    levels = {Category.DATA: (Level.HIGH_WITH_STRATEGY, "The plan is good")}

    reviewed = risk.review((own,), levels, phase=Phase.READINESS, on=DAY, by="qsmo")

    assert [version.n for version in reviewed] == [1, 2]
    assert (own.score, reviewed[-1].score) == (Decimal("3.00"), Decimal("2.50"))
    with pytest.raises(RuleViolation, match="same person"):
        risk.review((own,), levels, phase=Phase.READINESS, on=DAY, by="lead")
    with pytest.raises(RuleViolation, match="made in selection"):
        risk.review((own,), levels, phase=Phase.SELECTION, on=DAY, by="qsmo")
    with pytest.raises(RuleViolation, match="a rating of cyber"):
        risk.review((own,), {Category.CYBER: (Level.LOW, "")}, phase=Phase.READINESS, on=DAY, by="qsmo")


def test_an_agency_does_not_accept_its_own_strategy_and_rates_something() -> None:
    with pytest.raises(Invalid, match="reviewer's level"):
        assessed({Category.DATA: Level.MEDIUM_WITH_STRATEGY})
    with pytest.raises(Invalid, match="at least one"):
        assessed({})


LEVELS = st.dictionaries(st.sampled_from(Category), st.sampled_from(SELF_LEVELS), min_size=1)


@given(LEVELS, st.sampled_from(Category), st.sampled_from(Phase), st.sampled_from(Size))
def test_a_worse_rating_never_makes_a_better_score(
    levels: dict[Category, Level], category: Category, phase: Phase, size: Size
) -> None:
    before = assessed({**levels, category: Level.LOW}, phase=phase, size=size)
    after = assessed({**levels, category: Level.HIGH}, phase=phase, size=size)

    assert before.score is not None
    assert after.score is not None
    assert Decimal(1) <= before.score <= after.score <= Decimal(5)
    assert POINTS[Level.HIGH] == 5
