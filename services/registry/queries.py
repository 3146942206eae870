"""The registry's read side: one async function per question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy import false, or_, select

from services.registry import store, tables
from services.registry.domain.designation import Designation, Step
from services.registry.domain.focus_area import FocusArea, Policy
from services.registry.domain.match_review import MatchReview
from services.registry.domain.organization import Code, Organization
from services.registry.domain.plan import Plan
from services.registry.domain.plan_review import BoardSeat
from services.registry.domain.plan_states import State
from services.registry.policy import sees_plan
from shared.auth import Principal
from shared.db import Transaction
from shared.web.paging import Page, PageRequest, page_of


@dataclass(frozen=True, slots=True)
class DesignationAt:
    """A designation and the step in force at the time asked about."""

    designation: Designation
    step: Step


async def policies(tx: Transaction, request: PageRequest) -> Page[Policy]:
    table = tables.policies
    return await page_of(tx, select(table), by=[table.c.id], request=request, read=store.policies.from_row)


async def focus_areas(tx: Transaction, request: PageRequest) -> Page[FocusArea]:
    table = tables.focus_areas
    return await page_of(tx, select(table), by=[table.c.id], request=request, read=store.focus_areas.from_row)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationFilter:
    """`q` finds by the beginning of any word of the name; `code` by any scheme."""

    q: str | None = None
    scheme: str | None = None
    code: str | None = None
    parent_id: str | None = None
    cfo_act: bool | None = None
    as_of: date | None = None


async def organizations(tx: Transaction, wanted: OrganizationFilter, request: PageRequest) -> Page[Organization]:
    table, codes = tables.organizations, tables.organization_codes
    query = select(table)
    if wanted.q is not None:
        query = query.where(table.c.name.icontains(wanted.q, autoescape=True))
    if wanted.code is not None:
        matching = select(codes.c.organization_id).where(codes.c.value == wanted.code)
        if wanted.scheme is not None:
            matching = matching.where(codes.c.scheme == wanted.scheme)
        query = query.where(table.c.id.in_(matching))
    if wanted.parent_id is not None:
        query = query.where(table.c.parent_id == wanted.parent_id)
    if wanted.cfo_act is not None:
        query = query.where(table.c.cfo_act == wanted.cfo_act)
    if wanted.as_of is not None:
        query = query.where(table.c.valid_from.is_(None) | (table.c.valid_from <= wanted.as_of))
        query = query.where(table.c.valid_to.is_(None) | (table.c.valid_to > wanted.as_of))
    by = [table.c.name, table.c.id]
    return await page_of(tx, query, by=by, request=request, read=store.organizations.from_row)


async def organization_by_code(tx: Transaction, code: Code) -> Organization | None:
    return (await store.organizations.by_code(tx, [code])).get(code)


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
    found.sort(key=lambda at: (at.designation.focus_area, at.designation.service, at.designation.id))
    return _page_in_memory(found, request)


def designation_at(designation: Designation, wanted: DesignationFilter) -> DesignationAt | None:
    if wanted.as_of is None and wanted.known_at is None:
        return DesignationAt(designation, designation.last)
    step = designation.as_of(wanted.as_of or date.max, known_at=wanted.known_at)
    return DesignationAt(designation, step) if step else None


def _page_in_memory(found: list[DesignationAt], request: PageRequest) -> Page[DesignationAt]:
    """Designations are few (dozens of services) and dated in their own document: paged after reading."""
    after = request.cursor or ""
    rest = [at for at in found if _key(at) > after]
    shown = rest[: request.limit]
    return Page(shown, _key(shown[-1]) if len(rest) > request.limit else None)


def _key(at: DesignationAt) -> str:
    d = at.designation
    return f"{d.focus_area}.{d.service}.{d.id}"


async def timeline(tx: Transaction, area: str) -> list[tuple[Designation, Step]]:
    """Every step of every designation of an area, by effective date."""
    await store.focus_areas.get(tx, area)
    table = tables.designations
    rows = await tx.rows(select(table).where(table.c.focus_area == area))
    steps = [(d, step) for d in map(store.designations.from_row, rows) for step in d.steps]
    return sorted(steps, key=lambda pair: (pair[1].effective_on, pair[1].recorded_at, pair[0].service))


async def match_reviews(tx: Transaction, *, status: str | None, request: PageRequest) -> Page[MatchReview]:
    table = tables.match_reviews
    query = select(table) if status is None else select(table).where(table.c.status == status)
    return await page_of(tx, query, by=[table.c.id], request=request, read=store.match_reviews.from_row)


async def organization_names(tx: Transaction, ids: Sequence[str | None]) -> dict[str, str]:
    """Id → name, for the ids that are given."""
    table = tables.organizations
    wanted = sorted({id for id in ids if id is not None})
    if not wanted:
        return {}
    rows = await tx.rows(select(table.c.id, table.c.name).where(table.c.id.in_(wanted)))
    return {row["id"]: row["name"] for row in rows}


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


async def board_seats(tx: Transaction, request: PageRequest) -> Page[BoardSeat]:
    table = tables.board_seats
    return await page_of(tx, select(table), by=[table.c.id], request=request, read=store.board_seats.from_row)


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
