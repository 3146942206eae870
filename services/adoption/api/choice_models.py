"""Wire models of readiness, needs, fit and shortlists."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from services.adoption.domain.fit import Outcome, Verdict
from services.adoption.domain.fit_changes import Kind as ChangeKind
from services.adoption.domain.needs import CONSTRAINTS_MAX, NEEDS_MAX, Limit, Priority, Scale
from services.adoption.domain.readiness import Dimension
from services.adoption.domain.shortlist import OFFERINGS_MAX, Status
from services.adoption.domain.shortlist import Outcome as Decided
from shared.web.wire import Action, Identifier, LongText, MoneyShown, Reason, Shown, Slug, Whole, Wire

Level = Annotated[int, Field(ge=1, le=5), Whole]
Year = Annotated[int, Field(ge=2000, le=2100), Whole]
Size = Annotated[int, Field(ge=1, le=1_000_000_000_000), Whole]
Unit = Literal["user", "employee", "transaction", "asset"]
FibfId = Annotated[str, Field(pattern=r"^[A-Z]{2,8}([.-][A-Z0-9]+)+$", max_length=40)]


class DimensionShown(Shown):
    """`levels`: what holds at each, from 1 to 5."""

    dimension: Dimension
    levels: list[str]


class RubricShown(Shown):
    source: str
    dimensions: list[DimensionShown]


class FindingGiven(Wire):
    """`evidence`: where the level can be seen."""

    level: Level
    evidence: Reason


class FindingsGiven(Wire):
    """The dimensions assessed; the others stay as they were."""

    standings: Annotated[dict[Dimension, FindingGiven], Field(min_length=1, max_length=6)]


class StandingShown(Shown):
    dimension: Dimension
    level: int
    evidence: str
    on: date
    by: str


class ProfileShown(Shown):
    """`unassessed`: dimensions that nobody has assessed yet; `assessments` counts the versions."""

    id: str
    version: int
    agency_id: str
    focus_area: str
    standings: list[StandingShown]
    unassessed: list[Dimension]
    assessments: int


class ProfileVersion(Shown):
    n: int
    recorded_at: datetime
    by: str
    levels: dict[Dimension, int]


class ProfileVersions(Shown):
    """Oldest first; `trend`: dimension → newest level less the first."""

    items: list[ProfileVersion]
    trend: dict[Dimension, int]


class NeedGiven(Wire):
    """`fibf_id`: a service activity."""

    fibf_id: FibfId
    scale: Scale
    mission_critical: bool = False
    comment: LongText | None = None


class ConstraintGiven(Wire):
    """`value` as text: an impact level, an interface's name, a whole number, or dollars a year."""

    limit: Limit
    priority: Priority
    value: Annotated[str, Field(max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""


class StatementGiven(Wire):
    """`shared`: other agencies may copy it."""

    needs: Annotated[list[NeedGiven], Field(max_length=NEEDS_MAX)] = []
    constraints: Annotated[list[ConstraintGiven], Field(max_length=CONSTRAINTS_MAX)] = []
    size: dict[Unit, Size] = {}
    shared: bool = False


class NeedsGiven(StatementGiven):
    """Stated, or copied as they are from the needs named in `copy_from`."""

    agency_id: Identifier
    focus_area: Slug
    fiscal_year: Year
    copy_from: Identifier | None = None


class NeedShown(Shown):
    fibf_id: str
    title: str | None
    scale: Scale
    mission_critical: bool
    comment: str | None


class ConstraintShown(Shown):
    limit: Limit
    priority: Priority
    value: str


class CompletenessShown(Shown):
    """`missing`: activities of the area's standards without an answer, the first 100."""

    answered: int
    total: int
    missing: list[str]


class NeedsShown(Shown):
    id: str
    version: int
    agency_id: str
    focus_area: str
    fiscal_year: int
    needs: list[NeedShown]
    constraints: list[ConstraintShown]
    size: dict[str, int]
    shared: bool
    copied_from: str | None
    completeness: CompletenessShown
    actions: list[Action] = Field(alias="_actions")


class NeedsInList(Shown):
    id: str
    version: int
    agency_id: str
    focus_area: str
    fiscal_year: int
    answered: int
    mission_critical: int
    constraints: int
    shared: bool


class NeedsPage(Shown):
    items: list[NeedsInList]
    next_cursor: str | None


class NeedOutcome(Shown):
    fibf_id: str
    outcome: Outcome
    weight: int


class ConstraintVerdict(ConstraintShown):
    verdict: Verdict


class GapShown(Shown):
    """`has` is null where nobody has assessed the dimension."""

    dimension: str
    asks: int
    has: int | None


class HindranceShown(Shown):
    kind: str
    detail: str


class FitShown(Shown):
    """`score` of 100; `rank` from 1; `possible`: nothing keeps it out."""

    rank: int | None
    offering_id: str
    code: str
    name: str
    revision: int
    provider_name: str | None
    score: Decimal
    possible: bool
    hindrances: list[HindranceShown]
    outcomes: dict[Outcome, int]
    critical_gaps: int
    yearly_cost: MoneyShown | None
    readiness_gaps: list[GapShown]


class EffectShown(Shown):
    """`change` alone would put the offering at `rank`, with `score`."""

    change: ChangeKind
    ref: str
    level: int | None
    detail: str
    rank: int
    score: Decimal


class FitExplained(FitShown):
    """How the score comes about: 10 points for what is met, 7 for what is met by go-live, by the weight of each."""

    needs: list[NeedOutcome]
    constraints: list[ConstraintVerdict]
    what_would_change_it: list[EffectShown]


class FitList(Shown):
    """`possible` of the `considered` offerings are not kept out; `unserved`: activities that none of those would meet."""

    needs_id: str
    on: date
    considered: int
    possible: int
    unserved: list[str]
    items: list[FitShown]


class ComparedNeed(Shown):
    """`outcomes` in the order of `offerings`."""

    fibf_id: str
    title: str | None
    mission_critical: bool
    outcomes: list[Outcome]


class ComparedConstraint(ConstraintShown):
    verdicts: list[Verdict]


class FitComparison(Shown):
    needs_id: str
    offerings: list[FitShown]
    needs: list[ComparedNeed]
    constraints: list[ComparedConstraint]


class FitSummary(Shown):
    """One agency's needs in short: `best` is null when every offering is kept out."""

    needs_id: str
    agency_id: str
    considered: int
    possible: int
    best: FitShown | None
    unserved: list[str]


class FitSummaries(Shown):
    items: list[FitSummary]
    next_cursor: str | None


class OwnFit(Shown):
    """`fit` to the agency's newest needs in the area."""

    needs_id: str
    agency_id: str
    focus_area: str
    fiscal_year: int
    fit: FitShown


class OwnFits(Shown):
    """At most 50."""

    items: list[OwnFit]


class ShortlistGiven(Wire):
    """In the agency's order; none locks that nothing was found. `listed`: also what only a public register knows."""

    needs_id: Identifier
    offering_ids: Annotated[list[Identifier], Field(max_length=OFFERINGS_MAX)] = []
    listed: bool = False


class DecisionGiven(Wire):
    outcome: Decided
    offering_id: Identifier | None = None
    reason: Reason


class DecisionShown(Shown):
    outcome: Decided
    offering_id: str | None
    reason: str
    on: date
    by: str


class ShortlistShown(Shown):
    """`pinned`: the question, each candidate's data and fit, those not taken and why.

    `digest`: SHA-256 of its canonical JSON.
    """

    id: str
    version: int
    agency_id: str
    focus_area: str
    needs_id: str
    fiscal_year: int
    status: Status
    digest: str
    locked_by: str
    locked_on: date
    decision: DecisionShown | None
    pinned: dict[str, Any]
    actions: list[Action] = Field(alias="_actions")


class ShortlistInList(Shown):
    id: str
    version: int
    agency_id: str
    focus_area: str
    needs_id: str
    fiscal_year: int
    status: Status
    digest: str
    locked_on: date
    decision: DecisionShown | None


class ShortlistPage(Shown):
    items: list[ShortlistInList]
    next_cursor: str | None


class Verification(Shown):
    """Whether the pinned data still have the digest, and score again as they were locked; `differences` says where not."""

    shortlist_id: str
    digest: str
    digest_holds: bool
    scores_hold: bool
    differences: list[str]


class DemandShown(Shown):
    """`agencies` found nothing suitable for the activity; `mission_critical` of them call it so, for federal callers.

    `yearly_spend`: on the systems with which they do it today; for the area's QSMO and the government-wide roles.
    """

    fibf_id: str
    title: str | None
    focus_area: str
    agencies: int
    mission_critical: int | None
    yearly_spend: MoneyShown | None
    since: date
    latest: date


class DemandList(Shown):
    items: list[DemandShown]


class NextStepShown(Shown):
    """`whose`: `agency`, `qsmo` or `provider`; `href`: where it is done."""

    focus_area: str
    state: str
    what: str
    whose: str
    href: str


class NextSteps(Shown):
    agency_id: str
    items: list[NextStepShown]
