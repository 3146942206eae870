"""Organizations and match reviews."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, and_, func, literal, or_, select

from services.registry import facts, store, tables
from services.registry.domain.match_review import MatchReview
from services.registry.domain.organization import Code, Organization
from shared.contracts.registry import OrganizationFact
from shared.db import Row, Transaction
from shared.web.listing import listing
from shared.web.paging import Page, PageRequest, page_in_memory, page_of

_DEPTH_MAX = 20
_STATEMENTS = 64
_LISTING = listing(tables.organizations, "name", "kind", "parent_id", "cfo_act", "valid_from", "valid_to", sorts=("name",))
_NAME_THEN = tables.organization_spans.c.name.label("name_then")
_LISTING_THEN = listing(
    tables.organizations,
    *("kind", "cfo_act", "valid_from", "valid_to"),
    sorts=("name",),
    renamed={"name": _NAME_THEN, "parent_id": tables.organization_spans.c.parent_id},
)
_REVIEWS = listing(
    *(tables.match_reviews, "scheme", "value", "name", "parent_name", "status", "organization_id"), sorts=("name",)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationFilter:
    """`q` finds by any part of the name; `code` by any scheme.

    `as_of`: those that existed on that day, as they then were; `known_at`: by what had been recorded then.
    """

    q: str | None = None
    scheme: str | None = None
    code: str | None = None
    parent_id: str | None = None
    cfo_act: bool | None = None
    as_of: date | None = None
    known_at: datetime | None = None

    @property
    def is_dated(self) -> bool:
        return self.as_of is not None or self.known_at is not None


async def organizations(tx: Transaction, wanted: OrganizationFilter, request: PageRequest) -> Page[Organization]:
    if wanted.known_at is not None:
        then = [organization_at(found, wanted) for found in await _known_at(tx, wanted.known_at)]
        found = [organization for organization in then if organization is not None and _is(organization, wanted)]
        return page_in_memory(found, key=lambda o: (o.name, o.id), request=request, listing=_LISTING)
    if wanted.as_of is not None:
        return await _organizations_of_day(tx, wanted, wanted.as_of, request)
    by = [tables.organizations.c.name, tables.organizations.c.id]
    return await page_of(tx, _now(wanted), by=by, request=request, read=store.organizations.from_row, listing=_LISTING)


@lru_cache(maxsize=_STATEMENTS)
def _now(wanted: OrganizationFilter) -> Select[Any]:
    table = tables.organizations
    return _filtered(select(table), wanted, name=table.c.name, parent_id=table.c.parent_id)


async def _organizations_of_day(
    tx: Transaction, wanted: OrganizationFilter, day: date, request: PageRequest
) -> Page[Organization]:
    table, spans = tables.organizations, tables.organization_spans
    query = select(table, _NAME_THEN).join(spans, spans.c.organization_id == table.c.id).where(_spans_day(day))
    query = _filtered(query, wanted, name=spans.c.name, parent_id=spans.c.parent_id)
    by = [_NAME_THEN, table.c.id]
    return await page_of(tx, query, by=by, request=request, read=lambda row: _of_day(row, day), listing=_LISTING_THEN)


def _spans_day(day: date) -> ColumnElement[bool]:
    c = tables.organization_spans.c
    return and_(or_(c.begins_on.is_(None), c.begins_on <= day), or_(c.ends_on.is_(None), c.ends_on > day))


def _of_day(row: Row, day: date) -> Organization:
    organization = store.organizations.from_row(row)
    return organization.as_of(day) or organization


def _filtered(query: Select[Any], wanted: OrganizationFilter, *, name: Column[str], parent_id: Column[str]) -> Select[Any]:
    """`name` and `parent_id` are the columns that hold them at the time asked about."""
    table, codes = tables.organizations, tables.organization_codes
    if wanted.q is not None:
        query = query.where(name.icontains(wanted.q, autoescape=True))
    if wanted.code is not None:
        matching = select(codes.c.organization_id).where(codes.c.value == wanted.code)
        if wanted.scheme is not None:
            matching = matching.where(codes.c.scheme == wanted.scheme)
        query = query.where(table.c.id.in_(matching))
    if wanted.parent_id is not None:
        query = query.where(parent_id == wanted.parent_id)
    if wanted.cfo_act is not None:
        query = query.where(table.c.cfo_act == wanted.cfo_act)
    return query


def organization_at(found: Organization, wanted: OrganizationFilter) -> Organization | None:
    """As it was on the day asked about, if it existed."""
    return found if wanted.as_of is None else found.as_of(wanted.as_of)


def _is(found: Organization, wanted: OrganizationFilter) -> bool:
    """The rule of `_filtered` on an organization at hand."""
    named = wanted.q is None or wanted.q.casefold() in found.name.casefold()
    coded = wanted.code is None or any(c.value == wanted.code and wanted.scheme in {None, c.scheme} for c in found.codes)
    placed = wanted.parent_id is None or found.parent_id == wanted.parent_id
    return named and coded and placed and wanted.cfo_act in {None, found.cfo_act}


async def organization_known_at(tx: Transaction, id: str, known_at: datetime) -> Organization | None:
    """As the last fact recorded by then tells it."""
    found = await _known_at(tx, known_at, id=id)
    return found[0] if found else None


async def _known_at(tx: Transaction, known_at: datetime, *, id: str | None = None) -> list[Organization]:
    """Each fact tells the whole organization: the last one recorded by then counts."""
    facts_of, later = tables.outbox, tables.outbox.alias("by_then")
    newest = (
        select(func.max(later.c.aggregate_version))
        .where(later.c.key == tables.organizations.c.id, later.c.recorded_at <= known_at)
        .scalar_subquery()
    )
    query = (
        select(facts_of.c.payload, facts_of.c.aggregate_version)
        .join(tables.organizations, tables.organizations.c.id == facts_of.c.key)
        .where(facts_of.c.aggregate_version == newest)
    )
    if id is not None:
        query = query.where(tables.organizations.c.id == id)
    return [_told(row) for row in await tx.rows(query)]


def _told(row: Row) -> Organization:
    fact = OrganizationFact.from_json(row["payload"].encode())
    return facts.organization_of(fact, version=row["aggregate_version"])


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeNode:
    """An organization in the tree of a day; the root has depth 0."""

    id: str
    name: str
    parent_id: str | None
    depth: int


async def tree(tx: Transaction, id: str, *, as_of: date) -> list[TreeNode]:
    """The organization and all below it as they stood on that day, nearest first. Raises NotFound."""
    await store.organizations.get(tx, id)
    spans = tables.organization_spans
    root = select(spans.c.organization_id, spans.c.name, spans.c.parent_id, literal(0).label("depth")).where(
        spans.c.organization_id == id, _spans_day(as_of)
    )
    found = root.cte("below", recursive=True)
    below = select(spans.c.organization_id, spans.c.name, spans.c.parent_id, found.c.depth + 1).where(
        spans.c.parent_id == found.c.organization_id, _spans_day(as_of), found.c.depth < _DEPTH_MAX
    )
    found = found.union_all(below)
    rows = await tx.rows(select(found).order_by(found.c.depth, found.c.name, found.c.organization_id))
    return [
        TreeNode(id=row["organization_id"], name=row["name"], parent_id=row["parent_id"], depth=row["depth"]) for row in rows
    ]


async def organization_by_code(tx: Transaction, code: Code) -> Organization | None:
    return (await store.organizations.by_code(tx, [code])).get(code)


async def match_reviews(tx: Transaction, *, status: str | None, request: PageRequest) -> Page[MatchReview]:
    table = tables.match_reviews
    query = select(table) if status is None else select(table).where(table.c.status == status)
    read = store.match_reviews.from_row
    return await page_of(tx, query, by=[table.c.id], request=request, read=read, listing=_REVIEWS)


async def organization_names(tx: Transaction, ids: Sequence[str | None]) -> dict[str, str]:
    """Id → name, for the ids that are given."""
    table = tables.organizations
    wanted = sorted({id for id in ids if id is not None})
    if not wanted:
        return {}
    rows = await tx.rows(select(table.c.id, table.c.name).where(table.c.id.in_(wanted)))
    return {row["id"]: row["name"] for row in rows}
