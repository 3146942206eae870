"""Facts of adoption: what agencies need and choose, which offerings they use, and how far they have come."""

from __future__ import annotations

from datetime import date

from shared.contracts.fact import Fact, Visibility


class AdoptionFact(Fact):
    """An adoption as it is after the change. `phase` in M3 terms; public when its source is a public register.

    `effective_on`: of its last step; `activities`: FIBF ids that the offering covered when the fact was told.
    """

    adoption_id: str
    agency_id: str
    agency_name: str | None = None
    offering_id: str
    offering_code: str
    offering_revision: int
    focus_areas: tuple[str, ...] = ()
    status: str
    phase: str
    started_on: date
    live_on: date | None = None
    authorized_until: date | None = None
    letters: int = 0
    source: str | None = None
    reason: str | None = None
    effective_on: date | None = None
    activities: tuple[str, ...] = ()

    @property
    def focus_area(self) -> str | None:
        return self.focus_areas[0] if self.focus_areas else None

    def visibility_level(self) -> Visibility:
        return Visibility.PUBLIC if self.source == "fedramp" else Visibility.RESTRICTED


class AdoptionStarted(AdoptionFact, type="adoption.adoption.started"):
    pass


class AdoptionAdvanced(AdoptionFact, type="adoption.adoption.advanced"):
    """`from_phase` is the one left."""

    from_phase: str


class AdoptionHeld(AdoptionFact, type="adoption.adoption.held"):
    pass


class AdoptionResumed(AdoptionFact, type="adoption.adoption.resumed"):
    """After a hold, or after a stall when there has been progress."""


class AdoptionStalled(AdoptionFact, type="adoption.adoption.stalled"):
    """No progress since `progress_on`, for longer than `threshold_days`."""

    progress_on: date
    threshold_days: int


class AdoptionWithdrawn(AdoptionFact, type="adoption.adoption.withdrawn"):
    """`to_settle`: agreements that stand and legacy systems that were to end, as sentences."""

    to_settle: tuple[str, ...] = ()


class AdoptionWentLive(AdoptionFact, type="adoption.adoption.went_live"):
    """Reached operations; also how an adoption found in a public register begins here."""


class AdoptionCompleted(AdoptionFact, type="adoption.adoption.completed"):
    pass


class AdoptionAuthorizationRecorded(AdoptionFact, type="adoption.adoption.authorization_recorded"):
    """Another authorization letter of the same agency for the same offering."""


class CriterionFact(AdoptionFact):
    """An exit criterion of the phase; `grounds` is the evidence, or the reason of a waiver or a reopening."""

    criterion: str
    grounds: str


class CriterionMet(CriterionFact, type="adoption.criterion.met"):
    pass


class CriterionWaived(CriterionFact, type="adoption.criterion.waived"):
    pass


class CriterionReopened(CriterionFact, type="adoption.criterion.reopened"):
    """Signatures of the phase's tollgate went with it."""


class TollgateSigned(AdoptionFact, type="adoption.tollgate.signed"):
    """`side` is `agency` or `qsmo`."""

    side: str


class TaskChanged(AdoptionFact, type="adoption.task.changed"):
    """A task of the playbook: `open`, `under_way`, `done`, or `not_applicable` with the reason as `note`."""

    task: str
    task_status: str
    owner: str | None = None
    due_on: date | None = None
    note: str | None = None


class ArtifactChanged(AdoptionFact, type="adoption.artifact.changed"):
    """A document of a phase: `expected`, `filed` with its `link`, or `not_applicable` with the reason as `note`."""

    artifact: str
    artifact_status: str
    link: str | None = None
    digest: str | None = None
    note: str | None = None


class TargetSet(AdoptionFact, type="adoption.target.set"):
    """Who sees `of_phase` through, and until when; `baseline_on` is the day that was set first."""

    of_phase: str
    owner: str
    target_on: date
    baseline_on: date


class RiskAssessed(AdoptionFact, type="adoption.risk.assessed"):
    """Version `n`, by the agency or as reviewed; `score` as decimal text, from 1 to 5; `unanswered` categories."""

    n: int
    score: str
    band: str
    unanswered: tuple[str, ...] = ()
    reviewed: bool = False


class PlaybookItemChanged(Fact, type="adoption.playbook.changed"):
    """A file of M3 brought this: a `phase`, `criterion`, `artifact`, `tollgate-item`, `task`, `term` or `weight`."""

    item_kind: str
    key: str
    title: str
    phase: str | None = None


class AgencyFact(Fact):
    """Something of one agency in one focus area; for the agency, its area's QSMO and the government-wide roles."""

    agency_id: str
    agency_name: str | None = None
    focus_area: str

    def visibility_level(self) -> Visibility:
        return Visibility.RESTRICTED


