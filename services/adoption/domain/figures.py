"""Figures as sums of what facts add and take away, each on the day it takes effect: so they can be read for any day.

A subject (an adoption, a savings entry, a legacy system …) contributes to figures; a fact replaces what it contributed.
The same function keeps the read model, rebuilds it and verifies it. A fact takes effect on its effective day, but not before
the one before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

# Of figures that are counted over all areas, once per subject.
ALL = "*"


class Figure(StrEnum):
    """What is summed."""

    FUNNEL = "funnel"
    COVERAGE = "coverage"
    SAVINGS = "savings"
    HOURS = "hours"
    SYSTEMS = "systems"
    SERVICE_LEVELS = "service_levels"
    DEMAND = "demand"
    PLANS = "plans"
    TIME_IN_PHASE = "time_in_phase"
    STALLED = "stalled"
    FEEDBACK = "feedback"
    OFFERING_LEVELS = "offering_levels"


DEFINITIONS: Mapping[Figure, str] = {
    Figure.FUNNEL: "Adoptions by M3 phase and status; one of several areas counts in each, and once in all.",
    Figure.COVERAGE: "Adoptions in operations, or completed, whose offering covers the activity.",
    Figure.SAVINGS: "Cents of the savings ledger by kind and fiscal year, on the day of posting; reversals counted in.",
    Figure.HOURS: "Hours moved to higher-value work, by kind and fiscal year, on the day of posting.",
    Figure.SYSTEMS: "Legacy systems by status; decommissioned from the day of their end on.",
    Figure.SERVICE_LEVELS: "Months of service levels that met or missed their target, on the day they were told.",
    Figure.DEMAND: "Decisions that nothing suits, by activity.",
    Figure.PLANS: "Investment action plans by status.",
    Figure.TIME_IN_PHASE: "Phases left for the next one, by phase and whole days spent in it, holds included; per area.",
    Figure.STALLED: "Active adoptions told to be stalled and not yet told to be moving, by phase, from the day of telling on.",
    Figure.FEEDBACK: "Ratings that customers gave, by dimension and rating from 1 to 5, also where the words are hidden.",
    Figure.OFFERING_LEVELS: "Months of service levels by offering and outcome.",
}


class Source(StrEnum):
    """Which facts a subject tells."""

    ADOPTION = "adoption"
    SAVINGS = "savings"
    SYSTEM = "system"
    SLA = "sla"
    DEMAND = "demand"
    IAP = "iap"
    FEEDBACK = "feedback"


class Cell(NamedTuple):
    """One number of a figure. A tuple: a rebuild makes millions of them."""

    figure: str
    agency: str
    area: str
    key: str


Contribution = dict[Cell, int]


@dataclass(frozen=True, slots=True)
class Subject:
    """What it contributes since `day`; `moved` when it contributed something else before; `memory` as its source needs it."""

    version: int
    day: date
    contribution: Contribution
    moved: bool = False
    memory: Mapping[str, Any] | None = None


Delta = tuple[Cell, date, int]


def fold(
    source: Source, fact: Mapping[str, Any], before: Subject | None, *, version: int, recorded_on: date
) -> tuple[Subject, list[Delta]]:
    """The subject after the fact, and what it adds to and takes from which cell on which day."""
    day = _day(source, fact, recorded_on, first=before is None)
    effect = max(day, before.day) if before else day
    contribution, memory = _CONTRIBUTIONS[source](fact, before.memory if before else None, effect, recorded_on)
    if before is None:
        return Subject(version, day, contribution, memory=memory), [(cell, day, n) for cell, n in contribution.items()]
    if contribution == before.contribution:
        if day >= before.day or before.moved or source is not Source.ADOPTION:
            return Subject(version, before.day, contribution, before.moved, memory), []
        # An older letter was found: it began earlier.
        deltas = [(cell, on, sign * n) for cell, n in contribution.items() for on, sign in ((before.day, -1), (day, 1))]
        return Subject(version, day, contribution, memory=memory), deltas
    told_on = _stall_told_on(fact, before.memory, effect, recorded_on) if source is Source.ADOPTION else effect
    cells = contribution.keys() | before.contribution.keys()
    changes = ((cell, contribution.get(cell, 0) - before.contribution.get(cell, 0)) for cell in cells)
    deltas = [(cell, told_on if cell.figure == Figure.STALLED else effect, n) for cell, n in changes if n]
    return Subject(version, effect, contribution, moved=True, memory=memory), deltas


def _stall_told_on(fact: Mapping[str, Any], memory: Mapping[str, Any] | None, effect: date, recorded_on: date) -> date:
    """A stall is found, and found over, on the day that is told; a step ends it on the step's own, not before it began."""
    since = stall_of(memory)
    told = fact["verb"] == "stalled" or (since and fact["verb"] == "resumed")
    return max(effect, recorded_on if told else effect, date.fromisoformat(since["since"]) if since else effect)


