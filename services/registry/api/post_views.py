"""Posts, board seats and vacancies → representations. Names of persons are for federal callers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from services.registry import schemas
from services.registry.domain.delegation import Delegation, in_force
from services.registry.domain.plan_review import BoardSeat
from services.registry.domain.post import MACHINE, Post, PostStep
from services.registry.policy import ROLES, may_delegate
from services.registry.queries import PostAt, Vacancy
from shared.auth import Principal
from shared.web.wire import Action


def post(at: PostAt, *, today: date, by: Principal) -> schemas.PostShown:
    found, step = at.post, at.step
    holder = step.holder if by.sees_federal else None
    return schemas.PostShown(
        id=found.id,
        version=found.version,
        kind=found.kind,
        organization_id=found.organization_id,
        focus_area=found.focus_area,
        state=step.state,
        holder_name=holder.name if holder else None,
        holder_title=step.holder.title if step.holder else None,
        subject=holder.subject if holder else None,
        effective_on=step.on,
        delegations=_delegations(found.delegations, by=by),
        history=[_step(step, by=by) for step in found.steps],
        actions=[] if at.is_past else _post_actions(found, today=today, by=by),
    )


def _step(step: PostStep, *, by: Principal) -> schemas.PostStepShown:
    return schemas.PostStepShown(
        action=step.action,
        state=step.state,
        effective_on=step.on,
        recorded_at=step.at,
        holder_name=step.holder.name if step.holder and by.sees_federal else None,
        holder_title=step.holder.title if step.holder else None,
        reason=step.reason,
        source=step.source,
    )


def _delegations(found: Sequence[Delegation], *, by: Principal) -> list[schemas.DelegationShown]:
    return [
        schemas.DelegationShown(to=d.to if by.sees_federal else None, begins_on=d.begins_on, ends_on=d.ends_on, reason=d.reason)
        for d in found
        if d.ends_on >= d.begins_on
    ]


def _post_actions(found: Post, *, today: date, by: Principal) -> list[Action]:
    holder = found.last.holder.subject if found.last.holder else None
    shown = _delegating(f"/v1/posts/{found.id}", found.delegations, holder=holder, today=today, by=by)
    for action in ("fill", "vacate"):
        if by.has_any(ROLES[f"{action} post"]):
            possible = action in MACHINE.allowed(found.last.state)
            missing = [] if possible else [f"state filled (it is {found.last.state})"]
            shown.append(Action(action=action, href=f"/v1/posts/{found.id}/{action}", possible=possible, missing=missing))
    return shown


def _delegating(
    href: str, delegations: Sequence[Delegation], *, holder: str | None, today: date, by: Principal
) -> list[Action]:
    if not may_delegate(by, holder=holder):
        return []
    missing = [] if in_force(delegations, today) else ["a delegation in force"]
    return [
        Action(action="delegate", href=f"{href}/delegate", possible=True),
        Action(action="end-delegation", href=f"{href}/end-delegation", possible=not missing, missing=missing),
    ]


def vacancy(found: Vacancy, *, names: Mapping[str, str], today: date, by: Principal) -> schemas.VacancyShown:
    return schemas.VacancyShown(
        id=found.id,
        kind=found.kind,
        organization_id=found.organization_id,
        organization_name=names.get(found.organization_id or ""),
        focus_area=found.focus_area,
        vacant_since=found.since,
        days_vacant=(today - found.since).days if found.since else None,
        acting=found.delegation.to if found.delegation and by.sees_federal else None,
        acting_until=found.delegation.ends_on if found.delegation else None,
    )


def seat(found: BoardSeat, *, today: date, by: Principal) -> schemas.SeatShown:
    href = f"/v1/board-seats/{found.id}"
    may_change = by.has_any(ROLES["change board seat"])
    change = [Action(action="change", href=href, possible=True)] if may_change else []
    return schemas.SeatShown(
        id=found.id,
        version=found.version,
        title=found.title,
        council=found.council,
        organization_id=found.organization_id,
        vacant=not found.is_filled,
        subject=found.subject if by.sees_federal else None,
        delegations=_delegations(found.delegations, by=by),
        actions=[*change, *_delegating(href, found.delegations, holder=found.subject, today=today, by=by)],
    )
