"""Designations."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from services.registry import tables
from services.registry.domain.designation import Basis, Designation, Status, Step
from shared.db import Row
from shared.outbox import AggregateStore

_SOURCE = "/registry"


def _designation(row: Row) -> Designation:
    return Designation(
        id=row["id"],
        version=row["version"],
        focus_area=row["focus_area"],
        service=row["service"],
        organization_id=row["organization_id"],
        steps=tuple(_step(step, lead=row["organization_id"]) for step in row["steps"]),
        predecessor_id=row["predecessor_id"],
        successor_id=row["successor_id"],
    )


def _step(found: dict[str, Any], *, lead: str | None) -> Step:
    """Steps written before they named their lead are of the designation's."""
    return Step(
        action=found["action"],
        status=Status(found["status"]),
        effective_on=date.fromisoformat(found["effective_on"]),
        recorded_at=datetime.fromisoformat(found["recorded_at"]),
        by=found["by"],
        basis=Basis(**found["basis"]),
        organization_id=found.get("organization_id", lead),
    )


def _step_document(step: Step) -> dict[str, Any]:
    basis = step.basis
    return {
        "action": step.action,
        "status": step.status.value,
        "effective_on": step.effective_on.isoformat(),
        "recorded_at": step.recorded_at.isoformat(),
        "by": step.by,
        "organization_id": step.organization_id,
        "basis": {"policy": basis.policy, "clause": basis.clause, "reason": basis.reason, "source": basis.source},
    }


def _designation_row(designation: Designation) -> dict[str, Any]:
    return {
        "focus_area": designation.focus_area,
        "service": designation.service,
        "organization_id": designation.organization_id,
        "status": designation.status.value,
        "began_on": designation.steps[0].effective_on,
        "steps": [_step_document(step) for step in designation.steps],
        "predecessor_id": designation.predecessor_id,
        "successor_id": designation.successor_id,
        "recorded_at": designation.last.recorded_at,
    }


designations = AggregateStore(
    source=_SOURCE,
    name="designation",
    table=tables.designations,
    outbox=tables.outbox,
    to_row=_designation_row,
    from_row=_designation,
)
