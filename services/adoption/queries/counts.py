"""How many adoptions there are, by area, agency, offering or phase, now or on a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, case, func, null, select

from services.adoption import tables
from services.adoption.domain.adoption import Status
from services.adoption.policy import Reach
from services.adoption.queries.past import steps_on
from shared.db import Row, Transaction


class By(StrEnum):
    """What is counted by."""

    AREA = "area"
    AGENCY = "agency"
    OFFERING = "offering"
    PHASE = "phase"


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """`key` is None where an offering belongs to no focus area; `count` leaves out what was withdrawn."""

    key: str | None
    name: str | None
    count: int
    statuses: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """`total` counts every adoption once, also where it belongs to several areas."""

    total: int
    items: list[Count]


async def counts(tx: Transaction, by: By, *, as_of: date | None, limit: int, reach: Reach) -> Counts:
    """The most numerous first."""
    state = _state(as_of, reach)
    grouped = _grouped(state, by).order_by(func.sum(_standing(state)).desc(), "key").limit(limit)
    total = await tx.row(select(func.sum(_standing(state)).label("total")))
    return Counts(total=int((total or {}).get("total") or 0), items=[_count(row) for row in await tx.rows(grouped)])


def _state(as_of: date | None, reach: Reach) -> Subquery:
    """Every visible adoption with its status and phase on the day."""
    adoptions = tables.adoptions
    seen = select(adoptions.c.organization_id, adoptions.c.offering_id).where(reach.sees())
    if as_of is None:
        return seen.add_columns(adoptions.c.status, adoptions.c.phase).subquery("state")
    step = steps_on(as_of)
    return (
        seen.add_columns(
            func.coalesce(step.c.status, adoptions.c.status).label("status"),
            func.coalesce(step.c.phase, adoptions.c.phase).label("phase"),
        )
        .outerjoin(step, step.c.adoption_id == adoptions.c.id)
        .where(adoptions.c.started_on <= as_of)
        .subquery("state")
    )


def _grouped(state: Subquery, by: By) -> Select[Any]:
    areas, organizations, offerings = tables.known_offering_areas, tables.known_organizations, tables.known_offerings
    key: ColumnElement[Any]
    name: ColumnElement[Any] = null()
    source: Any = state
    match by:
        case By.AREA:
            source = state.outerjoin(areas, areas.c.offering_id == state.c.offering_id)
            key = areas.c.focus_area
        case By.AGENCY:
            source = state.outerjoin(organizations, organizations.c.id == state.c.organization_id)
            key, name = state.c.organization_id, organizations.c.name
        case By.OFFERING:
            source = state.outerjoin(offerings, offerings.c.id == state.c.offering_id)
            key, name = state.c.offering_id, offerings.c.name
        case By.PHASE:
            key = state.c.phase
    groups = [key] if by in {By.AREA, By.PHASE} else [key, name]
    per_status = [func.sum(case((state.c.status == status, 1), else_=0)).label(status) for status in Status]
    columns = (key.label("key"), name.label("name"), func.sum(_standing(state)).label("count"), *per_status)
    return select(*columns).select_from(source).group_by(*groups)


def _standing(state: Subquery) -> ColumnElement[int]:
    return case((state.c.status == Status.WITHDRAWN, 0), else_=1)


def _count(row: Row) -> Count:
    statuses = {status.value: int(row[status]) for status in Status if row[status]}
    return Count(key=row["key"], name=row["name"], count=int(row["count"]), statuses=statuses)
