"""Marketplaces with what stands behind them, and providers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from services.catalog import store, tables
from services.catalog.domain.marketplace import Designation, Marketplace
from services.catalog.domain.provider import Provider
from services.catalog.store import Area
from shared.db import Transaction, among
from shared.web.listing import listing
from shared.web.paging import Page, PageRequest, page_in_memory, page_of

_MARKETPLACES = listing(tables.marketplaces, "status", "opened_on")
_PROVIDERS = listing(tables.providers, "name", "kind", "organization_id", "uei", "small_business", sorts=("name",))


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketplaceView:
    """A marketplace with its area and the designations behind it; `organizations`: id → name."""

    marketplace: Marketplace
    area: Area
    designations: tuple[Designation, ...]
    organizations: dict[str, str]


async def marketplaces(tx: Transaction, request: PageRequest) -> Page[MarketplaceView]:
    """By area, paged after reading: there are a handful."""
    rows = await tx.rows(select(tables.marketplaces).order_by(tables.marketplaces.c.id))
    found = [store.marketplaces.from_row(row) for row in rows]
    page = page_in_memory(found, key=lambda each: (each.id,), request=request, listing=_MARKETPLACES)
    return page.of(await _with_designations(tx, page.items))


async def marketplace(tx: Transaction, area: str) -> MarketplaceView:
    """Raises NotFound."""
    (found,) = await _with_designations(tx, [await store.marketplaces.get(tx, area)])
    return found


async def _with_designations(tx: Transaction, found: Sequence[Marketplace]) -> list[MarketplaceView]:
    areas = await store.areas(tx)
    designations = await store.designations_of(tx, [each.id for each in found])
    names = await organization_names(tx, {d.organization_id for d in designations})
    return [
        MarketplaceView(
            marketplace=each,
            area=areas[each.id],
            designations=tuple(d for d in designations if d.focus_area == each.id),
            organizations=names,
        )
        for each in found
    ]


async def organization_names(tx: Transaction, ids: set[str | None]) -> dict[str, str]:
    """Id → name, for those the catalog has heard of."""
    table = tables.organizations
    wanted = sorted(id_ for id_ in ids if id_ is not None)
    rows = await tx.rows(select(table.c.id, table.c.name).where(table.c.id.in_(wanted)))
    return {row["id"]: row["name"] for row in rows}


async def provider_names(tx: Transaction, ids: Collection[str]) -> dict[str, str]:
    """Id → name."""
    c = tables.providers.c
    rows = await tx.rows(select(c.id, c.name).where(among(tx, c.id, ids))) if ids else ()
    return {row["id"]: row["name"] for row in rows}


async def providers(tx: Transaction, *, kind: str | None, q: str | None, request: PageRequest) -> Page[Provider]:
    table = tables.providers
    query = select(table) if kind is None else select(table).where(table.c.kind == kind)
    for word in (q or "").casefold().split():
        query = query.where(table.c.search.contains(word, autoescape=True))
    by = [table.c.name, table.c.id]
    return await page_of(tx, query, by=by, request=request, read=store.providers.from_row, listing=_PROVIDERS)
