"""Marketplaces, and what is remembered of the areas and designations they follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select

from services.catalog import tables
from services.catalog.domain.marketplace import Designation, Marketplace, Status
from shared.db import Row, Transaction
from shared.outbox import AggregateStore

_STATUSES = select(tables.marketplaces.c.id, tables.marketplaces.c.status)
_AREAS = select(tables.focus_areas)


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A focus area as the registry told of it; `services`: slug → title."""

    id: str
    title: str
    services: dict[str, str]
    opens_on: date | None


def _marketplace(row: Row) -> Marketplace:
    return Marketplace(id=row["id"], version=row["version"], status=Status(row["status"]), opened_on=row["opened_on"])


def _marketplace_row(marketplace: Marketplace) -> dict[str, Any]:
    return {"status": marketplace.status.value, "opened_on": marketplace.opened_on}


marketplaces = AggregateStore(
    source="/catalog",
    name="marketplace",
    table=tables.marketplaces,
    outbox=tables.outbox,
    to_row=_marketplace_row,
    from_row=_marketplace,
)


async def marketplace_statuses(tx: Transaction) -> dict[str, Status]:
    """Area → status, of every marketplace: there are a handful."""
    return {row["id"]: Status(row["status"]) for row in await tx.rows(_STATUSES)}


def area(row: Row) -> Area:
    return Area(**row)


async def areas(tx: Transaction) -> dict[str, Area]:
    return {row["id"]: area(row) for row in await tx.rows(_AREAS)}


async def designations_of(tx: Transaction, focus_areas: Sequence[str]) -> list[Designation]:
    table = tables.designations
    query = select(table).where(table.c.focus_area.in_(focus_areas)).order_by(table.c.service, table.c.id)
    return [Designation(**row) for row in await tx.rows(query)]
