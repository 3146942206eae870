"""Implementation plans: the plan and its parts; the subject of each fact is the plan."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from shared.contracts.fact import Fact, Visibility
from shared.contracts.registry.part import Part


class PlanAbout(Fact):
    """What every fact about a plan says. A draft is seen by its area and the regime only, what was submitted by all federal."""

    plan_id: str
    focus_area: str
    host_organization_id: str
    number: int
    state: str

    def visibility_level(self) -> Visibility:
        return Visibility.RESTRICTED if self.state in {"draft", "returned"} else Visibility.FEDERAL


class PlanYearEntry(Part):
    """Funds in US dollars."""

    fiscal_year: int
    capacity: str = ""
    skills: str = ""
    funds: Decimal | None = None


class PlanFact(PlanAbout):
    """A plan as it is after the change; `criteria` maps each element to its assessment.

    `acting_for` is the post that the turn was delegated from.
    """

    first_fiscal_year: int
    lead_office_id: str | None = None
    services: tuple[str, ...] = ()
    sections: dict[str, str] = {}
    years: tuple[PlanYearEntry, ...] = ()
    criteria: dict[str, str] = {}
    effective_on: date
    reason: str | None = None
    policy: str | None = None
    clause: str | None = None
    acting_for: str | None = None


class PlanDrafted(PlanFact, type="registry.plan.drafted"):
    pass


class PlanChanged(PlanFact, type="registry.plan.changed"):
    pass


class PlanSubmitted(PlanFact, type="registry.plan.submitted"):
    pass


class PlanReviewStarted(PlanFact, type="registry.plan.review_started"):
    pass


class PlanReturned(PlanFact, type="registry.plan.returned"):
    pass


class PlanRedrafted(PlanFact, type="registry.plan.redrafted"):
    pass


class PlanRecommended(PlanFact, type="registry.plan.recommended"):
    """`outcome` is what the board advises: `for` or `against`."""

    outcome: str
    in_favour: int
    against: int
    abstained: int
    filled_seats: int


class ObligationEntry(Part):
    """A condition or corrective action: what, who, until when; `finding_id`: adoption's finding that it answers."""

    id: str
    kind: str
    title: str
    owner: str
    due_on: date
    status: str
    evidence: tuple[str, ...] = ()
    reason: str | None = None
    finding_id: str | None = None


class PlanApproved(PlanFact, type="registry.plan.approved"):
    conditions: tuple[ObligationEntry, ...] = ()


class PlanRejected(PlanFact, type="registry.plan.rejected"):
    pass


class PlanActivated(PlanFact, type="registry.plan.activated"):
    pass


class PlanCompleted(PlanFact, type="registry.plan.completed"):
    pass


class PlanSuperseded(PlanFact, type="registry.plan.superseded"):
    pass


class PlanCriterionAssessed(PlanAbout, type="registry.plan.criterion_assessed"):
    element: str
    status: str
    evidence: tuple[str, ...] = ()
    note: str = ""
    assessor: str | None = None
    assessed_on: date | None = None


class PlanChecked(PlanAbout, type="registry.plan.checked"):
    """The coordinator's completeness check."""

    complete: bool
    note: str


class PlanQuestionFact(PlanAbout):
    question_id: str
    text: str
    answer: str | None = None


class PlanQuestionAsked(PlanQuestionFact, type="registry.plan.question_asked"):
    pass


class PlanQuestionAnswered(PlanQuestionFact, type="registry.plan.question_answered"):
    pass


class PlanVoteCast(PlanAbout, type="registry.plan.vote_cast"):
    """`acting_for` is the seat when it was delegated."""

    seat: str
    choice: str
    comment: str = ""
    acting_for: str | None = None


class MilestoneFact(PlanAbout):
    """A milestone of a plan as it is after the change; the subject is the plan."""

    milestone_id: str
    title: str
    due_on: date
    forecast_on: date | None = None
    met_on: date | None = None
    status: str
    slip_days: int
    evidence: tuple[str, ...] = ()
    reason: str | None = None


class MilestoneScheduled(MilestoneFact, type="registry.milestone.scheduled"):
    pass


class MilestoneRescheduled(MilestoneFact, type="registry.milestone.rescheduled"):
    pass


class MilestoneMet(MilestoneFact, type="registry.milestone.met"):
    pass


class MilestonePartiallyMet(MilestoneFact, type="registry.milestone.partially_met"):
    pass


class MilestoneMissed(MilestoneFact, type="registry.milestone.missed"):
    pass


class MilestoneAtRisk(MilestoneFact, type="registry.milestone.at_risk"):
    """Late, or forecast to be late; said once per forecast."""


class CorrectiveActionFact(PlanAbout):
    """A condition or corrective action of a plan as it is after the change; the subject is the plan."""

    corrective_action: ObligationEntry


class CorrectiveActionOpened(CorrectiveActionFact, type="registry.corrective_action.opened"):
    pass


class CorrectiveActionProposedDone(CorrectiveActionFact, type="registry.corrective_action.proposed_done"):
    pass


class CorrectiveActionReopened(CorrectiveActionFact, type="registry.corrective_action.reopened"):
    pass


class CorrectiveActionVerified(CorrectiveActionFact, type="registry.corrective_action.verified"):
    pass


class CorrectiveActionOverdue(CorrectiveActionFact, type="registry.corrective_action.overdue"):
    pass
