"""Cases of legacy providers."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import TypeAdapter

from services.adoption import tables
from services.adoption.domain.provider_case import ProviderCase
from shared.db import Row
from shared.outbox import AggregateStore


@cache
def _adapter() -> TypeAdapter[ProviderCase]:
    return TypeAdapter(ProviderCase)


def _case(row: Row) -> ProviderCase:
    return _adapter().validate_python({**row["document"], "id": row["id"], "version": row["version"]})


def _case_row(case: ProviderCase) -> dict[str, Any]:
    return {
        "organization_id": case.organization_id,
        "focus_area": case.focus_area,
        "status": case.status.value,
        "document": _adapter().dump_python(case, mode="json", exclude={"id", "version"}),
    }


provider_cases = AggregateStore(
    source="/adoption",
    name="provider case",
    table=tables.provider_cases,
    outbox=tables.outbox,
    to_row=_case_row,
    from_row=_case,
)
