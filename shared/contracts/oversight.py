"""Facts of adoption that oversight asks for: investment action plans, service levels, feedback, annual plans, findings."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from shared.contracts.adoption import AgencyFact
from shared.contracts.fact import Fact, Visibility


class IapFact(AgencyFact):
    """An investment action plan as it is after the change; `amount` in US dollars; `action` as the state machine names it."""

    iap_id: str
    areas: tuple[str, ...]
    title: str
    fiscal_year: int
    amount: str
    status: str
    action: str
    kind: str | None = None
    triggers: tuple[str, ...] = ()
    party: str | None = None
    acting_for: str | None = None
    answers_due_on: date | None = None
    expires_on: date | None = None
    open_conditions: int = 0
    reason: str | None = None


class IapDrafted(IapFact, type="adoption.iap.drafted"):
    """Also edited, returned, or up for review again."""


class IapSubmitted(IapFact, type="adoption.iap.submitted"):
    pass


class IapReviewed(IapFact, type="adoption.iap.reviewed"):
    """A party said something on the way to the decision, or the review went on."""


class IapApproved(IapFact, type="adoption.iap.approved"):
    pass


class IapDenied(IapFact, type="adoption.iap.denied"):
    pass


class IapWithdrawn(IapFact, type="adoption.iap.withdrawn"):
    pass


class IapConditionSatisfied(IapFact, type="adoption.iap.condition_satisfied"):
    """`condition` is its text; `open_conditions` are left."""

    condition: str
    evidence: str


class IapExpired(IapFact, type="adoption.iap.expired"):
    pass


class IapThresholdSet(Fact, type="adoption.iap_threshold.set"):
    """From this amount of US dollars on, purchases outside the marketplace of the area need an investment action plan."""

    focus_area: str
    amount: str
    reason: str


class SlaFact(AgencyFact):
    """A measure that one customer's provider is held to; `target` in the words of the standard or agreement."""

    sla_id: str
    adoption_id: str
    offering_id: str
    measure_id: str
    target: str


class SlaAgreed(SlaFact, type="adoption.sla.agreed"):
    """Also another target, for the months told from then on."""


class SlaResultFact(SlaFact):
    """A month's result; `value` as decimal text in the unit of the target. The same month told again replaces it."""

    month: str
    value: str
    missed_in_a_row: int


class SlaMet(SlaResultFact, type="adoption.sla.met"):
    pass


class SlaMissed(SlaResultFact, type="adoption.sla.missed"):
    pass


class SlaRecorded(SlaResultFact, type="adoption.sla.recorded"):
    """Against a target that is only text."""


class FeedbackFact(AgencyFact):
    """What a customer said of an offering in a quarter of the fiscal year; its words are not told. `ratings`: 1 to 5."""

    feedback_id: str
    adoption_id: str
    offering_id: str
    quarter: str
    ratings: dict[str, int]


class FeedbackGiven(FeedbackFact, type="adoption.feedback.given"):
    pass


class FeedbackAnswered(FeedbackFact, type="adoption.feedback.answered"):
    """The provider replied."""


class FeedbackModerated(FeedbackFact, type="adoption.feedback.moderated"):
    """`hide` or `restore`."""

    verdict: str
    reason: str


class AnnualPlanFact(Fact):
    """An agency's annual shared services plan; `states`: what it says, by focus area; `action` as in the state machine."""

    plan_id: str
    agency_id: str
    agency_name: str
    fiscal_year: int
    due_on: date
    status: str
    action: str
    states: dict[str, str] = Field(default_factory=dict)
    systems: int = 0
    milestones: int = 0
    milestones_met: int = 0
    reason: str | None = None

    def visibility_level(self) -> Visibility:
        return Visibility.RESTRICTED


class AnnualPlanCalled(AnnualPlanFact, type="adoption.annual_plan.called"):
    """The coordinator asks the agency for it."""


class AnnualPlanChanged(AnnualPlanFact, type="adoption.annual_plan.changed"):
    """Edited, given back, opened for amendment, or a milestone met."""


class AnnualPlanSubmitted(AnnualPlanFact, type="adoption.annual_plan.submitted"):
    pass


class AnnualPlanAccepted(AnnualPlanFact, type="adoption.annual_plan.accepted"):
    pass


class AnnualPlanOverdue(AnnualPlanFact, type="adoption.annual_plan.overdue"):
    """Told once: its day is over, and it was never submitted."""


class FindingFact(Fact):
    """What oversight found wanting in how an area is served; the registry opens a corrective action for it."""

    finding_id: str
    focus_area: str
    title: str
    due_on: date
    sources: tuple[str, ...] = ()

    def visibility_level(self) -> Visibility:
        return Visibility.RESTRICTED


class FindingRaised(FindingFact, type="adoption.finding.raised"):
    """`sources`: kind and id of what it rests on, such as `sla:<id>`."""


class FindingWithdrawn(FindingFact, type="adoption.finding.withdrawn"):
    """Before a corrective action was opened for it."""

    reason: str


class ProviderCaseFact(AgencyFact):
    """A legacy provider's case as it is after the change; `agency_id`: the provider's; `action` as in the state machine."""

    case_id: str
    title: str
    option: str
    status: str
    action: str
    in_favour: int = 0
    against: int = 0
    open_conditions: int = 0
    reason: str | None = None


class ProviderCaseDrafted(ProviderCaseFact, type="adoption.provider_case.drafted"):
    """Also edited, returned or opened again."""


class ProviderCaseSubmitted(ProviderCaseFact, type="adoption.provider_case.submitted"):
    pass


class ProviderCaseReviewed(ProviderCaseFact, type="adoption.provider_case.reviewed"):
    """The QSMO supports or refuses it, the board advises, a condition is satisfied, or the provider withdraws."""


class ProviderCaseEscalated(ProviderCaseFact, type="adoption.provider_case.escalated"):
    """The QSMO refused; the board is asked, or OMB after it (`action` is `appeal`)."""


class ProviderCaseApproved(ProviderCaseFact, type="adoption.provider_case.approved"):
    pass


class ProviderCaseDenied(ProviderCaseFact, type="adoption.provider_case.denied"):
    pass
