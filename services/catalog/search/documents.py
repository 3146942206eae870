"""Rows → documents of the index: offerings with what the tables say of their provider, vehicles and standards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from services.catalog import store, tables
from services.catalog.domain.offering import Offering
from services.catalog.domain.standard import ItemKind
from services.catalog.search.fields import document
from shared.db import Transaction, among

TITLED = (ItemKind.ACTIVITY.value, ItemKind.CAPABILITY.value)


async def documents(tx: Transaction, offerings: Sequence[Offering]) -> list[dict[str, Any]]:
    ids = sorted({o.content.provider_id for o in offerings if o.content.provider_id})
    providers = {provider.id: provider for provider in await store.providers.find_by(tx, "id", ids)}
    kinds = await _vehicle_kinds(tx, offerings)
    titles = await _titles(tx, offerings)
    return [document(o, providers.get(o.content.provider_id or ""), vehicle_kinds=kinds, titles=titles) for o in offerings]


async def _vehicle_kinds(tx: Transaction, offerings: Sequence[Offering]) -> dict[str, str]:
    numbers = sorted({number for o in offerings for number in o.content.vehicles})
    if not numbers:
        return {}
    table = tables.vehicles
    rows = await tx.rows(select(table.c.number, table.c.kind).where(among(tx, table.c.number, numbers)))
    return {row["number"]: row["kind"] for row in rows}


async def _titles(tx: Transaction, offerings: Sequence[Offering]) -> dict[str, str]:
    """Of activities, and the statements of capabilities, as standards have them now."""
    covered = sorted({c.fibf_id for o in offerings for c in o.content.fibf_coverage})
    if not covered:
        return {}
    table = tables.standard_items
    query = select(table.c.item_id, table.c.content).where(
        among(tx, table.c.item_id, covered), table.c.kind.in_(TITLED), table.c.to_edition.is_(None)
    )
    rows = await tx.rows(query)
    return {row["item_id"]: row["content"]["title"] or row["content"]["statement"] for row in rows}
