"""Aggregates → the facts published about them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any, TypeVar

from services.registry.domain.delegation import Delegation
from services.registry.domain.designation import Designation
from services.registry.domain.focus_area import FocusArea, Policy
from services.registry.domain.match_review import MatchReview
from services.registry.domain.organization import Alias, Code, DatedChange, Era, Kind, Organization
from services.registry.domain.plan import Plan
from services.registry.domain.plan_criteria import Criterion
from services.registry.domain.plan_progress import Milestone, Obligation, ObligationKind
from services.registry.domain.plan_review import BoardSeat
from services.registry.domain.post import Post
from shared.contracts import registry as contracts

P = TypeVar("P", bound=contracts.PlanAbout)


def policy_recorded(policy: Policy) -> contracts.PolicyRecorded:
    return contracts.PolicyRecorded(
        policy=policy.id, title=policy.title, issuer=policy.issuer, issued_on=policy.issued_on, url=policy.url
    )


def focus_area(kind: type[contracts.FocusAreaFact], area: FocusArea) -> contracts.FocusAreaFact:
    return kind(
        focus_area=area.id,
        title=area.title,
        aliases=area.aliases,
        policy=area.policy,
        services=tuple(contracts.AreaServiceEntry(slug=s.slug, title=s.title) for s in area.services),
        marketplace_opens_on=area.marketplace_opens_on,
    )


def organization(
    kind: type[contracts.OrganizationFact], found: Organization, *, why: DatedChange | None = None
) -> contracts.OrganizationFact:
    """`why` comes with a dated change."""
    return kind(
        organization_id=found.id,
        name=found.name,
        kind=found.kind.value,
        abbreviation=found.abbreviation,
        parent_id=found.parent_id,
        codes=tuple(contracts.CodeEntry(scheme=c.scheme, value=c.value) for c in found.codes),
        aliases=tuple(contracts.AliasEntry(name=a.name, valid_from=a.valid_from, valid_to=a.valid_to) for a in found.aliases),
        cfo_act=found.cfo_act,
        valid_from=found.valid_from,
        valid_to=found.valid_to,
        eras=tuple(contracts.EraEntry(**asdict(era)) for era in found.eras),
        predecessor_ids=found.predecessor_ids,
        successor_ids=found.successor_ids,
        effective_on=why.on if why else None,
        reason=why.reason if why else None,
        source=why.source if why else None,
    )


def organization_of(fact: contracts.OrganizationFact, *, version: int) -> Organization:
    """The organization as the fact told it."""
    return Organization(
        id=fact.organization_id,
        version=version,
        name=fact.name,
        kind=Kind(fact.kind),
        abbreviation=fact.abbreviation,
        parent_id=fact.parent_id,
        codes=tuple(Code(scheme=c.scheme, value=c.value) for c in fact.codes),
        aliases=tuple(Alias(name=a.name, valid_from=a.valid_from, valid_to=a.valid_to) for a in fact.aliases),
        cfo_act=fact.cfo_act,
        valid_from=fact.valid_from,
        valid_to=fact.valid_to,
        eras=tuple(Era(**era.model_dump()) for era in fact.eras),
        predecessor_ids=fact.predecessor_ids,
        successor_ids=fact.successor_ids,
    )


def match_review(kind: type[contracts.MatchReviewFact], review: MatchReview) -> contracts.MatchReviewFact:
    return kind(
        match_review_id=review.id,
        scheme=review.scheme,
        value=review.value,
        name=review.name,
        parent_name=review.parent_name,
        status=review.status.value,
        organization_id=review.organization_id,
        reason=review.reason,
    )


def designation(kind: type[contracts.DesignationFact], found: Designation, **more: Any) -> contracts.DesignationFact:
    """What the last step made of it."""
    step = found.last
    return kind(
        designation_id=found.id,
        focus_area=found.focus_area,
        service=found.service,
        organization_id=found.organization_id,
        status=step.status.value,
        effective_on=step.effective_on,
        recorded_at=step.recorded_at,
        policy=step.basis.policy,
        clause=step.basis.clause,
        reason=step.basis.reason,
        source=step.basis.source,
        **more,
    )


def board_seat(kind: type[contracts.BoardSeatFact], seat: BoardSeat) -> contracts.BoardSeatFact:
    return kind(
        board_seat=seat.id,
        title=seat.title,
        council=seat.council,
        organization_id=seat.organization_id,
        subject=seat.subject,
        delegations=_delegations(seat.delegations),
    )


def post(kind: type[contracts.PostFact], found: Post) -> contracts.PostFact:
    """What the last step made of it."""
    step, holder = found.last, found.last.holder
    return kind(
        post=found.id,
        kind=found.kind.value,
        organization_id=found.organization_id,
        focus_area=found.focus_area,
        state=step.state.value,
        holder_name=holder.name if holder else None,
        holder_title=holder.title if holder else None,
        subject=holder.subject if holder else None,
        effective_on=step.on,
        reason=step.reason,
        source=step.source,
        delegations=_delegations(found.delegations),
    )


def _delegations(found: tuple[Delegation, ...]) -> tuple[contracts.DelegationEntry, ...]:
    return tuple(contracts.DelegationEntry(to=d.to, begins_on=d.begins_on, ends_on=d.ends_on, reason=d.reason) for d in found)


def about_plan(kind: type[P], found: Plan, **more: Any) -> P:
    """A fact about a part of a plan: `more` is the part."""
    return kind(
        plan_id=found.id,
        focus_area=found.focus_area,
        host_organization_id=found.host_organization_id,
        number=found.number,
        state=found.state.value,
        **more,
    )


def plan(kind: type[contracts.PlanFact], found: Plan) -> contracts.PlanFact:
    """The plan as the last turn left it."""
    more: dict[str, Any] = {}
    if kind is contracts.PlanRecommended and found.recommendation is not None:
        more = asdict(found.recommendation)
    if kind is contracts.PlanApproved:
        more = {"conditions": tuple(_obligation(o) for o in found.obligations if o.kind is ObligationKind.CONDITION)}
    turn = found.last
    return about_plan(
        kind,
        found,
        first_fiscal_year=found.first_fiscal_year,
        lead_office_id=found.lead_office_id,
        services=found.services,
        sections=asdict(found.sections),
        years=tuple(contracts.PlanYearEntry(**asdict(year)) for year in found.years),
        criteria={criterion.element: criterion.status.value for criterion in found.criteria},
        effective_on=turn.on,
        reason=turn.reason,
        policy=turn.policy,
        clause=turn.clause,
        acting_for=turn.acting_for,
        **more,
    )


def criterion(of: Plan, found: Criterion) -> contracts.PlanCriterionAssessed:
    return about_plan(
        contracts.PlanCriterionAssessed,
        of,
        element=found.element,
        status=found.status.value,
        evidence=found.evidence,
        note=found.note,
        assessor=found.assessor,
        assessed_on=found.assessed_on,
    )


def milestone(kind: type[contracts.MilestoneFact], of: Plan, found: Milestone, *, today: date) -> contracts.MilestoneFact:
    return about_plan(
        kind,
        of,
        milestone_id=found.id,
        title=found.title,
        due_on=found.due_on,
        forecast_on=found.forecast_on,
        met_on=found.met_on,
        status=found.status.value,
        slip_days=found.slip_days(today),
        evidence=found.evidence,
        reason=found.reason,
    )


def corrective_action(
    kind: type[contracts.CorrectiveActionFact], of: Plan, found: Obligation
) -> contracts.CorrectiveActionFact:
    return about_plan(kind, of, corrective_action=_obligation(found))


def _obligation(found: Obligation) -> contracts.ObligationEntry:
    return contracts.ObligationEntry(
        id=found.id,
        kind=found.kind.value,
        title=found.title,
        owner=found.owner,
        due_on=found.due_on,
        status=found.status.value,
        evidence=found.evidence,
        reason=found.reason,
        finding_id=found.finding_id,
    )
