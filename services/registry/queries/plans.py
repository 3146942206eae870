"""Plans, and what the outbox tells of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import false, or_, select

from services.registry import store, tables
from services.registry.domain.plan import Plan
from services.registry.domain.plan_states import State
from shared.auth import Principal
from shared.db import Transaction
from shared.web.paging import Page, PageRequest, page_of


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFilter:
    """`host` is the id of the host organization."""

    area: str | None = None
    state: State | None = None
    host: str | None = None


async def plans(tx: Transaction, wanted: PlanFilter, request: PageRequest, *, by: Principal) -> Page[Plan]:
    """The plans that this caller may know of (the rule of `policy.sees_plan`, as a condition)."""
    c = tables.plans.c
    query = select(tables.plans)
    if not any(by.has(role) for role in ("omb", "coordinator", "auditor")):
        in_the_open = c.state.not_in([State.DRAFT.value, State.RETURNED.value])
        query = query.where(or_(in_the_open, c.focus_area.in_(by.scopes("qsmo"))) if by.sees_federal else false())
    for column, value in ((c.focus_area, wanted.area), (c.state, wanted.state), (c.host_organization_id, wanted.host)):
        if value is not None:
            query = query.where(column == str(value))
    return await page_of(tx, query, by=[c.id], request=request, read=store.plans.from_row)


@dataclass(frozen=True, slots=True)
class RecordedFact:
    """One fact about a plan: the version it led to, who, when, and what it said."""

    version: int
    type: str
    actor: str
    recorded_at: datetime
    data: dict[str, Any]


async def plan_facts(tx: Transaction, plan: Plan, *, by: Principal) -> list[RecordedFact]:
    """The versions of the plan that this caller sees on the feed, oldest first; the outbox keeps them."""
    c = tables.outbox.c
    query = select(tables.outbox).where(c.topic == "qsmo.registry", c.key == plan.id).order_by(c.aggregate_version)
    return [
        RecordedFact(
            row["aggregate_version"],
            row["headers"]["ce_type"],
            row["headers"]["ce_actor"],
            row["recorded_at"],
            orjson.loads(row["payload"]),
        )
        for row in await tx.rows(query)
        if by.may_see(row["headers"]["ce_visibility"], focus_area=plan.focus_area, agency_codes=frozenset())
    ]