class ProfileAssessed(AgencyFact, type="adoption.profile.assessed"):
    """`levels`: dimension → 1 to 5, all that are known now; `assessed`: the dimensions that are new."""

    profile_id: str
    levels: dict[str, int]
    assessed: tuple[str, ...]


class NeedsStated(AgencyFact, type="adoption.needs.stated"):
    """How many activities are answered, how many of those mission-critical, and how many constraints bind the choice."""

    needs_id: str
    fiscal_year: int
    answered: int
    mission_critical: int
    constraints: int
    copied_from: str | None = None


class ShortlistFact(AgencyFact):
    """A shortlist as it is after the change; `digest`: SHA-256 of what it pins."""

    shortlist_id: str
    needs_id: str
    fiscal_year: int
    offering_ids: tuple[str, ...]
    status: str
    digest: str


class ShortlistLocked(ShortlistFact, type="adoption.shortlist.locked"):
    pass


class ShortlistDecided(ShortlistFact, type="adoption.shortlist.decided"):
    """`selected` an offering, or `none_suitable`."""

    offering_id: str | None = None
    reason: str


class DemandRaised(Fact, type="adoption.demand.raised"):
    """An agency found nothing suitable for an activity; `agencies` that have said so until now."""

    fibf_id: str
    focus_area: str
    agency_id: str
    shortlist_id: str
    agencies: int

    def visibility_level(self) -> Visibility:
        return Visibility.FEDERAL


class AgreementFact(AgencyFact):
    """An agreement as it is after the change; `funding`: fiscal year → US dollars as decimal text."""

    agreement_id: str
    adoption_id: str
    offering_id: str
    status: str
    number: str
    kind: str
    begins_on: date
    ends_on: date
    funding: dict[str, str] = {}
    amendment: int = 0
    reason: str | None = None


class AgreementDrafted(AgreementFact, type="adoption.agreement.drafted"):
    """Also edited, or recalled before it was signed."""


class AgreementSent(AgreementFact, type="adoption.agreement.sent"):
    pass


class AgreementSigned(AgreementFact, type="adoption.agreement.signed"):
    pass


class AgreementCountersigned(AgreementFact, type="adoption.agreement.countersigned"):
    pass


class AgreementActivated(AgreementFact, type="adoption.agreement.activated"):
    """Also after a hold."""


class AgreementAmended(AgreementFact, type="adoption.agreement.amended"):
    """New terms, to be signed by both sides anew."""


class AgreementHeld(AgreementFact, type="adoption.agreement.held"):
    pass


class AgreementTerminated(AgreementFact, type="adoption.agreement.terminated"):
    pass


class AgreementExpiring(AgreementFact, type="adoption.agreement.expiring"):
    """Told 180, 90 and 30 days ahead, once each; `days` says which."""

    days: int


class AgreementExpired(AgreementFact, type="adoption.agreement.expired"):
    pass


class AdoptionRevisionAccepted(AdoptionFact, type="adoption.adoption.revision_accepted"):
    """The agency goes on with a newer revision of the offering; `from_revision` is the one chosen before."""

    from_revision: int


class GoLiveDecided(AdoptionFact, type="adoption.adoption.go_live_decided"):
    """`go` or `no_go`, 30 to 60 days before the planned day."""

    outcome: str
    go_live_on: date
    contingency: str | None = None


class SystemFact(AgencyFact):
    """A legacy system as it is after the change; `yearly_costs`: fiscal year → US dollars as decimal text."""

    system_id: str
    number: str
    name: str
    status: str
    capabilities: tuple[str, ...] = ()
    yearly_costs: dict[str, str] = {}
    planned_on: date | None = None
    decommissioned_on: date | None = None
    adoption_id: str | None = None
    reason: str | None = None


class SystemRegistered(SystemFact, type="adoption.system.registered"):
    pass


class SystemChanged(SystemFact, type="adoption.system.changed"):
    """Also kept after all, with the reason."""


class SystemDecommissionPlanned(SystemFact, type="adoption.system.decommission_planned"):
    pass


class SystemDecommissioned(SystemFact, type="adoption.system.decommissioned"):
    pass


class SavingsRecorded(AgencyFact, type="adoption.savings.recorded"):
    """An entry of the ledger; a reversal has negative figures and names the entry that it `reverses`."""

    entry_id: str
    adoption_id: str
    fiscal_year: int
    kind: str
    cents: int
    hours: int
    method: str
    source: str
    confidence: str
    reverses: str | None = None
    reason: str | None = None
