"""Annual shared services plans."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import TypeAdapter

from services.adoption import tables
from services.adoption.domain.annual_plan import AnnualPlan
from shared.db import Row
from shared.outbox import AggregateStore

_COLUMNS = ("organization_id", "fiscal_year", "due_on")


@cache
def _adapter() -> TypeAdapter[AnnualPlan]:
    return TypeAdapter(AnnualPlan)


def _plan(row: Row) -> AnnualPlan:
    return _adapter().validate_python({**row["document"], "id": row["id"], "version": row["version"]})


def _plan_row(plan: AnnualPlan) -> dict[str, Any]:
    return {
        **{name: getattr(plan, name) for name in _COLUMNS},
        "status": plan.status.value,
        "areas": f" {' '.join(area.focus_area for area in plan.areas)} ",
        "document": _adapter().dump_python(plan, mode="json", exclude={"id", "version"}),
    }


annual_plans = AggregateStore(
    source="/adoption",
    name="annual plan",
    table=tables.annual_plans,
    outbox=tables.outbox,
    to_row=_plan_row,
    from_row=_plan,
)
