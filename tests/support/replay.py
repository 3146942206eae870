"""The registry's facts, replayed to the state they tell of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import select

from services.registry import store, tables
from services.registry.queries import plan_of
from services.registry.queries.history import recorded
from shared.db import Transaction


async def plans_replay(tx: Transaction) -> int:
    """Every plan, rebuilt from its facts, is the one in the table; how many there are."""
    plans = [store.plans.from_row(row) for row in await tx.rows(select(tables.plans))]
    for plan in plans:
        c = tables.outbox.c
        rows = await tx.rows(select(tables.outbox).where(c.key == plan.id).order_by(c.aggregate_version))
        assert plan_of(recorded(row) for row in rows) == plan
    return len(plans)


def designations_after(facts: Iterable[tuple[str, bytes]]) -> dict[str, dict[str, Any]]:
    """(type, data) in the order of the feed → what each designation then is, by id."""
    found: dict[str, dict[str, Any]] = {}
    for kind, data in facts:
        if kind.startswith("qsmo.registry.designation."):
            told = orjson.loads(data)
            id = told["designation_id"]
            kept = ("focus_area", "service", "organization_id", "status", "effective_on")
            found[id] = {name: told.get(name) for name in kept} | {"version": found.get(id, {"version": 0})["version"] + 1}
    return found


async def designations_in_table(tx: Transaction) -> dict[str, dict[str, Any]]:
    """In the same shape."""
    designations = [store.designations.from_row(row) for row in await tx.rows(select(tables.designations))]
    return {
        d.id: {
            "focus_area": d.focus_area,
            "service": d.service,
            "organization_id": d.organization_id,
            "status": d.status.value,
            "effective_on": d.last.effective_on.isoformat(),
            "version": d.version,
        }
        for d in designations
    }
