"""Wire models of plans as they are shown."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from services.registry.domain.plan_criteria import Assessment, Group
from services.registry.domain.plan_progress import MilestoneStatus, ObligationKind, ObligationStatus
from services.registry.domain.plan_review import Choice
from services.registry.domain.plan_states import State
from shared.web.wire import Action, MoneyShown, Shown


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
    """`finding_id`: the finding of oversight that it answers."""

    id: str
    kind: ObligationKind
    title: str
    owner: str
    due_on: date
    status: ObligationStatus
    evidence: list[str]
    proposed_by: str | None
    reason: str | None
    finding_id: str | None


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
    acting_for: str | None


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
    acting_for: str | None


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


class SettledOf(Shown):
    settled: int
    total: int


class PlanListed(Shown):
    """A plan in a list: where it stands, without its text. `since` is the day from which it has its state."""

    id: str
    version: int
    focus_area: str
    host_organization_id: str
    number: int
    state: State
    since: date
    horizon: list[int]
    lead_office_id: str | None
    services: list[str]
    criteria: SettledOf
    milestones: SettledOf
    corrective_actions: SettledOf
    actions: list[Action] = Field(alias="_actions")


class PlanPage(Shown):
    items: list[PlanListed]
    next_cursor: str | None
