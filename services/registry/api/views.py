"""Domain → representation, with what this caller may do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.registry import schemas
from services.registry.api.members import members
from services.registry.domain import designation as designations
from services.registry.domain import match_review as reviews
from services.registry.domain.designation import Designation, Step
from services.registry.domain.focus_area import FocusArea, Policy
from services.registry.domain.match_review import MatchReview
from services.registry.domain.organization import Organization
from services.registry.policy import ROLES
from services.registry.queries import DesignationAt
from shared.auth import Principal
from shared.kernel.machine import StateMachine
from shared.web.wire import Action

_ORGANIZATION_ACTIONS = {
    name: ROLES[f"{name} organization"] for name in ("change", "rename", "move", "merge", "split", "dissolve")
}


def policy(found: Policy) -> schemas.PolicyShown:
    return schemas.PolicyShown(
        id=found.id, version=found.version, title=found.title, issuer=found.issuer, issued_on=found.issued_on, url=found.url
    )


def focus_area(area: FocusArea, *, by: Principal) -> schemas.FocusAreaShown:
    return schemas.FocusAreaShown(
        id=area.id,
        version=area.version,
        title=area.title,
        policy=area.policy,
        aliases=list(area.aliases),
        services=[schemas.AreaServiceShown(slug=s.slug, title=s.title) for s in area.services],
        marketplace_opens_on=area.marketplace_opens_on,
        actions=_plain_actions(by, "change focus area", name="change", href=f"/v1/focus-areas/{area.id}"),
    )


def organization(found: Organization, *, by: Principal, is_past: bool = False) -> schemas.OrganizationShown:
    actions = [] if is_past else _organization_actions(found, by=by)
    return schemas.OrganizationShown.model_validate({**members(found), "actions": actions}, from_attributes=True)


def _organization_actions(found: Organization, *, by: Principal) -> list[Action]:
    allowed = [name for name, roles in _ORGANIZATION_ACTIONS.items() if by.has_any(roles)] if by.roles else []
    if not allowed:
        return []
    href = f"/v1/organizations/{found.id}"
    ended = [f"an organization that exists (it ended on {found.valid_to})"] if found.has_ended else []
    return [
        Action(action="change", href=href, possible=True)
        if name == "change"
        else Action(action=name, href=f"{href}/{name}", possible=not ended, missing=ended)
        for name in allowed
    ]


def designation(
    at: DesignationAt, *, names: Mapping[str, str], lacking: Sequence[str] = (), by: Principal
) -> schemas.DesignationShown:
    """`lacking` is what stands in the way of designating it; nothing can be done with what is past."""
    found, step = at.designation, at.step
    return schemas.DesignationShown(
        id=found.id,
        version=found.version,
        focus_area=found.focus_area,
        service=found.service,
        organization_id=found.organization_id,
        organization_name=names.get(found.organization_id or ""),
        status=step.status,
        effective_on=step.effective_on,
        recorded_at=step.recorded_at,
        predecessor_id=found.predecessor_id,
        successor_id=found.successor_id,
        history=[_step(s) for s in found.steps],
        actions=[] if at.is_past else _designation_actions(found, lacking, by=by),
    )


def _designation_actions(found: Designation, lacking: Sequence[str], *, by: Principal) -> list[Action]:
    href = f"/v1/designations/{found.id}"
    return _machine_actions(by, designations.MACHINE, state=found.status, href=href, lacking={"designate": lacking})


def _step(step: Step) -> schemas.StepShown:
    return schemas.StepShown(
        action=step.action,
        status=step.status,
        effective_on=step.effective_on,
        recorded_at=step.recorded_at,
        by=step.by,
        policy=step.basis.policy,
        clause=step.basis.clause,
        reason=step.basis.reason,
        source=step.basis.source,
    )


def match_review(review: MatchReview, *, by: Principal) -> schemas.MatchReviewShown:
    return schemas.MatchReviewShown(
        id=review.id,
        version=review.version,
        scheme=review.scheme,
        value=review.value,
        name=review.name,
        parent_name=review.parent_name,
        status=review.status,
        candidates=[
            schemas.CandidateShown(organization_id=c.organization_id, name=c.name, score=c.score) for c in review.candidates
        ],
        organization_id=review.organization_id,
        reason=review.reason,
        actions=_machine_actions(by, reviews.MACHINE, state=review.status, href=f"/v1/match-reviews/{review.id}"),
    )


def _plain_actions(by: Principal, action: str, *, name: str, href: str) -> list[Action]:
    return [Action(action=name, href=href, possible=True)] if by.has_any(ROLES[action]) else []


def _machine_actions(
    by: Principal, machine: StateMachine, *, state: str, href: str, lacking: Mapping[str, Sequence[str]] | None = None
) -> list[Action]:
    """What the caller's roles allow: possible in this state, or what state it takes, or what it lacks beside."""
    shown: list[Action] = []
    for transition in machine.transitions:
        if transition.sources == (None,) or not by.has_any(transition.roles):
            continue
        possible = state in transition.sources
        wanted = " or ".join(str(source) for source in transition.sources if source)
        missing = list((lacking or {}).get(transition.action, ())) if possible else [f"state {wanted} (it is {state})"]
        # What may also begin one is asked of the collection, and finds the one that there is.
        path = href.rpartition("/")[0] if None in transition.sources else href
        shown.append(
            Action(action=transition.action, href=f"{path}/{transition.action}", possible=not missing, missing=missing)
        )
    return shown
