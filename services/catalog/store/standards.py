"""Standards."""

from __future__ import annotations

from typing import Any

from services.catalog import tables
from services.catalog.domain.standard import Kind, Standard, Status
from shared.db import Row
from shared.outbox import AggregateStore


def _standard(row: Row) -> Standard:
    return Standard(**{**row, "kind": Kind(row["kind"]), "status": Status(row["status"])})


def _standard_row(standard: Standard) -> dict[str, Any]:
    return {
        "title": standard.title,
        "kind": standard.kind.value,
        "status": standard.status.value,
        "family": standard.family,
        "focus_area": standard.focus_area,
        "source_version": standard.source_version,
        "edition": standard.edition,
        "counts": dict(standard.counts),
        "reason": standard.reason,
        "successor_id": standard.successor_id,
    }


standards = AggregateStore(
    source="/catalog",
    name="standard",
    table=tables.standards,
    outbox=tables.outbox,
    to_row=_standard_row,
    from_row=_standard,
)