def stall_of(memory: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Of an adoption told to stand still: `since` when, without progress since `progress_on`, beyond `threshold_days`."""
    return memory.get("stall") if memory else None


def _day(source: Source, fact: Mapping[str, Any], recorded_on: date, *, first: bool) -> date:
    told = None
    if source is Source.ADOPTION:
        told = fact.get("effective_on") or (fact.get("started_on") if first else None)
    elif source is Source.SYSTEM:
        told = fact.get("decommissioned_on")
    return date.fromisoformat(told) if told else recorded_on


def _areas(areas: list[str]) -> tuple[str, ...]:
    return (ALL, *dict.fromkeys(areas))


def _adoption(
    fact: Mapping[str, Any], memory: Mapping[str, Any] | None, day: date, recorded_on: date
) -> tuple[Contribution, Mapping[str, Any] | None]:
    agency, areas = fact["agency_id"], dict.fromkeys(fact.get("focus_areas") or [])
    status, phase = fact["status"], fact["phase"]
    found = {Cell(Figure.FUNNEL, agency, area, f"{phase}:{status}"): 1 for area in (ALL, *areas)}
    if status == "completed" or (status == "active" and phase == "operations"):
        for area in areas:
            found |= {Cell(Figure.COVERAGE, agency, area, activity): 1 for activity in fact.get("activities") or ()}
    stay = _stay(fact, memory, day, max(day, recorded_on))
    if stay and stay["left"]:
        # Of all together alone: how long each agency takes is not asked, and the keys are many.
        for area in areas:
            found |= {Cell(Figure.TIME_IN_PHASE, "", area, f"{left}:{days}"): 1 for left, days in stay["left"].items()}
    if stall_of(stay):
        found |= {Cell(Figure.STALLED, agency, area, phase): 1 for area in (ALL, *areas)}
    return found, stay


def _stay(fact: Mapping[str, Any], memory: Mapping[str, Any] | None, day: date, told_on: date) -> Mapping[str, Any] | None:
    """`left`: phase → days spent in it. None for what a public register tells: it was in operations from the start."""
    phase = fact["phase"]
    if memory is None:
        return None if phase == "operations" else {"phase": phase, "since": day.isoformat(), "left": {}, "stall": None}
    moved = phase != memory["phase"]
    stall = None if moved or fact["verb"] == "resumed" else stall_of(memory)
    if fact["verb"] == "stalled" and stall is None:
        found = {"progress_on": fact["progress_on"], "threshold_days": fact["threshold_days"]}
        stall = {"since": told_on.isoformat(), **found}
    return {
        "phase": phase,
        "since": day.isoformat() if moved else memory["since"],
        "left": {**memory["left"], memory["phase"]: _days_since(memory["since"], day)} if moved else memory["left"],
        "stall": stall if fact["status"] == "active" else None,
    }


def _days_since(since: str, day: date) -> int:
    return (day - date.fromisoformat(since)).days


def _savings(fact: Mapping[str, Any], _memory: object, *_days: date) -> tuple[Contribution, None]:
    key = f"{fact['kind']}:{fact['fiscal_year']}"
    found: Contribution = {}
    for area in _areas([fact["focus_area"]]):
        for figure, amount in ((Figure.SAVINGS, fact["cents"]), (Figure.HOURS, fact["hours"])):
            if amount:
                found[Cell(figure, fact["agency_id"], area, key)] = amount
    return found, None


def _by_status(figure: Figure, fact: Mapping[str, Any]) -> tuple[Contribution, None]:
    areas = fact.get("areas") or [fact["focus_area"]]
    return {Cell(figure, fact["agency_id"], area, fact["status"]): 1 for area in _areas(areas)}, None


def _sla(fact: Mapping[str, Any], memory: Mapping[str, Any] | None, *_days: date) -> tuple[Contribution, Mapping[str, Any]]:
    """`memory`: month → met or missed; a month told again replaces itself."""
    months = dict(memory or {})
    if "month" in fact:
        months[fact["month"]] = fact["outcome"]
    found: Contribution = {}
    for outcome in months.values():
        for area in _areas([fact["focus_area"]]):
            for cell in (
                Cell(Figure.SERVICE_LEVELS, fact["agency_id"], area, outcome),
                Cell(Figure.OFFERING_LEVELS, "", area, f"{fact['offering_id']}:{outcome}"),
            ):
                found[cell] = found.get(cell, 0) + 1
    return found, months


def _demand(fact: Mapping[str, Any], memory: Mapping[str, Any] | None, *_days: date) -> tuple[Contribution, Mapping[str, Any]]:
    """`memory`: shortlist → agency; each counts once."""
    calls = {**(memory or {}), fact["shortlist_id"]: fact["agency_id"]}
    found: Contribution = {}
    for agency in calls.values():
        for area in _areas([fact["focus_area"]]):
            cell = Cell(Figure.DEMAND, agency, area, fact["fibf_id"])
            found[cell] = found.get(cell, 0) + 1
    return found, calls


def _feedback(fact: Mapping[str, Any], _memory: object, *_days: date) -> tuple[Contribution, None]:
    rated = [f"{dimension}:{rating}" for dimension, rating in fact["ratings"].items()]
    areas = _areas([fact["focus_area"]] if fact["focus_area"] else [])
    return {Cell(Figure.FEEDBACK, fact["agency_id"], area, key): 1 for area in areas for key in rated}, None


_CONTRIBUTIONS: Mapping[Source, Any] = {
    Source.ADOPTION: _adoption,
    Source.SAVINGS: _savings,
    Source.SYSTEM: lambda fact, *_: _by_status(Figure.SYSTEMS, fact),
    Source.SLA: _sla,
    Source.DEMAND: _demand,
    Source.IAP: lambda fact, *_: _by_status(Figure.PLANS, fact),
    Source.FEEDBACK: _feedback,
}


class Grain(StrEnum):
    """How long a sum of deltas is: a day is the years before it, the months before it, and the days up to it.

    The sums of each agency are apart from those of all together, so that what is read of either lies in a row; an agency's
    days of a year are few: no months of its own.
    """

    AGENCY_DAY = "agency_day"
    AGENCY_EVER = "agency_ever"
    AGENCY_YEAR = "agency_year"
    DAY = "day"
    EVER = "ever"
    MONTH = "month"
    YEAR = "year"

    @property
    def is_of_agencies(self) -> bool:
        return self in _OF_AGENCIES

    def begins(self, day: date) -> date:
        """The first day of the period that has the day."""
        match self:
            case Grain.AGENCY_DAY | Grain.DAY:
                return day
            case Grain.MONTH:
                return day.replace(day=1)
            case Grain.AGENCY_YEAR | Grain.YEAR:
                return day.replace(month=1, day=1)
            case Grain.AGENCY_EVER | Grain.EVER:
                return date.min


_OF_AGENCIES = frozenset({Grain.AGENCY_DAY, Grain.AGENCY_EVER, Grain.AGENCY_YEAR})
Period = tuple[Grain, date, date]
_DAY = timedelta(days=1)
_EARLIEST = date(2, 1, 1)  # the first day that has a year before it


def periods(as_of: date | None, *, of_agencies: bool) -> tuple[Period, ...]:
    """Grains with the first and last of their first days whose sums come to what holds on a day, or now."""
    ever, yearly, daily = (
        (Grain.AGENCY_EVER, Grain.AGENCY_YEAR, Grain.AGENCY_DAY) if of_agencies else (Grain.EVER, Grain.YEAR, Grain.DAY)
    )
    if as_of is None:
        return ((ever, date.min, date.min),)
    day = max(as_of, _EARLIEST)
    year, month = yearly.begins(day), Grain.MONTH.begins(day)
    years = (yearly, date.min, year - _DAY)
    if of_agencies:
        return (years, (daily, year, day))
    return (years, (Grain.MONTH, year, month - _DAY), (daily, month, day))
