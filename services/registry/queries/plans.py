"""Plans, as they are and as they were."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Select, false, or_, select

from services.registry import store, tables
from services.registry.domain.plan import Plan
from services.registry.domain.plan_states import State
from services.registry.policy import sees_plan
from services.registry.queries.history import RecordedFact, recorded
from services.registry.queries.plan_replay import holds_on, plan_of
from shared.auth import Principal
from shared.db import Transaction
from shared.web.listing import listing
from shared.web.paging import Page, PageRequest, page_in_memory, page_of

_LISTING = listing(tables.plans, "focus_area", "host_organization_id", "number", "state")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFilter:
    """`host` is the id of the host organization; `as_of` by effective date, `known_at` by what was recorded then."""

    area: str | None = None
    state: State | None = None
    host: str | None = None
    as_of: date | None = None
    known_at: datetime | None = None

    @property
    def is_dated(self) -> bool:
        return self.as_of is not None or self.known_at is not None


async def plans(tx: Transaction, wanted: PlanFilter, request: PageRequest, *, by: Principal) -> Page[Plan]:
    """The plans that this caller may know of (the rule of `policy.sees_plan`, as a condition)."""
    c = tables.plans.c
    query = select(tables.plans)
    for column, value in ((c.focus_area, wanted.area), (c.host_organization_id, wanted.host)):
        if value is not None:
            query = query.where(column == value)
    if wanted.is_dated:
        then = await _plans_then(tx, query, wanted)
        seen = [plan for plan in then if sees_plan(by, plan) and wanted.state in {None, plan.state}]
        return page_in_memory(seen, key=lambda plan: (plan.id,), request=request, listing=_LISTING)
    if wanted.state is not None:
        query = query.where(c.state == wanted.state.value)
    if not by.has_any(("omb", "coordinator", "auditor")):
        in_the_open = c.state.not_in([State.DRAFT.value, State.RETURNED.value])
        query = query.where(or_(in_the_open, c.focus_area.in_(by.scopes("qsmo"))) if by.sees_federal else false())
    return await page_of(tx, query, by=[c.id], request=request, read=store.plans.from_row, listing=_LISTING)


async def plan_then(tx: Transaction, id: str, wanted: PlanFilter, *, by: Principal) -> Plan | None:
    """As it was; None before it was, and for whom may not have known of it then."""
    query = select(tables.plans).where(tables.plans.c.id == id)
    return next((plan for plan in await _plans_then(tx, query, wanted) if sees_plan(by, plan)), None)


async def _plans_then(tx: Transaction, query: Select[Any], wanted: PlanFilter) -> list[Plan]:
    """Rebuilt from their facts."""
    c, ids = tables.outbox.c, query.with_only_columns(tables.plans.c.id)
    facts = select(tables.outbox).where(c.key.in_(ids)).order_by(c.key, c.aggregate_version)
    if wanted.known_at is not None:
        facts = facts.where(c.recorded_at <= wanted.known_at)
    found = [recorded(row) for row in await tx.rows(facts)]
    then = [fact for fact in found if wanted.as_of is None or holds_on(fact, wanted.as_of)]
    rebuilt = [plan_of(told) for _, told in groupby(then, key=_key)]
    return [plan for plan in rebuilt if plan is not None]


def _key(fact: RecordedFact) -> str:
    return fact.key
