"""Organizations and match reviews."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from services.registry import store, tables
from services.registry.domain.match_review import MatchReview
from services.registry.domain.organization import Code, Organization
from shared.db import Transaction
from shared.web.paging import Page, PageRequest, page_of


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
