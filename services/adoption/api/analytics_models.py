"""Wire models of figures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated

from fastapi import Query

from services.adoption.domain.figures import Figure
from services.adoption.domain.m3 import Phase
from services.adoption.domain.scorecard import Dimension
from services.adoption.queries.analytics import Range
from services.adoption.schemas import RangeShown
from shared.web.wire import Day, Shown

AsOf = Annotated[Day | None, Query(description="By effective day; default: now")]


def shown_range(found: Range) -> RangeShown:
    return RangeShown(facts=found.facts, first_event=found.first_event, last_event=found.last_event)


class FigureDefined(Shown):
    figure: Figure
    definition: str
    range: RangeShown


class FiguresDefined(Shown):
    items: list[FigureDefined]


@dataclass(frozen=True, slots=True)
class ValueShown:
    """`agency_id` is None for all agencies together. Not a model: a heat map has thousands."""

    agency_id: str | None
    key: str
    value: int


class FigureShown(Shown):
    """`area` is None for all areas, each subject counted once."""

    figure: Figure
    definition: str
    area: str | None
    as_of: date | None
    range: RangeShown
    items: list[ValueShown]


class MeasureShown(Shown):
    """`value` is None where it cannot be known, and `missing` says why; `range`: the facts it comes from."""

    dimension: Dimension
    name: str
    definition: str
    unit: str
    value: Decimal | None
    missing: str | None
    figures: list[Figure]
    range: RangeShown | None


class ScorecardShown(Shown):
    """No report card to punish by: the framework says so."""

    focus_area: str
    as_of: date | None
    measures: list[MeasureShown]


class TimeInPhaseShown(Shown):
    """Days; `left`: how many went on to the next phase. `p90` by nearest rank."""

    phase: Phase
    left: int
    median: Decimal
    p90: int


class TimesInPhase(Shown):
    focus_area: str
    definition: str
    as_of: date | None
    range: RangeShown
    items: list[TimeInPhaseShown]


class DifferenceShown(Shown):
    figure: str
    area: str
    grain: str
    agency_id: str
    begins_on: date
    key: str
    served: int
    recomputed: int


class FiguresVerified(Shown):
    """`behind`: facts that are published and not counted yet; at most 100 differences are shown."""

    equal: bool
    facts: int
    cells: int
    behind: int
    differences: list[DifferenceShown]


class FiguresRebuilt(Shown):
    facts: int
