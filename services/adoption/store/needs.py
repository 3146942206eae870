"""Needs of agencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from services.adoption import tables
from services.adoption.domain.needs import Constraint, Limit, Need, Needs, Priority, Scale
from shared.db import Row
from shared.outbox import AggregateStore


def needs_of(found: Sequence[Mapping[str, Any]]) -> tuple[Need, ...]:
    return tuple(Need(**{**each, "scale": Scale(each["scale"])}) for each in found)


def constraints_of(found: Sequence[Mapping[str, Any]]) -> tuple[Constraint, ...]:
    return tuple(
        Constraint(limit=Limit(each["limit"]), priority=Priority(each["priority"]), value=each["value"]) for each in found
    )


def _needs(row: Row) -> Needs:
    return Needs(**{**row, "needs": needs_of(row["needs"]), "constraints": constraints_of(row["constraints"])})


def _needs_row(stated: Needs) -> dict[str, Any]:
    return {
        "organization_id": stated.organization_id,
        "focus_area": stated.focus_area,
        "fiscal_year": stated.fiscal_year,
        "needs": [asdict(need) for need in stated.needs],
        "constraints": [asdict(constraint) for constraint in stated.constraints],
        "size": dict(stated.size or {}),
        "shared": stated.shared,
        "copied_from": stated.copied_from,
    }


needs = AggregateStore(
    source="/adoption",
    name="statement of needs",
    table=tables.needs,
    outbox=tables.outbox,
    to_row=_needs_row,
    from_row=_needs,
)
