"""Demand for what no offering gives: who could not be served, activity by activity."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One agency's decision that nothing suits. `mission_critical`: so the agency said of the activity."""

    organization_id: str
    shortlist_id: str
    mission_critical: bool
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """The id is the area's slug and the activity's id, with a colon between."""

    id: str
    version: int
    fibf_id: str
    focus_area: str
    calls: tuple[Call, ...] = ()

    @property
    def agencies(self) -> int:
        return len({call.organization_id for call in self.calls})


def demand_id(focus_area: str, fibf_id: str) -> str:
    return f"{focus_area}:{fibf_id}"


def raised(demand: Demand, call: Call) -> Demand:
    """The same shortlist counts once."""
    kept = tuple(known for known in demand.calls if known.shortlist_id != call.shortlist_id)
    return replace(demand, calls=(*kept, call))
