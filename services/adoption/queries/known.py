"""What is known here of organizations and offerings, by id and by code."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Column, select

from services.adoption import store, tables
from services.adoption.store import KnownOffering, KnownOrganization
from shared.db import Transaction, among


async def organizations_by_id(tx: Transaction, ids: Collection[str]) -> dict[str, KnownOrganization]:
    table = tables.known_organizations
    rows = await tx.rows(select(table).where(among(tx, table.c.id, ids)))
    return {row["id"]: store.known_organization(row) for row in rows}


async def organizations_by_code(tx: Transaction, scheme: str, values: Collection[str]) -> dict[str, KnownOrganization]:
    """By the code's value."""
    organizations, codes = tables.known_organizations, tables.known_codes
    joined = codes.join(organizations, codes.c.organization_id == organizations.c.id)
    query = select(codes.c.value, organizations).select_from(joined).where(codes.c.scheme == scheme)
    found: dict[str, KnownOrganization] = {}
    for row in await tx.rows(query.where(among(tx, codes.c.value, values)).order_by(organizations.c.id)):
        known = {name: value for name, value in row.items() if name != "value"}
        found[row["value"]] = store.known_organization(known)
    return found


async def offerings_by_id(tx: Transaction, ids: Collection[str]) -> dict[str, KnownOffering]:
    return await _offerings(tx, tables.known_offerings.c.id, ids)


async def offerings_by_code(tx: Transaction, codes: Collection[str]) -> dict[str, KnownOffering]:
    """By code; only those that may be referred to."""
    found = await _offerings(tx, tables.known_offerings.c.code, codes)
    return {code: offering for code, offering in found.items() if offering.revision > 0}


async def _offerings(tx: Transaction, column: Column[str], values: Collection[str]) -> dict[str, KnownOffering]:
    table = tables.known_offerings
    rows = await tx.rows(select(table).where(among(tx, column, values)).order_by(table.c.revision, table.c.id))
    return {row[column.key]: store.known_offering(row) for row in rows}


async def known_areas(tx: Transaction) -> list[str]:
    """Focus areas that have offerings."""
    table = tables.known_offering_areas
    return [row["focus_area"] for row in await tx.rows(select(table.c.focus_area).distinct().order_by(table.c.focus_area))]
