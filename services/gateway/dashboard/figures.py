"""What figures are called, which facts they are made of, and how their keys are told apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.gateway.dashboard.charts import Bar, Chart, grouped, heat, stacked
from services.gateway.dashboard.tabular import Link, Money, Row, State, Table

PHASES = ("assessment", "readiness", "selection", "engagement", "migration", "operations")
STATUSES = ("active", "on_hold", "completed", "withdrawn")
KINDS = ("baseline", "estimate", "target", "realized")
STATES = ("complete_optimizing", "partial_or_in_progress", "not_started_in_talks", "not_planning", "unknown")
_RATINGS = 5
_DOLLARS_SHORT = ((10**9, "B"), (10**6, "M"), (10**3, "K"))


@dataclass(frozen=True, slots=True)
class Origin:
    """A figure's name, and the types that the facts it comes from begin with."""

    title: str
    types: tuple[str, ...]


ORIGINS: Mapping[str, Origin] = {
    "funnel": Origin("Adoption funnel", ("qsmo.adoption.adoption",)),
    "coverage": Origin("Activities covered", ("qsmo.adoption.adoption",)),
    "savings": Origin("Savings", ("qsmo.adoption.savings",)),
    "hours": Origin("Hours moved to higher-value work", ("qsmo.adoption.savings",)),
    "systems": Origin("Legacy systems", ("qsmo.adoption.system",)),
    "service_levels": Origin("Service levels", ("qsmo.adoption.sla",)),
    "demand": Origin("Demand that nothing suits", ("qsmo.adoption.demand",)),
    "plans": Origin("Investment action plans", ("qsmo.adoption.iap",)),
    "stalled": Origin("Stalled adoptions", ("qsmo.adoption.adoption",)),
    "time_in_phase": Origin("Time in each phase", ("qsmo.adoption.adoption",)),
    "feedback": Origin("Ratings by customers", ("qsmo.adoption.feedback",)),
    "offering_levels": Origin("Service levels by offering", ("qsmo.adoption.sla",)),
}

Values = Mapping[str, int]


def values(answer: Mapping[str, Any]) -> dict[str, int]:
    """Key → number, of all agencies together."""
    return {item["key"]: item["value"] for item in answer["items"] if item["agency_id"] is None}


def words(name: str) -> str:
    return name.replace("_", " ")


def funnel(found: Values) -> tuple[Chart, Table]:
    numbers = {phase: [found.get(f"{phase}:{status}", 0) for status in STATUSES] for phase in PHASES}
    series = [words(status) for status in STATUSES]
    bars = [Bar(phase, row) for phase, row in numbers.items()] if any(found.values()) else []
    rows: list[Row] = [(phase, *row, sum(row)) for phase, row in numbers.items()] if bars else []
    return (
        stacked("funnel", "Adoptions by phase of the M3 playbook and status", series=series, bars=bars),
        Table(
            id="funnel",
            caption="Adoptions by phase and status",
            columns=("Phase", *series, "all"),
            rows=rows,
            empty="No adoption is on record.",
        ),
    )


def heat_map(by_area: Mapping[str, Values], titles: Mapping[str, str]) -> tuple[Chart, Table]:
    """Areas without an adoption are left out."""
    lines = {area: [_in_phase(found, phase) for phase in PHASES] for area, found in by_area.items() if any(found.values())}
    rows: list[Row] = [(Link(titles[area], f"/oversight?area={area}"), *numbers) for area, numbers in lines.items()]
    return (
        heat(
            "heat-map",
            "Adoptions by focus area and phase",
            columns=PHASES,
            rows=[Bar(titles[area], numbers) for area, numbers in lines.items()],
        ),
        Table(
            id="heat-map",
            caption="Adoptions by focus area and phase",
            columns=("Focus area", *PHASES),
            rows=rows,
            empty="No adoption is on record in any area.",
        ),
    )


def _in_phase(found: Values, phase: str) -> int:
    return sum(found.get(f"{phase}:{status}", 0) for status in ("active", "on_hold", "completed"))


def savings(found: Values) -> tuple[Chart, Table]:
    years = sorted({key.partition(":")[2] for key in found})
    numbers = {year: [found.get(f"{kind}:{year}", 0) for kind in KINDS] for year in years}
    bars = [Bar(f"FY {year}", row, [short_money(cents) for cents in row]) for year, row in numbers.items()]
    return (
        grouped("savings", "Savings ledger by kind and fiscal year, in dollars", series=KINDS, bars=bars),
        Table(
            id="savings",
            caption="Savings ledger by kind and fiscal year. Kinds are never added up.",
            columns=("Fiscal year", *KINDS),
            rows=[(f"FY {year}", *(Money(cents) for cents in row)) for year, row in numbers.items()],
            empty="The savings ledger has no entry.",
        ),
    )


