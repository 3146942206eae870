"""What happened in an area → entries of its timeline."""

from __future__ import annotations

from services.registry import schemas
from services.registry.domain.designation import Designation, Step
from services.registry.domain.plan import Plan, Turn
from services.registry.queries import Happening


def entry(found: Happening) -> schemas.TimelineEntry:
    """Without the organization's name."""
    if isinstance(found.of, Designation) and isinstance(found.step, Step):
        return _designation(found.of, found.step)
    assert isinstance(found.of, Plan)
    assert isinstance(found.step, Turn)
    return _plan(found.of, found.step)


def _designation(of: Designation, step: Step) -> schemas.TimelineEntry:
    return schemas.TimelineEntry(
        effective_on=step.effective_on,
        designation_id=of.id,
        plan_id=None,
        service=of.service,
        action=step.action,
        status=step.status,
        organization_id=step.organization_id,
        organization_name=None,
        policy=step.basis.policy,
        clause=step.basis.clause,
        reason=step.basis.reason,
        source=step.basis.source,
        recorded_at=step.recorded_at,
    )


def _plan(of: Plan, turn: Turn) -> schemas.TimelineEntry:
    return schemas.TimelineEntry(
        effective_on=turn.on,
        designation_id=None,
        plan_id=of.id,
        service=None,
        action=turn.action,
        status=turn.state,
        organization_id=of.host_organization_id,
        organization_name=None,
        policy=turn.policy,
        clause=turn.clause,
        reason=turn.reason,
        source=None,
        recorded_at=turn.at,
    )
