"""Wire models of plans, board seats and the scorecard."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from services.registry.domain.plan_criteria import Assessment, Group
from services.registry.domain.plan_progress import MilestoneStatus, ObligationKind, ObligationStatus
from services.registry.domain.plan_review import Choice
from services.registry.domain.plan_states import State
from shared.web.wire import Action, Day, Identifier, Line, LongText, Reason, Shown, Slug, Url, Whole, Wire

Year = Annotated[int, Field(ge=2000, le=2100), Whole]
Evidence = Annotated[list[Url], Field(max_length=50)]


class MoneyGiven(Wire):
    amount: Annotated[str, Field(pattern=r"^\d{1,16}(\.\d{1,2})?$")]
    currency: Literal["USD"] = "USD"


class PlanYearGiven(Wire):
    fiscal_year: Year
    capacity: LongText = ""
    skills: LongText = ""
    funds: MoneyGiven | None = None


class SectionsGiven(Wire):
    offerings: LongText = ""
    acquisition_strategy: LongText = ""
    governance: LongText = ""
    funding_mechanism: LongText = ""
    organization: LongText = ""


class PlanValuesGiven(Wire):
    """The whole content of a draft; what is left out is empty."""

    lead_office_id: Identifier | None = None
    services: Annotated[list[Slug], Field(max_length=200)] = []
    sections: SectionsGiven = SectionsGiven()
    years: Annotated[list[PlanYearGiven], Field(max_length=5)] = []


class PlanGiven(PlanValuesGiven):
    """The horizon is five fiscal years from `first_fiscal_year`."""

    focus_area: Slug
    host_organization_id: Identifier
    first_fiscal_year: Year
    effective_on: Day | None = None


class ObligationGiven(Wire):
    title: Line
    owner: Line
    due_on: Day


class PlanMoved(Wire):
    """`effective_on` is today when left out; `conditions` come with `approve` only."""

    effective_on: Day | None = None
    reason: Reason | None = None
    policy: Slug | None = None
    clause: Line | None = None
    conditions: Annotated[list[ObligationGiven], Field(max_length=50)] = []


class CriterionGiven(Wire):
    status: Assessment
    evidence: Evidence = []
    note: LongText = ""


class CheckGiven(Wire):
    complete: bool
    note: LongText = ""


class QuestionGiven(Wire):
    text: Reason


class AnswerGiven(Wire):
    answer: Reason


class VoteGiven(Wire):
    seat: Slug
    choice: Choice
    comment: LongText = ""


class MilestoneGiven(Wire):
    title: Line
    due_on: Day


class MilestoneMoved(Wire):
    met_on: Day | None = None
    forecast_on: Day | None = None
    evidence: Evidence = []
    reason: Reason | None = None


class ObligationMoved(Wire):
    evidence: Evidence = []
    reason: Reason | None = None


class SeatValues(Wire):
    """Vacant without `subject`."""

    title: Line
    council: Slug | None = None
    organization_id: Identifier | None = None
    subject: Line | None = None


class SeatGiven(SeatValues):
    id: Slug


class SeatShown(Shown):
    id: str
    version: int
    title: str
    council: str | None
    organization_id: str | None
    vacant: bool
    subject: str | None = Field(description="Shown to federal callers only")


class MoneyShown(Shown):
    amount: Decimal
    currency: str = "USD"


class PlanYearShown(Shown):
    fiscal_year: int
    capacity: str
    skills: str
    funds: MoneyShown | None


class CriterionShown(Shown):
    element: str
    group: Group
    title: str
    tests: list[str]
    status: Assessment
    evidence: list[str]
    note: str
    assessor: str | None
    assessed_on: date | None


class MilestoneShown(Shown):
    id: str
    title: str
    due_on: date
    forecast_on: date | None
    met_on: date | None
    status: MilestoneStatus
    slip_days: int
    at_risk: bool
    evidence: list[str]
    reason: str | None


class ObligationShown(Shown):
    id: str
    kind: ObligationKind
    title: str
    owner: str
    due_on: date
    status: ObligationStatus
    evidence: list[str]
    proposed_by: str | None
    reason: str | None


class QuestionShown(Shown):
    id: str
    text: str
    asked_by: str
    asked_at: datetime
    answer: str | None
    answered_by: str | None
    answered_at: datetime | None


class VoteShown(Shown):
    seat: str
    choice: Choice
    by: str
    at: datetime
    comment: str


class CheckShown(Shown):
    complete: bool
    note: str
    by: str
    at: datetime


class RecommendationShown(Shown):
    outcome: Choice
    in_favour: int
    against: int
    abstained: int
    filled_seats: int


class TurnShown(Shown):
    action: str
    state: State
    on: date
    at: datetime
    by: str
    reason: str | None
    policy: str | None
    clause: str | None


class PlanShown(Shown):
    id: str
    version: int
    focus_area: str
    host_organization_id: str
    number: int
    state: State
    horizon: list[int]
    lead_office_id: str | None
    services: list[str]
    sections: dict[str, str]
    years: list[PlanYearShown]
    criteria: list[CriterionShown]
    milestones: list[MilestoneShown]
    corrective_actions: list[ObligationShown]
    questions: list[QuestionShown]
    check: CheckShown | None
    votes: list[VoteShown]
    recommendation: RecommendationShown | None
    history: list[TurnShown]
    actions: list[Action] = Field(alias="_actions")


class CriterionList(Shown):
    items: list[CriterionShown]


class MilestoneList(Shown):
    items: list[MilestoneShown]


class ObligationList(Shown):
    items: list[ObligationShown]


class PlanPage(Shown):
    items: list[PlanShown]
    next_cursor: str | None


class SeatPage(Shown):
    items: list[SeatShown]
    next_cursor: str | None


class VersionShown(Shown):
    """One version of the plan: what happened, by whom, when and why."""

    version: int
    what: str
    by: str
    at: datetime
    reason: str | None


class VersionList(Shown):
    items: list[VersionShown]


class Difference(Shown):
    field: str
    before: Any
    after: Any


class PlanDiff(Shown):
    plan_id: str
    from_version: int
    to_version: int
    differences: list[Difference]


class Progress(Shown):
    """`met` counts what is met or waived."""

    met: int
    total: int


class ServiceState(Shown):
    service: str
    status: str | None
    organization_id: str | None
    days_in_state: int | None


class PlanProgress(Shown):
    plan_id: str
    number: int
    host_organization_id: str
    state: State
    days_in_state: int
    criteria: dict[Group, Progress]
    milestones_met: int
    milestones_due: int
    milestones_at_risk: int
    open_conditions: int
    open_corrective_actions: int
    overdue: int


class AreaScore(Shown):
    focus_area: str
    title: str
    services: list[ServiceState]
    plans: list[PlanProgress]


class Scorecard(Shown):
    as_of: date
    areas: list[AreaScore]
