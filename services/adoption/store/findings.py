"""Findings, and the corrective actions known to answer them."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import TypeAdapter

from services.adoption import tables
from services.adoption.domain.finding import Correction, Finding
from shared.db import Row
from shared.outbox import AggregateStore


@cache
def _adapter() -> TypeAdapter[Finding]:
    return TypeAdapter(Finding)


def _finding(row: Row) -> Finding:
    return _adapter().validate_python({**row["document"], "id": row["id"], "version": row["version"]})


def _finding_row(finding: Finding) -> dict[str, Any]:
    document = _adapter().dump_python(finding, mode="json", exclude={"id", "version"})
    return {"focus_area": finding.focus_area, "status": finding.status.value, "document": document}


findings = AggregateStore(
    source="/adoption",
    name="finding",
    table=tables.findings,
    outbox=tables.outbox,
    to_row=_finding_row,
    from_row=_finding,
)


def correction(row: Row) -> Correction:
    return Correction(**{name: value for name, value in row.items() if name != "finding_id"})
