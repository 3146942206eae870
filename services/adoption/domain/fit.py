"""Fit of offerings to an agency's needs: deterministic, every point of a score explained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter, ge, le

from services.adoption.domain.candidate import Candidate, Cover, Vehicle, yearly_cost
from services.adoption.domain.needs import IMPACT_LEVELS, Constraint, Limit, Need, Priority

# Points of an answer, of ten, and weights: a need counts twice, a mission-critical one six times.
POINTS: Mapping[Cover, int] = {Cover.YES: 10, Cover.YES_BY_GO_LIVE: 7, Cover.NO: 0}
WEIGHTS = {"need": 2, "mission_critical": 6, Priority.SHOULD: 2, Priority.COULD: 1}
# An agency this many levels below what an offering asks for is kept out; fewer is a gap to close on the way.
READINESS_GAP_MAX = 1
FULL = 10
_HUNDREDTHS = 10_000
_NO_PRICE = Decimal("Infinity")


class Outcome(StrEnum):
    """Of one need. `unknown`: the provider has not answered."""

    MET = "met"
    BY_GO_LIVE = "by_go_live"
    GAP = "gap"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    """Of one constraint. `unknown`: the offering does not say; a `must` then keeps it out too."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    UNKNOWN = "unknown"


_OUTCOMES = {Cover.YES: Outcome.MET, Cover.YES_BY_GO_LIVE: Outcome.BY_GO_LIVE, Cover.NO: Outcome.GAP}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What an agency asks the catalog: its needs and constraints, readiness by dimension, size, and who it is."""

    needs: tuple[Need, ...]
    constraints: tuple[Constraint, ...] = ()
    readiness: Mapping[str, int] = field(default_factory=dict)
    size: Mapping[str, int] = field(default_factory=dict)
    agency: frozenset[str] = frozenset()
    on: date
    vehicles: Mapping[str, Vehicle] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hindrance:
    """What keeps an offering out: `kind` is `constraint`, `readiness` or `vehicle`, `ref` which one."""

    kind: str
    ref: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A dimension in which the agency is below what the offering asks for; `has` None: not assessed."""

    dimension: str
    asks: int
    has: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """`score` in hundredths of a percent of what could be reached; `hindrances` empty: it is in."""

    candidate: Candidate
    score: int
    outcomes: tuple[tuple[Need, Outcome], ...]
    verdicts: tuple[tuple[Constraint, Verdict], ...]
    gaps: tuple[Gap, ...]
    yearly_cost: Decimal | None
    hindrances: tuple[Hindrance, ...]

    @property
    def critical_gaps(self) -> int:
        return sum(need.mission_critical and outcome in {Outcome.GAP, Outcome.UNKNOWN} for need, outcome in self.outcomes)


def evaluate(candidate: Candidate, question: Question) -> Fit:
    """From the candidate's and the question's data alone: the same data give the same fit, whatever else is on offer."""
    cost = yearly_cost(candidate, question.size)
    verdicts = tuple((constraint, judge(constraint, candidate, cost)) for constraint in question.constraints)
    gaps = readiness_gaps(candidate, question.readiness)
    outcomes = tuple((need, _outcome(need, candidate)) for need in question.needs)
    return Fit(
        candidate=candidate,
        score=_score(question.needs, verdicts, candidate),
        outcomes=outcomes,
        verdicts=verdicts,
        gaps=gaps,
        yearly_cost=cost,
        hindrances=(*_failed(verdicts), *unready(gaps), *unbuyable(candidate, question)),
    )


Order = tuple[bool, int, int, Decimal, str]


def order(fit: Fit) -> Order:
    """Sorts those that are in by falling score before those kept out; ties by critical gaps, price and code."""
    return place(bool(fit.hindrances), fit.score, fit.critical_gaps, fit.yearly_cost, fit.candidate.code)


def place(kept_out: bool, score: int, critical_gaps: int, cost: Decimal | None, code: str) -> Order:
    return (kept_out, -score, critical_gaps, _NO_PRICE if cost is None else cost, code)


def weight_of(need: Need) -> int:
    return WEIGHTS["mission_critical" if need.mission_critical else "need"]


def _outcome(need: Need, candidate: Candidate) -> Outcome:
    cover = candidate.coverage.get(need.fibf_id)
    return Outcome.UNKNOWN if cover is None else _OUTCOMES[cover]


def _score(needs: Sequence[Need], verdicts: Sequence[tuple[Constraint, Verdict]], candidate: Candidate) -> int:
    reached = possible = 0
    coverage = candidate.coverage
    for need in needs:
        weight = weight_of(need)
        possible += weight * FULL
        if (cover := coverage.get(need.fibf_id)) is not None:
            reached += weight * POINTS[cover]
    for constraint, verdict in verdicts:
        if constraint.priority is not Priority.MUST:
            weight = WEIGHTS[constraint.priority]
            possible += weight * FULL
            reached += weight * FULL if verdict is Verdict.PASS else 0
    return percent(reached, possible)