def short_money(cents: int) -> str:
    dollars, sign = abs(cents) / 100, "-" if cents < 0 else ""
    for size, letter in _DOLLARS_SHORT:
        if dollars >= size:
            return f"{sign}${dollars / size:.1f}{letter}"
    return f"{sign}${dollars:,.0f}"


@dataclass(frozen=True, slots=True)
class Duplication:
    """Clusters of one area that the caller may see: found in all, and still open; with what their systems cost in a year."""

    area: str
    found: int
    left: int
    cents: int
    cents_left: int


def duplication(area: str, answer: Mapping[str, Any]) -> Duplication:
    costs = [(cents(cluster["yearly_cost"]), cluster["retired"]) for cluster in answer["items"]]
    left = sum(cost for cost, retired in costs if not retired)
    return Duplication(area, answer["found"], answer["open"], sum(cost for cost, _ in costs), left)


def cents(money: Mapping[str, str]) -> int:
    whole, _, part = money["amount"].partition(".")
    return int(whole + (part + "00")[:2])


def duplications(found: Iterable[Duplication], titles: Mapping[str, str]) -> tuple[Chart, Table]:
    shown = [each for each in found if each.found]
    return (
        grouped(
            "duplication",
            "Clusters of legacy systems that do the same: found, and left",
            series=("found", "left"),
            bars=[Bar(titles[each.area], (each.found, each.left)) for each in shown],
        ),
        Table(
            id="duplication",
            caption="Clusters of legacy systems that do the same, before and after retirement",
            columns=("Focus area", "found", "left", "yearly cost before", "yearly cost left"),
            rows=[(titles[each.area], each.found, each.left, Money(each.cents), Money(each.cents_left)) for each in shown],
            empty="No systems that do the same are on record.",
        ),
    )


def states(answer: Mapping[str, Any], titles: Mapping[str, str]) -> tuple[Chart, Table]:
    """Of the agencies, area by area."""
    series = [words(state) for state in STATES]
    numbers = {each["focus_area"]: [each["government"].get(state, 0) for state in STATES] for each in answer["items"]}
    rows: list[Row] = [(Link(titles.get(area, area), f"/oversight?area={area}"), *row) for area, row in numbers.items()]
    return (
        stacked(
            "states",
            "Official adoption states of the CFO Act agencies by focus area",
            series=series,
            bars=[Bar(titles.get(area, area), row) for area, row in numbers.items()],
        ),
        Table(
            id="states",
            caption="How many of the 24 CFO Act agencies are in which official adoption state",
            columns=("Focus area", *series),
            rows=rows,
            empty="No area has an adoption state.",
        ),
    )


def agencies(answer: Mapping[str, Any]) -> Table:
    """Each with the state it rolls up to, and how many of its components are in which."""
    rows = [
        (
            each["name"],
            State(each["state"]),
            "; ".join(f"{count} {words(state)}" for state, count in each["components"].items()),
        )
        for each in answer["items"]
    ]
    return Table(
        id="agencies",
        caption="Official adoption state of each CFO Act agency, rolled up from its components",
        columns=("Agency", "State", "Components"),
        rows=rows,
        empty="No CFO Act agency is on record.",
    )


def ratings(found: Values) -> Table:
    """Dimension by dimension, how often each of 1 to 5 was given."""
    given: dict[str, list[int]] = {}
    for key, value in found.items():
        dimension, _, rating = key.partition(":")
        given.setdefault(dimension, [0] * _RATINGS)[int(rating) - 1] += value
    return Table(
        id="feedback",
        caption="Ratings by customers, from 1 to 5",
        columns=("Dimension", *(str(rating + 1) for rating in range(_RATINGS)), "mean"),
        rows=[(words(dimension), *counts, f"{_mean(counts):.1f}") for dimension, counts in sorted(given.items())],
        empty="No customer has rated an offering yet.",
    )


def _mean(counts: Sequence[int]) -> float:
    return sum(rating * count for rating, count in enumerate(counts, 1)) / sum(counts)


def times(answer: Mapping[str, Any]) -> Table:
    """How long adoptions of one area stayed in each phase that they left."""
    return Table(
        id="time-in-phase",
        caption="Days spent in each phase that was left, holds included",
        columns=("Phase", "left", "median days", "nine of ten within"),
        rows=[(each["phase"], each["left"], each["median"], each["p90"]) for each in answer["items"]],
        empty="No adoption has gone on to a next phase yet.",
    )


def plain(figure: str, found: Values) -> Table:
    """As its keys are."""
    money = figure == "savings"
    return Table(
        id=figure.replace("_", "-"),
        caption=ORIGINS[figure].title,
        columns=("What", "Dollars" if money else "Number"),
        rows=[(words(key).replace(":", ", "), Money(value) if money else value) for key, value in found.items()],
        empty="Nothing is on record yet.",
    )
