"""Designations as they were on a day, and the timeline of an area."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select

from services.registry import store, tables
from services.registry.domain.designation import Designation, Step
from shared.db import Transaction
from shared.web.paging import Page, PageRequest, page_in_memory


@dataclass(frozen=True, slots=True)
class DesignationAt:
    """A designation and the step in force at the time asked about."""

    designation: Designation
    step: Step


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
    for column, value in (
        (table.c.focus_area, wanted.area),
        (table.c.service, wanted.service),
        (table.c.organization_id, wanted.organization_id),
    ):
        if value is not None:
            query = query.where(column == value)
    rows = [store.designations.from_row(row) for row in await tx.rows(query)]
    found = [at for row in rows if (at := designation_at(row, wanted)) and wanted.status in {None, at.step.status.value}]
    # Designations are few (dozens of services) and dated in their own document: paged after reading.
    return page_in_memory(found, key=_key, request=request)


def designation_at(designation: Designation, wanted: DesignationFilter) -> DesignationAt | None:
    if wanted.as_of is None and wanted.known_at is None:
        return DesignationAt(designation, designation.last)
    step = designation.as_of(wanted.as_of or date.max, known_at=wanted.known_at)
    return DesignationAt(designation, step) if step else None


def _key(at: DesignationAt) -> tuple[str, ...]:
    d = at.designation
    return d.focus_area, d.service, d.id


async def timeline(tx: Transaction, area: str) -> list[tuple[Designation, Step]]:
    """Every step of every designation of an area, by effective date."""
    await store.focus_areas.get(tx, area)
    table = tables.designations
    rows = await tx.rows(select(table).where(table.c.focus_area == area))
    steps = [(d, step) for d in map(store.designations.from_row, rows) for step in d.steps]
    return sorted(steps, key=lambda pair: (pair[1].effective_on, pair[1].recorded_at, pair[0].service))