def percent(reached: int, possible: int) -> int:
    """In hundredths, rounded half up in whole numbers: the same on every machine."""
    return (2 * _HUNDREDTHS * reached + possible) // (2 * possible) if possible else 0


def judge(constraint: Constraint, candidate: Candidate, cost: Decimal | None) -> Verdict:
    """Whether the candidate meets the constraint; `cost`: its dollars a year for this agency."""
    holds = asked(constraint)(candidate, cost)
    return Verdict.UNKNOWN if holds is None else Verdict.PASS if holds else Verdict.FAIL


Asked = Callable[[Candidate, Decimal | None], bool | None]


def asked(constraint: Constraint) -> Asked:
    """The constraint as a question to a candidate and its yearly cost; None: it does not say."""
    return _ASKED[constraint.limit](constraint.value)


def _impact_level(value: str) -> Asked:
    least = IMPACT_LEVELS[value]

    def holds(candidate: Candidate, _: Decimal | None) -> bool | None:
        level = IMPACT_LEVELS.get(candidate.impact_level or "")
        return None if level is None else level >= least

    return holds


def _interface(value: str) -> Asked:
    wanted = value.casefold()
    return lambda candidate, _: any(name.casefold() == wanted for name in candidate.interfaces)


def _budget(value: str) -> Asked:
    most = Decimal(value)
    return lambda _, cost: None if cost is None else cost <= most


def _equal(attribute: str, wanted: str) -> Callable[[str], Asked]:
    read = attrgetter(attribute)
    return lambda _: lambda candidate, _cost: None if (found := read(candidate)) is None else found == wanted


def _within(attribute: str, compare: Callable[[int, int], bool]) -> Callable[[str], Asked]:
    read = attrgetter(attribute)

    def of(value: str) -> Asked:
        bound = int(value)
        return lambda candidate, _: None if (found := read(candidate)) is None else compare(found, bound)

    return of


_ASKED: Mapping[Limit, Callable[[str], Asked]] = {
    Limit.IMPACT_LEVEL_AT_LEAST: _impact_level,
    Limit.AUTHORIZED: _equal("authorization_status", "authorized"),
    Limit.FEDERAL_HOSTING: _equal("hosting", "federal"),
    Limit.IN_PRODUCTION: lambda _: lambda candidate, _cost: candidate.in_production,
    Limit.TRANSACTIONS_PER_YEAR: _within("transactions_per_year", ge),
    Limit.INTERFACE: _interface,
    Limit.BUDGET_PER_YEAR: _budget,
    Limit.ONBOARDING_DAYS_AT_MOST: _within("onboarding_days", le),
}


def readiness_gaps(candidate: Candidate, readiness: Mapping[str, int]) -> tuple[Gap, ...]:
    gaps = []
    for dimension, asks in candidate.suits.items():
        has = readiness.get(dimension)
        if has is None or has < asks:
            gaps.append(Gap(dimension=dimension, asks=asks, has=has))
    return tuple(sorted(gaps, key=lambda gap: gap.dimension))


def _failed(verdicts: Sequence[tuple[Constraint, Verdict]]) -> list[Hindrance]:
    said = {Verdict.FAIL: "is not met", Verdict.UNKNOWN: "is not answered by the offering"}
    return [
        Hindrance(kind="constraint", ref=str(index), detail=f"{_named(constraint)} {said[verdict]}")
        for index, (constraint, verdict) in enumerate(verdicts)
        if constraint.priority is Priority.MUST and verdict is not Verdict.PASS
    ]


def _named(constraint: Constraint) -> str:
    return f"{constraint.limit} {constraint.value}".strip()


def unready(gaps: Sequence[Gap]) -> list[Hindrance]:
    """A dimension that nobody assessed keeps nothing out: it is a gap that is shown."""
    return [
        Hindrance(
            kind="readiness",
            ref=gap.dimension,
            detail=f"{gap.dimension} is at level {gap.has} and the offering asks for {gap.asks}",
        )
        for gap in gaps
        if gap.has is not None and gap.asks - gap.has > READINESS_GAP_MAX
    ]


def unbuyable(candidate: Candidate, question: Question) -> list[Hindrance]:
    """A service is had by an interagency agreement, what is free by asking; a product needs a vehicle that is open."""
    if candidate.is_free or candidate.kind != "commercial_product" or not candidate.vehicles:
        return []
    found = [(number, question.vehicles.get(number)) for number in candidate.vehicles]
    whys = [
        f"{number} is not registered" if vehicle is None else vehicle.hinders(on=question.on, agency=question.agency)
        for number, vehicle in found
    ]
    if None in whys:
        return []
    return [Hindrance(kind="vehicle", ref=candidate.vehicles[0], detail="; ".join(str(why) for why in whys))]
