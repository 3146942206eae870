"""Offerings and their revisions, as far as the caller may see them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select

from services.catalog import store, tables
from services.catalog.domain.offering import PUBLIC, Offering, Surroundings, may_be_published_next
from services.catalog.domain.provider import Provider
from services.catalog.policy import GOVERNMENT_WIDE, may_see
from services.catalog.queries.using import offerings_used
from services.catalog.store import Revision
from shared.auth import Principal
from shared.db import Row, Transaction
from shared.kernel.errors import NotFound
from shared.web.listing import listing
from shared.web.paging import Page, PageRequest, page_of

_STATEMENTS = 256
_REVISIONS = listing(tables.offering_revisions, "offering_id", key="n")


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferingView:
    """An offering with its provider, and what publishing it depends on; `is_past`: as it was, so nothing can be done."""

    offering: Offering
    provider: Provider | None
    around: Surroundings
    is_past: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferingFilter:
    """`q`: every word must occur in name, code, summary, description, business functions or the provider's name."""

    area: str | None = None
    kind: str | None = None
    provider_id: str | None = None
    provider_kind: str | None = None
    shelf: str | None = None
    status: str | None = None
    impact_level: str | None = None
    authorization_status: str | None = None
    service_model: str | None = None
    used_by: str | None = None
    q: str | None = None


async def offerings(tx: Transaction, wanted: OfferingFilter, request: PageRequest, *, by: Principal) -> Page[OfferingView]:
    """Those that the caller may see, by name."""
    order = [tables.offerings.c.name, tables.offerings.c.id]
    query = _visible(wanted, by)
    if wanted.used_by is not None:
        used = await offerings_used(tx, wanted.used_by, on=tx.at.date(), by=by)
        query = query.where(tables.offerings.c.id.in_(used))
    page = await page_of(tx, query, by=order, request=request, read=store.offerings.from_row, listing=_LISTING)
    return page.of(await all_viewed(tx, page.items, by=by))


@lru_cache(maxsize=_STATEMENTS)
def _visible(wanted: OfferingFilter, by: Principal) -> Select[Any]:
    table, of = tables.offerings, tables.providers
    query = _filtered(select(table).outerjoin(of, of.c.id == table.c.provider_id), wanted)
    return query.where(*_visible_to(by))


async def all_viewed(tx: Transaction, found: Sequence[Offering], *, by: Principal) -> list[OfferingView]:
    """In the same order. Who has no role has no action, so nothing of what they depend on is read."""
    around = await _around(tx, found if by.roles else ())
    ids = sorted({o.content.provider_id for o in found if o.content.provider_id})
    behind = {provider.id: provider for provider in await store.providers.find_by(tx, "id", ids)}
    return [OfferingView(offering=o, provider=behind.get(o.content.provider_id or ""), around=around) for o in found]


async def _around(tx: Transaction, found: Iterable[Offering]) -> Surroundings:
    """What the actions of these depend on, which is nothing for most."""
    waiting = [each.content for each in found if may_be_published_next(each)]
    return await store.surroundings(tx, waiting) if waiting else Surroundings(marketplaces={})


async def seen(tx: Transaction, ids: Sequence[str], *, as_of: date | None, by: Principal) -> list[OfferingView]:
    """In the order given, those that are there and that the caller may see; of a day, as they stood at its end."""
    if as_of is None:
        found = {each.id: each for each in await store.offerings.find_by(tx, "id", list(ids))}
    else:
        found = await store.standing_on(tx, list(ids), as_of)
    there = [found[id_] for id_ in ids if id_ in found and may_see(by, found[id_])]
    views = await all_viewed(tx, there, by=by)
    return views if as_of is None else [replace(view, is_past=True) for view in views]


