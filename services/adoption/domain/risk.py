"""The risk of a migration: twelve categories rated, weighted by the size of the project and its phase, and explained.

Source: the M3 Risk Assessment Tool: its categories, ratings (1, 3, 5; a reviewer also 2 and 4), weights (1 or 0.5) and bands.
Which category weighs half, and when, stands in its workbook; the table here is ours, says so, and can be imported over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from services.adoption.domain.m3 import Phase
from shared.kernel.errors import Invalid, RuleViolation

SOURCE = "M3 Risk Assessment Tool: categories, scale, values of weights and bands; which category weighs half is set here"


class Category(StrEnum):
    """What is rated."""

    DATA = "data"
    CYBER = "cyber"
    FINANCIAL = "financial"
    ACQUISITION = "acquisition"
    OPERATIONAL = "operational"
    REPUTATIONAL = "reputational"
    SCHEDULE = "schedule"
    MANAGEMENT_SUPPORT = "management-support"
    FEASIBILITY = "feasibility"
    TECHNICAL_COMPLEXITY = "technical-complexity"
    REQUIREMENTS = "requirements"
    ORGANIZATIONAL_CHANGE = "organizational-change"


class Size(StrEnum):
    """Of the project."""

    SMALL = "small"
    LARGE = "large"


class Level(StrEnum):
    """The last two are a reviewer's: there is a strategy, and it is accepted."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    MEDIUM_WITH_STRATEGY = "medium-with-strategy"
    HIGH_WITH_STRATEGY = "high-with-strategy"


class Band(StrEnum):
    """Of a score."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


POINTS: Mapping[Level, int] = {
    Level.LOW: 1,
    Level.MEDIUM_WITH_STRATEGY: 2,
    Level.MEDIUM: 3,
    Level.HIGH_WITH_STRATEGY: 4,
    Level.HIGH: 5,
}
SELF_LEVELS = (Level.LOW, Level.MEDIUM, Level.HIGH)
# The bands of the source overlap at 2 and 3.5; an edge counts as the higher one here.
BAND_FROM: Mapping[Band, Decimal] = {Band.HIGH: Decimal("3.5"), Band.MEDIUM: Decimal(2), Band.LOW: Decimal("0.1")}
FULL, HALF = Decimal(1), Decimal("0.5")
Weights = Mapping[Category, Decimal]

_HALF_WHEN_SMALL = frozenset({Category.REPUTATIONAL, Category.MANAGEMENT_SUPPORT, Category.ORGANIZATIONAL_CHANGE})
_HALF_IN: Mapping[Phase, frozenset[Category]] = {
    Phase.ASSESSMENT: frozenset({Category.DATA, Category.CYBER, Category.OPERATIONAL, Category.TECHNICAL_COMPLEXITY}),
    Phase.READINESS: frozenset({Category.CYBER, Category.OPERATIONAL}),
    Phase.SELECTION: frozenset({Category.OPERATIONAL}),
    Phase.ENGAGEMENT: frozenset({Category.ACQUISITION}),
    Phase.MIGRATION: frozenset({Category.ACQUISITION, Category.FEASIBILITY}),
    Phase.OPERATIONS: frozenset({Category.ACQUISITION, Category.FEASIBILITY, Category.REQUIREMENTS, Category.SCHEDULE}),
}


def weights_of(size: Size, phase: Phase) -> dict[Category, Decimal]:
    """The table that holds until another is imported."""
    half = _HALF_IN[phase] | (_HALF_WHEN_SMALL if size is Size.SMALL else frozenset())
    return {category: HALF if category in half else FULL for category in Category}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """`review` is the QSMO's and counts instead of the agency's own; each with its reason."""

    category: Category
    level: Level
    grounds: str
    review: Level | None = None
    review_grounds: str | None = None

    @property
    def counted(self) -> Level:
        return self.review or self.level


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskAssessment:
    """One version; `weights` are those it was made with, so that its score stays what it was."""

    n: int
    phase: Phase
    size: Size
    ratings: tuple[Rating, ...]
    weights: Weights
    on: date
    by: str
    reviewed_by: str | None = None

    @property
    def unanswered(self) -> tuple[Category, ...]:
        rated = {rating.category for rating in self.ratings}
        return tuple(category for category in Category if category not in rated)

    @property
    def score(self) -> Decimal | None:
        """The weighted mean of what is rated, in hundredths; None when nothing is."""
        weight = sum((self.weights[rating.category] for rating in self.ratings), Decimal(0))
        total = sum((self.weights[rating.category] * POINTS[rating.counted] for rating in self.ratings), Decimal(0))
        return (total / weight).quantize(Decimal("0.01"), ROUND_HALF_UP) if weight else None

    @property
    def band(self) -> Band | None:
        score = self.score
        return None if score is None else next((band for band, least in BAND_FROM.items() if score >= least), Band.LOW)


def assess(
    earlier: tuple[RiskAssessment, ...],
    ratings: tuple[Rating, ...],
    *,
    phase: Phase,
    size: Size,
    weights: Weights,
    on: date,
    by: str,
) -> tuple[RiskAssessment, ...]:
    """One more version, whole: what is not rated in it is unanswered. Raises Invalid for a reviewer's level, and for none."""
    if not ratings:
        raise Invalid.at("/ratings", "An assessment rates at least one category.", code="missing")
    for rating in ratings:
        if rating.level not in SELF_LEVELS:
            detail = f"{rating.level} is a reviewer's level; the agency rates {', '.join(SELF_LEVELS)}."
            raise Invalid.at(f"/ratings/{rating.category}/level", detail, code="unknown-value")
    made = RiskAssessment(n=len(earlier) + 1, phase=phase, size=size, ratings=ratings, weights=weights, on=on, by=by)
    return (*earlier, made)


def review(
    earlier: tuple[RiskAssessment, ...], levels: Mapping[Category, tuple[Level, str]], *, phase: Phase, on: date, by: str
) -> tuple[RiskAssessment, ...]:
    """The newest version as the reviewer sees it, as one more. Raises RuleViolation for none of this phase, or an own one."""
    newest = earlier[-1] if earlier else None
    if newest is None or newest.phase is not phase:
        needed = f"a risk assessment made in {phase}"
        raise RuleViolation(f"A review needs {needed}.", code="missing", missing=(needed,))
    if newest.by == by:
        raise RuleViolation("Nobody reviews what the same person assessed.", code="separation-of-duties")
    if unrated := [category for category in levels if category in newest.unanswered]:
        missing = tuple(f"a rating of {category} by the agency" for category in unrated)
        raise RuleViolation(f"A review needs {', '.join(missing)}.", code="missing", missing=missing)
    ratings = tuple(
        replace(rating, review=levels[rating.category][0], review_grounds=levels[rating.category][1])
        if rating.category in levels
        else rating
        for rating in newest.ratings
    )
    return (*earlier, replace(newest, n=newest.n + 1, ratings=ratings, on=on, reviewed_by=by))


def lacking(assessments: tuple[RiskAssessment, ...], phase: Phase) -> tuple[str, ...]:
    """What a tollgate of the phase still asks for, as sentences."""
    newest = assessments[-1] if assessments else None
    if newest is None or newest.phase is not phase:
        return (f"risk assessment of {phase}: none of the {len(Category)} categories is rated in this phase",)
    if newest.unanswered:
        return (f"risk assessment of {phase}: not rated: {', '.join(newest.unanswered)}",)
    return ()
