"""Adoptions, one and many, as far as the caller may see them; rows of imports that wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Select, func, not_, or_, select, type_coerce

from services.adoption import store, tables
from services.adoption.domain.adoption import Adoption, Stall, Status, on_day
from services.adoption.policy import Reach
from services.adoption.queries.past import steps_on
from shared.db import Row, Transaction
from shared.kernel.errors import Invalid, NotFound
from shared.web.listing import Listing, listing
from shared.web.paging import Page, PageRequest, page_of


def _in_area(area: str) -> ColumnElement[bool]:
    areas = tables.known_offering_areas.c
    return tables.adoptions.c.offering_id.in_(select(areas.offering_id).where(areas.focus_area == area))


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
    as_of: date | None = None


async def adoption(tx: Transaction, id: str, *, reach: Reach) -> Adoption:
    """Raises NotFound, also for what the caller may not know of."""
    row = await tx.row(select(tables.adoptions).where(tables.adoptions.c.id == id, reach.sees()))
    if row is None:
        raise NotFound(f"There is no adoption {id!r}.")
    return store.adoptions.from_row(row)


async def adoptions(tx: Transaction, wanted: AdoptionFilter, request: PageRequest, *, reach: Reach) -> Page[Adoption]:
    return await _page(tx, wanted, request, reach=reach)


async def agency_adoptions(
    tx: Transaction, agency_id: str, wanted: AdoptionFilter, request: PageRequest, *, reach: Reach
) -> Page[Adoption]:
    """Those of the organization and of every one below it. Raises NotFound for an organization not known here."""
    table = tables.known_organizations
    if await tx.row(select(table.c.id).where(table.c.id == agency_id)) is None:
        raise NotFound(f"There is no organization {agency_id!r} known here.")
    covered = store.with_all_below(select(table.c.id).where(table.c.id == agency_id))
    within = tables.adoptions.c.organization_id.in_(select(covered.c.id))
    return await _page(tx, wanted, request, within, reach=reach)


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """Adoptions as they are now or were on a day: what is selected, and the columns that a day changes."""

    query: Select[Any]
    phase: ColumnElement[str]
    status: ColumnElement[str]
    stalled: ColumnElement[bool]

    def listing(self) -> Listing:
        return listing(
            tables.adoptions,
            *("offering_id", "started_on", "source"),
            sorts=("started_on",),
            renamed={
                "agency_id": tables.adoptions.c.organization_id,
                "focus_area": _in_area,
                "status": self.status,
                "phase": self.phase,
                "stalled": self.stalled,
            },
        )


def _state(as_of: date | None) -> _State:
    table = tables.adoptions
    if as_of is None:
        return _State(query=select(table), phase=table.c.phase, status=table.c.status, stalled=table.c.stalled)
    step, stall = steps_on(as_of), tables.figure_stalls
    standing = (stall.c.since <= as_of) & or_(stall.c.until.is_(None), stall.c.until > as_of)
    joined = table.outerjoin(step, step.c.adoption_id == table.c.id)
    joined = joined.outerjoin(stall, (stall.c.adoption_id == table.c.id) & standing)
    told = (stall.c.since, stall.c.progress_on, stall.c.threshold_days)
    return _State(
        query=select(table, *told).select_from(joined).where(table.c.started_on <= as_of),
        phase=func.coalesce(step.c.phase, table.c.phase),
        status=func.coalesce(step.c.status, table.c.status),
        stalled=type_coerce(stall.c.since.is_not(None), Boolean()),
    )


def _filtered(tx: Transaction, state: _State, wanted: AdoptionFilter) -> Select[Any]:
    table, query = tables.adoptions, state.query
    for column, value in (
        (table.c.organization_id, wanted.agency_id),
        (table.c.offering_id, wanted.offering_id),
        (state.phase, wanted.phase),
        (state.status, wanted.status),
        (table.c.source, wanted.source),
        (state.stalled, wanted.stalled),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.late is not None:
        late = (table.c.status == Status.ACTIVE.value) & table.c.target_on.is_not(None) & (table.c.target_on < tx.at.date())
        query = query.where(late if wanted.late else not_(late))
    if wanted.area is not None:
        query = query.where(_in_area(wanted.area))
    return query


async def _page(
    tx: Transaction, wanted: AdoptionFilter, request: PageRequest, *conditions: ColumnElement[bool], reach: Reach
) -> Page[Adoption]:
    """Raises Invalid for `late` on a day: targets are not kept by day."""
    if wanted.late is not None and wanted.as_of is not None:
        raise Invalid.at("query:late", "What is late is told of today alone.", code="contradiction")
    by, state, as_of = [tables.adoptions.c.id], _state(wanted.as_of), wanted.as_of
    seen = _filtered(tx, state, wanted).where(reach.sees(), *conditions)
    read = store.adoptions.from_row if as_of is None else lambda row: _on_day(row, as_of)
    return await page_of(tx, seen, by=by, request=request, read=read, listing=state.listing())


def _on_day(row: Row, day: date) -> Adoption:
    stall = (
        Stall(found_on=row["since"], progress_on=row["progress_on"], threshold_days=row["threshold_days"])
        if row["since"] is not None
        else None
    )
    return on_day(store.adoptions.from_row(row), day, stall=stall)


async def parked_rows(tx: Transaction, *, waits_for: str | None, request: PageRequest) -> Page[Row]:
    """Import rows that wait, by what they wait for."""
    table = tables.imports.parked
    query = select(table)
    if waits_for is not None:
        query = query.where(table.c.waits_for == waits_for)
    by = [table.c.waits_for, table.c.key]
    return await page_of(tx, query, by=by, request=request, read=lambda row: row, listing=_PARKED)
