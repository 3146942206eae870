"""Aggregates → the facts published about them."""

from __future__ import annotations

from typing import Any

from services.registry.domain.designation import Designation
from services.registry.domain.focus_area import FocusArea, Policy
from services.registry.domain.match_review import MatchReview
from services.registry.domain.organization import Organization
from shared.contracts import registry as contracts


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


def organization(kind: type[contracts.OrganizationFact], found: Organization) -> contracts.OrganizationFact:
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
