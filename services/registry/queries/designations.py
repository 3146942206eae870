"""Designations as they were on a day, and the timeline of an area."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select

from services.registry import store, tables
from services.registry.domain.designation import Designation, Step
from shared.db import Transaction
from shared.web.listing import listing
from shared.web.paging import Page, PageRequest, page_in_memory

_LISTING = listing(
    tables.designations,
    *("focus_area", "service", "organization_id", "status", "predecessor_id", "successor_id"),
    sorts=("service",),
)


@dataclass(frozen=True, slots=True)
class DesignationAt:
    """A designation as it was at the time asked about; `is_past` when a time was asked about."""

    designation: Designation
    is_past: bool = False

    @property
    def step(self) -> Step:
        return self.designation.last


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignationFilter:
    """`as_of` by effective date (default: the newest step), `known_at` by what was recorded then."""

    area: str | None = None
    service: str | None = None
    organization_id: str | None = None
    status: str | None = None
    as_of: date | None = None
    known_at: datetime | None = None


async def designations(tx: Transaction, wanted: DesignationFilter, request: PageRequest) -> Page[DesignationAt]:
    """Designations that were in force, each as it then was."""
    table = tables.designations
    query = select(table)
    for column, value in ((table.c.focus_area, wanted.area), (table.c.service, wanted.service)):
        if value is not None:
            query = query.where(column == value)
    rows = [store.designations.from_row(row) for row in await tx.rows(query)]
    found = [at for row in rows if (at := designation_at(row, wanted)) and _is(at.designation, wanted)]
    # Designations are few (dozens of services) and dated in their own document: paged after reading.
    return page_in_memory(found, key=_key, request=request, listing=_LISTING, of=lambda at: at.designation)


def _is(found: Designation, wanted: DesignationFilter) -> bool:
    return wanted.status in {None, found.status.value} and wanted.organization_id in {None, found.organization_id}


def designation_at(designation: Designation, wanted: DesignationFilter) -> DesignationAt | None:
    if wanted.as_of is None and wanted.known_at is None:
        return DesignationAt(designation)
    then = designation.as_of(wanted.as_of or date.max, known_at=wanted.known_at)
    return DesignationAt(then, is_past=True) if then else None


def _key(at: DesignationAt) -> tuple[str, ...]:
    d = at.designation
    return d.focus_area, d.service, d.id
