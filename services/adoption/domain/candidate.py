"""An offering as a candidate for an agency: what it covers, what it costs, how it can be had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any

_CENT = Decimal("0.01")
# FFM.010.010.011 is a capability of the activity FFM.010.010.
_ACTIVITY_PARTS = 3


class Cover(StrEnum):
    """The provider's answer per activity. Source: M3, Business Needs Workbook."""

    YES = "yes"
    YES_BY_GO_LIVE = "yes_by_go_live"
    NO = "no"


_WORST = (Cover.NO, Cover.YES_BY_GO_LIVE, Cover.YES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """A way to buy, as the catalog told of it."""

    number: str
    status: str
    ordering_from: date | None = None
    ordering_to: date | None = None
    full: bool = False
    eligible: tuple[str, ...] = ()

    def hinders(self, *, on: date, agency: frozenset[str]) -> str | None:
        """Why nothing can be ordered under it by this agency; None when it can."""
        if self.ordering_from is not None and on < self.ordering_from:
            return f"{self.number} begins on {self.ordering_from}"
        if self.status != "active" or (self.ordering_to is not None and on > self.ordering_to):
            return f"{self.number} ended on {self.ordering_to}"
        if self.full:
            return f"{self.number} has reached its ceiling"
        if self.eligible and not agency & set(self.eligible):
            return f"{self.number} is not open to this agency"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """`coverage`: activity → answer. `price`: as in the catalog's facts. `suits`: dimension → least level."""

    offering_id: str
    code: str
    name: str
    revision: int
    kind: str
    status: str
    provider_name: str | None = None
    coverage: Mapping[str, Cover] = field(default_factory=dict)
    authorization_status: str | None = None
    impact_level: str | None = None
    hosting: str | None = None
    in_production: bool = False
    onboarding_days: int | None = None
    transactions_per_year: int | None = None
    interfaces: tuple[str, ...] = ()
    suits: Mapping[str, int] = field(default_factory=dict)
    price: Mapping[str, Any] | None = None
    is_free: bool = False
    vehicles: tuple[str, ...] = ()


def by_activity(coverage: Mapping[str, str]) -> dict[str, Cover]:
    """Answers per capability become one per activity: the worst of them, unless the activity itself is answered."""
    found: dict[str, Cover] = {}
    for id_, answer in coverage.items():
        activity = ".".join(id_.split(".")[:_ACTIVITY_PARTS])
        if activity != id_ and activity not in coverage:
            worst = found.get(activity, Cover.YES)
            found[activity] = min(worst, Cover(answer), key=_WORST.index)
    return {**found, **{id_: Cover(answer) for id_, answer in coverage.items() if len(id_.split(".")) <= _ACTIVITY_PARTS}}


def yearly_cost(candidate: Candidate, size: Mapping[str, int]) -> Decimal | None:
    """US dollars a year for an agency of this size; None when the offering or the agency does not say enough."""
    if candidate.is_free:
        return Decimal("0.00")
    price = candidate.price
    count = size.get(price["unit"]) if price else None
    if price is None or count is None:
        return None
    tier = next((tier for tier in price["tiers"] if tier["up_to"] is None or count <= tier["up_to"]), None)
    if tier is None:
        return None
    amount = Decimal(tier["amount"])
    yearly = {"year": amount, "unit": amount * count, "once": Decimal(0)}[tier["per"]]
    return yearly.quantize(_CENT, ROUND_HALF_UP)
