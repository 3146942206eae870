"""Plans: one document each."""

from __future__ import annotations

from typing import Any

import msgspec
from pydantic import TypeAdapter

from services.registry import tables
from services.registry.domain.plan import Plan
from shared.db import Row
from shared.outbox import AggregateStore

_SOURCE = "/registry"

_PLAN = TypeAdapter(Plan)


def _plan_row(plan: Plan) -> dict[str, Any]:
    return {
        "focus_area": plan.focus_area,
        "host_organization_id": plan.host_organization_id,
        "number": plan.number,
        "state": plan.state.value,
        "document": _PLAN.dump_python(plan, mode="json"),
    }


def _plan(row: Row) -> Plan:
    # A third of what pydantic needs for what we wrote ourselves; a page of plans is a thousand objects.
    return msgspec.convert({**row["document"], "version": row["version"]}, Plan, strict=False)


plans = AggregateStore(source=_SOURCE, name="plan", table=tables.plans, outbox=tables.outbox, to_row=_plan_row, from_row=_plan)
