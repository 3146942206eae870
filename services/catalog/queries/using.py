"""What an agency uses today, as far as the caller may know."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date
from typing import Any

from sqlalchemy import Select, or_, select

from services.catalog import tables
from shared.auth import Principal
from shared.contracts.fact import Visibility
from shared.db import Transaction


async def offerings_used(tx: Transaction, agency_id: str, *, on: date, by: Principal) -> Select[Any]:
    """Their ids, as `Principal.may_see` judges the facts of adoption."""
    c, areas = tables.offering_uses.c, tables.offering_areas.c
    used = select(c.offering_id).where(c.agency_id == agency_id, c.since <= on, or_(c.until.is_(None), c.until > on))
    if by.may_see(Visibility.RESTRICTED, focus_area=None, agency_codes=frozenset()):
        return used
    if agency_id in await covered(tx, by.scopes("agency")):
        return used
    led = select(areas.offering_id).where(areas.focus_area.in_(by.scopes("qsmo")))
    return used.where(c.is_public | c.offering_id.in_(led))


async def vehicles_used(tx: Transaction, agency_id: str, *, on: date, by: Principal) -> set[str]:
    """Numbers of the vehicles under which those offerings are bought."""
    table = tables.offerings
    rows = await tx.rows(select(table.c.content).where(table.c.id.in_(await offerings_used(tx, agency_id, on=on, by=by))))
    return {number for row in rows for number in row["content"].get("vehicles", ())}


async def covered(tx: Transaction, scopes: Collection[str]) -> list[str]:
    """The organizations that a scope names, by id or code, and all below them."""
    if not scopes:
        return []
    c = tables.organizations.c
    below: dict[str | None, list[str]] = defaultdict(list)
    found: list[str] = []
    for row in await tx.rows(select(c.id, c.parent_id, c.codes)):
        below[row["parent_id"]].append(row["id"])
        if not {row["id"], *(row["codes"] or ())}.isdisjoint(scopes):
            found.append(row["id"])
    for id_ in found:
        found += [child for child in below.pop(id_, ()) if child not in found]
    return found
