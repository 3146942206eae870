"""Policies, focus areas and the scorecard."""

from __future__ import annotations

from sqlalchemy import select

from services.registry import store, tables
from services.registry.domain.designation import Designation
from services.registry.domain.focus_area import FocusArea, Policy
from services.registry.domain.plan import Plan
from services.registry.policy import sees_plan
from shared.auth import Principal
from shared.db import Transaction
from shared.web.listing import listing
from shared.web.paging import Page, PageRequest, page_of

_POLICIES = listing(tables.policies, "title", "issuer", "issued_on", sorts=("title", "issued_on"))
_AREAS = listing(tables.focus_areas, "title", "policy", "marketplace_opens_on", sorts=("title",))


async def policies(tx: Transaction, request: PageRequest) -> Page[Policy]:
    table = tables.policies
    return await page_of(tx, select(table), by=[table.c.id], request=request, read=store.policies.from_row, listing=_POLICIES)


async def focus_areas(tx: Transaction, request: PageRequest) -> Page[FocusArea]:
    table = tables.focus_areas
    return await page_of(tx, select(table), by=[table.c.id], request=request, read=store.focus_areas.from_row, listing=_AREAS)


async def scorecard(tx: Transaction, *, by: Principal) -> list[tuple[FocusArea, list[Designation], list[Plan]]]:
    """Every area with its designations and, for whom may know of them, its plans."""
    areas = [
        store.focus_areas.from_row(row) for row in await tx.rows(select(tables.focus_areas).order_by(tables.focus_areas.c.id))
    ]
    designations = [store.designations.from_row(row) for row in await tx.rows(select(tables.designations))]
    plans = [store.plans.from_row(row) for row in await tx.rows(select(tables.plans))]
    return [
        (
            area,
            [d for d in designations if d.focus_area == area.id],
            [p for p in plans if p.focus_area == area.id and sees_plan(by, p)],
        )
        for area in areas
    ]
