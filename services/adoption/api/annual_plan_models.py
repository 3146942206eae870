"""Wire models of annual shared services plans."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from services.adoption.domain.annual_plan import AREAS_MAX, MILESTONES_MAX, SYSTEMS_MAX, Status
from services.adoption.domain.rollup import State
from services.adoption.domain.system import Status as SystemStatus
from shared.web.wire import Action, Day, Identifier, Line, LongText, Reason, Shown, Slug, Whole, Wire

Year = Annotated[int, Field(ge=2019, le=2100), Whole]


class PlansCalled(Wire):
    """`due_on`: the last day on which a plan is in time."""

    fiscal_year: Year
    due_on: Day


class CallShown(Shown):
    """`called`: agencies asked now; `existing`: those that had a plan of the year before this call."""

    fiscal_year: int
    due_on: date
    called: int
    existing: int


class ConsolidationGiven(Wire):
    system_id: Identifier
    ends_in: Year


class MilestoneGiven(Wire):
    """`id`: of one that the plan has already, else it is a new one."""

    id: Identifier | None = None
    title: Line
    due_on: Day


class AreaPlanGiven(Wire):
    focus_area: Slug
    state: State
    why: LongText = ""
    systems: Annotated[list[ConsolidationGiven], Field(max_length=SYSTEMS_MAX)] = []
    milestones: Annotated[list[MilestoneGiven], Field(max_length=MILESTONES_MAX)] = []


class AnnualPlanGiven(Wire):
    areas: Annotated[list[AreaPlanGiven], Field(max_length=AREAS_MAX)]


class TurnGiven(Wire):
    reason: Reason | None = None


class EvidenceGiven(Wire):
    evidence: Reason


class ConsolidationShown(Shown):
    """`status`: of the system in the inventory today."""

    system_id: str
    ends_in: int
    status: SystemStatus | None


class MilestoneShown(Shown):
    id: str
    title: str
    due_on: date
    met_on: date | None
    evidence: str
    late: bool


class AreaPlanShown(Shown):
    """`on_record`: rolled up from what is on record today; `year_before`: what the plan of the year before said."""

    focus_area: str
    state: State
    why: str
    on_record: State | None
    year_before: State | None
    systems: list[ConsolidationShown]
    milestones: list[MilestoneShown]


class PlanTurnShown(Shown):
    action: str
    by: str
    on: date
    reason: str


class AnnualPlanInList(Shown):
    id: str
    version: int
    agency_id: str
    agency_name: str
    fiscal_year: int
    due_on: date
    status: Status
    overdue: bool
    states: dict[str, State]
    systems: int
    milestones: int
    milestones_met: int


class AnnualPlanShown(AnnualPlanInList):
    """A QSMO reads its areas alone. `missing`: what the plan lacks before it can be submitted."""

    areas: list[AreaPlanShown]
    history: list[PlanTurnShown]
    missing: list[str]
    actions: list[Action] = Field(default_factory=list, serialization_alias="_actions")


class AnnualPlanPage(Shown):
    items: list[AnnualPlanInList]
    next_cursor: str | None


class AreaSumShown(Shown):
    """`ended` of the `systems` that are to end are decommissioned; `late` milestones are past their day and not met."""

    focus_area: str
    states: dict[State, int]
    systems: int
    ended: int
    milestones: int
    met: int
    late: int


class PlanSummary(Shown):
    """Of all agencies' plans of a year. `overdue`: agencies that never submitted although the day is over."""

    fiscal_year: int
    plans: int
    by_status: dict[Status, int]
    overdue: list[str]
    areas: list[AreaSumShown]
