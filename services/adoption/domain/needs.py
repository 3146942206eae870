"""What an agency needs in a focus area: per business activity on the official scale, and what binds its choice."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from shared.kernel.errors import Invalid

NEEDS_MAX = 1_000
CONSTRAINTS_MAX = 50


class Scale(StrEnum):
    """What of an activity is needed. Source: M3, Business Needs Workbook (domain-facts §8)."""

    SYSTEM = "system"
    TRANSACTION_PROCESSING = "transaction_processing"
    BOTH = "both"
    NOT_APPLICABLE = "not_applicable"


class Priority(StrEnum):
    """`must` keeps an offering out that does not meet it; the others count in its score."""

    MUST = "must"
    SHOULD = "should"
    COULD = "could"


class Limit(StrEnum):
    """What a constraint is about; its value is a word, a number or dollars a year."""

    IMPACT_LEVEL_AT_LEAST = "impact_level_at_least"
    AUTHORIZED = "authorized"
    FEDERAL_HOSTING = "federal_hosting"
    IN_PRODUCTION = "in_production"
    TRANSACTIONS_PER_YEAR = "transactions_per_year"
    INTERFACE = "interface"
    BUDGET_PER_YEAR = "budget_per_year"
    ONBOARDING_DAYS_AT_MOST = "onboarding_days_at_most"


IMPACT_LEVELS: Mapping[str, int] = {"li_saas": 1, "low": 1, "moderate": 2, "high": 3}
_WITHOUT_VALUE = frozenset({Limit.AUTHORIZED, Limit.FEDERAL_HOSTING, Limit.IN_PRODUCTION})
_NUMBERS = frozenset({Limit.TRANSACTIONS_PER_YEAR, Limit.ONBOARDING_DAYS_AT_MOST})


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """`fibf_id`: a service activity."""

    fibf_id: str
    scale: Scale
    mission_critical: bool = False
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """`value` as text: an impact level, an interface's name, a whole number, or dollars; empty where none is needed."""

    limit: Limit
    priority: Priority
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """Of one agency, area and fiscal year. `size`: unit of price → how many. `shared`: other agencies may copy it."""

    id: str
    version: int
    organization_id: str
    focus_area: str
    fiscal_year: int
    needs: tuple[Need, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    size: Mapping[str, int] | None = None
    shared: bool = False
    copied_from: str | None = None

    @property
    def applicable(self) -> tuple[Need, ...]:
        return tuple(need for need in self.needs if need.scale is not Scale.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """How many of the area's activities are answered; `missing`: the ids that are not."""

    answered: int
    total: int
    missing: tuple[str, ...]


def state(
    before: Needs,
    *,
    needs: tuple[Need, ...],
    constraints: tuple[Constraint, ...],
    size: Mapping[str, int],
    shared: bool,
    activities: Collection[str],
) -> Needs:
    """`activities`: those of the area's standards; none when no standard is known yet, and then any id is taken.

    Raises Invalid with the pointer of each fault's place.
    """
    _check_needs(needs, activities)
    for index, constraint in enumerate(constraints):
        _check(constraint, f"/constraints/{index}")
    ordered = tuple(sorted(needs, key=lambda need: need.fibf_id))
    return replace(before, needs=ordered, constraints=constraints, size=dict(size), shared=shared)


def _check_needs(needs: tuple[Need, ...], activities: Collection[str]) -> None:
    seen: set[str] = set()
    for index, need in enumerate(needs):
        if need.fibf_id in seen:
            raise Invalid.at(f"/needs/{index}/fibf_id", f"{need.fibf_id} is answered twice.", code="duplicate")
        if activities and need.fibf_id not in activities:
            detail = f"{need.fibf_id} is no activity of the area's standards; GET /v1/standards lists them."
            raise Invalid.at(f"/needs/{index}/fibf_id", detail, code="unknown-reference")
        seen.add(need.fibf_id)


def _check(constraint: Constraint, pointer: str) -> None:
    value, at = constraint.value, f"{pointer}/value"
    if constraint.limit in _WITHOUT_VALUE:
        if value:
            raise Invalid.at(at, f"{constraint.limit} takes no value.")
    elif constraint.limit is Limit.IMPACT_LEVEL_AT_LEAST:
        if value not in IMPACT_LEVELS:
            raise Invalid.at(at, f"An impact level is one of: {', '.join(IMPACT_LEVELS)}.")
    elif constraint.limit in _NUMBERS:
        if not (value.isascii() and value.isdigit()):
            raise Invalid.at(at, f"{constraint.limit} is a whole number.")
    elif constraint.limit is Limit.BUDGET_PER_YEAR:
        if not _is_amount(value):
            raise Invalid.at(at, "A budget is US dollars a year, such as 125000.00.")
    elif not value.strip():
        raise Invalid.at(at, "An interface has a name.")


def _is_amount(value: str) -> bool:
    dollars, _, cents = value.partition(".")
    return value.isascii() and dollars.isdigit() and (not cents or cents.isdigit()) and Decimal(dollars) < Decimal(10) ** 16


def completeness(needs: Needs, activities: Collection[str]) -> Completeness:
    answered = {need.fibf_id for need in needs.needs}
    missing = tuple(sorted(set(activities) - answered))
    return Completeness(answered=len(answered), total=len(set(activities) | answered), missing=missing)
