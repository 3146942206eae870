"""Adoptions, one and many, as far as the caller may see them; rows of imports that wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, not_, select

from services.adoption import store, tables
from services.adoption.domain.adoption import Adoption, Status
from services.adoption.policy import Reach
from shared.db import Row, Transaction
from shared.kernel.errors import NotFound
from shared.web.listing import listing
from shared.web.paging import Page, PageRequest, page_of


def _in_area(area: str) -> ColumnElement[bool]:
    areas = tables.known_offering_areas.c
    return tables.adoptions.c.offering_id.in_(select(areas.offering_id).where(areas.focus_area == area))


_LISTING = listing(
    tables.adoptions,
    *("offering_id", "status", "phase", "started_on", "source", "stalled"),
    sorts=("started_on",),
    renamed={"agency_id": tables.adoptions.c.organization_id, "focus_area": _in_area},
)
_PARKED = listing(tables.imports.parked, "section", "number", "waits_for", sorts=("number", "waits_for"), key="kind")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptionFilter:
    """Each narrows the list."""

    agency_id: str | None = None
    offering_id: str | None = None
    area: str | None = None
    phase: str | None = None
    status: str | None = None
    source: str | None = None
    stalled: bool | None = None
    late: bool | None = None


async def adoption(tx: Transaction, id: str, *, reach: Reach) -> Adoption:
    """Raises NotFound, also for what the caller may not know of."""
    row = await tx.row(select(tables.adoptions).where(tables.adoptions.c.id == id, reach.sees()))
    if row is None:
        raise NotFound(f"There is no adoption {id!r}.")
    return store.adoptions.from_row(row)


async def adoptions(tx: Transaction, wanted: AdoptionFilter, request: PageRequest, *, reach: Reach) -> Page[Adoption]:
    return await _page(tx, _filtered(tx, wanted), request, reach=reach)


async def agency_adoptions(
    tx: Transaction, agency_id: str, wanted: AdoptionFilter, request: PageRequest, *, reach: Reach
) -> Page[Adoption]:
    """Those of the organization and of every one below it. Raises NotFound for an organization not known here."""
    table = tables.known_organizations
    if await tx.row(select(table.c.id).where(table.c.id == agency_id)) is None:
        raise NotFound(f"There is no organization {agency_id!r} known here.")
    covered = store.with_all_below(select(table.c.id).where(table.c.id == agency_id))
    query = _filtered(tx, wanted).where(tables.adoptions.c.organization_id.in_(select(covered.c.id)))
    return await _page(tx, query, request, reach=reach)


def _filtered(tx: Transaction, wanted: AdoptionFilter) -> Select[Any]:
    table = tables.adoptions
    query = select(table)
    for column, value in (
        (table.c.organization_id, wanted.agency_id),
        (table.c.offering_id, wanted.offering_id),
        (table.c.phase, wanted.phase),
        (table.c.status, wanted.status),
        (table.c.source, wanted.source),
        (table.c.stalled, wanted.stalled),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.late is not None:
        late = (table.c.status == Status.ACTIVE.value) & table.c.target_on.is_not(None) & (table.c.target_on < tx.at.date())
        query = query.where(late if wanted.late else not_(late))
    if wanted.area is not None:
        query = query.where(_in_area(wanted.area))
    return query


async def _page(tx: Transaction, query: Select[Any], request: PageRequest, *, reach: Reach) -> Page[Adoption]:
    by = [tables.adoptions.c.id]
    seen = query.where(reach.sees())
    return await page_of(tx, seen, by=by, request=request, read=store.adoptions.from_row, listing=_LISTING)


async def parked_rows(tx: Transaction, *, waits_for: str | None, request: PageRequest) -> Page[Row]:
    """Import rows that wait, by what they wait for."""
    table = tables.imports.parked
    query = select(table)
    if waits_for is not None:
        query = query.where(table.c.waits_for == waits_for)
    by = [table.c.waits_for, table.c.key]
    return await page_of(tx, query, by=by, request=request, read=lambda row: row, listing=_PARKED)
