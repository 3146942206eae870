"""Facts of the registry: policy, focus areas, organizations, designations, implementation plans."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from shared.contracts.fact import Fact, Visibility


class Part(BaseModel):
    """A piece of a fact."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class PolicyRecorded(Fact, type="registry.policy.recorded"):
    """A policy that decisions can cite."""

    policy: str
    title: str
    issuer: str
    issued_on: date
    url: str | None = None


class AreaServiceEntry(Part):
    slug: str
    title: str


class FocusAreaFact(Fact):
    """A focus area as it is after the change."""

    focus_area: str
    title: str
    aliases: tuple[str, ...] = ()
    policy: str
    services: tuple[AreaServiceEntry, ...] = ()
    marketplace_opens_on: date | None = None


class FocusAreaRegistered(FocusAreaFact, type="registry.focus_area.registered"):
    pass


class FocusAreaChanged(FocusAreaFact, type="registry.focus_area.changed"):
    pass


class CodeEntry(Part):
    scheme: str
    value: str


class AliasEntry(Part):
    name: str
    valid_from: date | None = None
    valid_to: date | None = None


class OrganizationFact(Fact):
    """An organization as it is after the change; `codes` are alternate keys."""

    organization_id: str
    name: str
    kind: str
    abbreviation: str | None = None
    parent_id: str | None = None
    codes: tuple[CodeEntry, ...] = ()
    aliases: tuple[AliasEntry, ...] = ()
    cfo_act: bool = False
    valid_from: date | None = None
    valid_to: date | None = None


class OrganizationRegistered(OrganizationFact, type="registry.organization.registered"):
    pass


class OrganizationChanged(OrganizationFact, type="registry.organization.changed"):
    pass


class MatchReviewFact(Fact):
    """A name from outside that no organization could be found for with certainty."""

    match_review_id: str
    scheme: str
    value: str
    name: str
    parent_name: str | None = None
    status: str
    organization_id: str | None = None
    reason: str | None = None


class MatchReviewOpened(MatchReviewFact, type="registry.match_review.opened"):
    pass


class MatchReviewResolved(MatchReviewFact, type="registry.match_review.resolved"):
    pass


class MatchReviewDismissed(MatchReviewFact, type="registry.match_review.dismissed"):
    pass


class DesignationFact(Fact):
    """A designation as it is after the change; effective dates are legal, `recorded_at` is ours."""

    designation_id: str
    focus_area: str
    service: str
    organization_id: str | None = None
    status: str
    effective_on: date
    recorded_at: datetime
    policy: str | None = None
    clause: str | None = None
    reason: str | None = None
    source: str | None = None


class DesignationResearched(DesignationFact, type="registry.designation.researched"):
    pass


class DesignationPreDesignated(DesignationFact, type="registry.designation.pre_designated"):
    """`predecessor_id` when it came by transfer."""

    predecessor_id: str | None = None


class DesignationDesignated(DesignationFact, type="registry.designation.designated"):
    pass


class DesignationTransferred(DesignationFact, type="registry.designation.transferred"):
    """This one ended; `successor_id` goes on, pre-designated."""

    successor_id: str


class DesignationSuspended(DesignationFact, type="registry.designation.suspended"):
    pass


class DesignationReinstated(DesignationFact, type="registry.designation.reinstated"):
    pass


class DesignationRevoked(DesignationFact, type="registry.designation.revoked"):
    pass


class BoardSeatFact(Fact):
    """A seat of the governance board as it is after the change; vacant without `subject`."""

    board_seat: str
    title: str
    council: str | None = None
    organization_id: str | None = None
    subject: str | None = None

    def visibility_level(self) -> Visibility:
        return Visibility.FEDERAL


class BoardSeatRegistered(BoardSeatFact, type="registry.board_seat.registered"):
    pass


class BoardSeatChanged(BoardSeatFact, type="registry.board_seat.changed"):
    pass


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
    """A plan as it is after the change; `criteria` maps each element to its assessment."""

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
    """A condition or corrective action: what, who, until when."""

    id: str
    kind: str
    title: str
    owner: str
    due_on: date
    status: str
    evidence: tuple[str, ...] = ()
    reason: str | None = None


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
    seat: str
    choice: str
    comment: str = ""


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
