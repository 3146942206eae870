"""What is known here of organizations and offerings, by id and by code."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, select

from services.adoption import store, tables
from services.adoption.store import KnownOffering, KnownOrganization
from shared.db import Row, Transaction

_CHUNK = 500


async def _matching(
    tx: Transaction, query: Select[Any], column: ColumnElement[str], values: Collection[str]
) -> AsyncIterator[Sequence[Row]]:
    wanted = sorted(set(values))
    for start in range(0, len(wanted), _CHUNK):
        yield await tx.rows(query.where(column.in_(wanted[start : start + _CHUNK])))


async def organizations_by_id(tx: Transaction, ids: Collection[str]) -> dict[str, KnownOrganization]:
    table = tables.known_organizations
    batches = _matching(tx, select(table), table.c.id, ids)
    return {row["id"]: store.known_organization(row) async for rows in batches for row in rows}


async def organizations_by_code(tx: Transaction, scheme: str, values: Collection[str]) -> dict[str, KnownOrganization]:
    """By the code's value."""
    organizations, codes = tables.known_organizations, tables.known_codes
    joined = codes.join(organizations, codes.c.organization_id == organizations.c.id)
    query = select(codes.c.value, organizations).select_from(joined).where(codes.c.scheme == scheme)
    query = query.order_by(organizations.c.id)
    found: dict[str, KnownOrganization] = {}
    async for rows in _matching(tx, query, codes.c.value, values):
        for row in rows:
            known = {name: value for name, value in row.items() if name != "value"}
            found[row["value"]] = store.known_organization(known)
    return found


async def offerings_by_id(tx: Transaction, ids: Collection[str]) -> dict[str, KnownOffering]:
    return await _offerings(tx, tables.known_offerings.c.id, ids)


async def offerings_by_code(tx: Transaction, codes: Collection[str]) -> dict[str, KnownOffering]:
    """By code; only those that may be referred to."""
    found = await _offerings(tx, tables.known_offerings.c.code, codes)
    return {code: offering for code, offering in found.items() if offering.revision > 0}


async def _offerings(tx: Transaction, column: ColumnElement[str], values: Collection[str]) -> dict[str, KnownOffering]:
    table = tables.known_offerings
    batches = _matching(tx, select(table).order_by(table.c.revision, table.c.id), column, values)
    return {row[column.key]: store.known_offering(row) async for rows in batches for row in rows}