def _filtered(query: Select[Any], wanted: OfferingFilter) -> Select[Any]:
    table, of = tables.offerings, tables.providers
    for column, value in (
        (table.c.kind, wanted.kind),
        (table.c.provider_id, wanted.provider_id),
        (of.c.kind, wanted.provider_kind),
        (table.c.shelf, wanted.shelf),
        (table.c.status, wanted.status),
        (table.c.impact_level, wanted.impact_level),
        (table.c.authorization_status, wanted.authorization_status),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.area is not None:
        query = query.where(table.c.id.in_(_in_areas([wanted.area])))
    if wanted.service_model is not None:
        query = query.where(table.c.service_models.contains(store.spaced([wanted.service_model]), autoescape=True))
    for word in (wanted.q or "").casefold().split():
        query = query.where(_says(word))
    return query


def _says(word: str) -> ColumnElement[bool]:
    table, of = tables.offerings, tables.providers
    return or_(
        table.c.search.contains(word, autoescape=True),
        of.c.search.contains(word, autoescape=True),
        table.c.content["description"].as_string().icontains(word, autoescape=True),
    )


def _in_areas(areas: Sequence[str]) -> Select[Any]:
    table = tables.offering_areas
    return select(table.c.offering_id).where(table.c.focus_area.in_(areas))


_LISTING = listing(
    tables.offerings,
    *("code", "name", "kind", "status", "shelf", "provider_id", "authorization_status", "impact_level"),
    sorts=("name", "code"),
    renamed={
        "focus_area": lambda area: tables.offerings.c.id.in_(_in_areas([area])),
        "provider_kind": tables.providers.c.kind,
        "authorization_expires_on": tables.offerings.c.authorization_ends_on,
    },
)


def _visible_to(by: Principal) -> list[ColumnElement[bool]]:
    """`policy.may_see` as a condition."""
    if by.has_any(GOVERNMENT_WIDE):
        return []
    table = tables.offerings
    seen: list[ColumnElement[bool]] = [table.c.status.in_(PUBLIC) & (table.c.revision > 0)]
    if areas := by.scopes("qsmo"):
        seen.append(table.c.id.in_(_in_areas(areas)))
    if own := by.scopes("provider"):
        seen.append(table.c.provider_id.in_(own))
    return [or_(*seen)]


async def offering(tx: Transaction, id: str, *, as_of: date | None = None, by: Principal) -> OfferingView:
    """Raises NotFound also for what the caller may not see."""
    found = await store.offerings.get(tx, id)
    if not may_see(by, found):
        raise NotFound(f"There is no offering {id!r}.")
    if as_of is None:
        return await viewed(tx, found)
    for then in await seen(tx, [id], as_of=as_of, by=by):
        return then
    raise NotFound(f"The offering {id!r} was not published or listed by {as_of}.")


async def offering_by_key(tx: Transaction, scheme: str, value: str, *, by: Principal) -> OfferingView:
    """By `code`, or by `fedramp` id (of several, the one whose code it is). Raises NotFound."""
    found = await store.offerings.find_by(tx, "code", [value])
    if not found and scheme == "fedramp":
        table = tables.offerings
        query = select(table).where(table.c.fedramp_id == value, table.c.fedramp_id != table.c.code).order_by(table.c.id)
        found = [store.offerings.from_row(row) for row in await tx.rows(query)]
    for each in found:
        if may_see(by, each):
            return await viewed(tx, each)
    raise NotFound(f"No offering has the {scheme} {value!r}.")


async def viewed(tx: Transaction, found: Offering) -> OfferingView:
    provider_id = found.content.provider_id
    provider = await store.providers.find(tx, provider_id) if provider_id else None
    return OfferingView(offering=found, provider=provider, around=await _around(tx, [found]))


async def revisions(tx: Transaction, id: str, request: PageRequest, *, by: Principal) -> Page[Revision]:
    """Oldest first. Raises NotFound."""
    await offering(tx, id, by=by)
    table = tables.offering_revisions
    query = select(table).where(table.c.offering_id == id)
    return await page_of(tx, query, by=[table.c.n], request=request, read=store.revision, listing=_REVISIONS)


async def revision(tx: Transaction, id: str, n: int, *, by: Principal) -> Revision:
    """Raises NotFound."""
    await offering(tx, id, by=by)
    table = tables.offering_revisions
    row = await tx.row(select(table).where(table.c.offering_id == id, table.c.n == n))
    if row is None:
        raise NotFound(f"The offering has no revision {n}.")
    return store.revision(row)


async def offering_counts(tx: Transaction, *, by: Principal) -> Sequence[Row]:
    """`area, kind, status, count` of what the caller may see; an offering counts once in each of its areas (None: in none)."""
    table, areas = tables.offerings, tables.offering_areas
    area = areas.c.focus_area.label("area")
    query = (
        select(area, table.c.kind, table.c.status, func.count().label("count"))
        .select_from(table.outerjoin(areas, areas.c.offering_id == table.c.id))
        .where(*_visible_to(by))
        .group_by(area, table.c.kind, table.c.status)
        .order_by(area.is_(None), area, table.c.kind, table.c.status)
    )
    return await tx.rows(query)


async def offering_total(tx: Transaction, *, by: Principal) -> int:
    """How many offerings the caller may see."""
    counted = select(func.count()).select_from(tables.offerings).where(*_visible_to(by))
    return int((await tx.execute(counted)).scalar_one())
