"""What a purchase outside the marketplace rests on: where its areas stand, who signs for its agency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, or_, select, true

from services.adoption import tables
from services.adoption.domain.iap_need import AreaStanding
from services.adoption.domain.shortlist import Outcome
from services.adoption.policy import Reach
from services.adoption.queries.known import offerings_by_id
from shared.db import Transaction, among

REGULATED = ("pre_designated", "designated", "suspended")
_LEVELS_MAX = 12


def seen_iaps(reach: Reach) -> ColumnElement[bool]:
    table = tables.iaps
    if reach.everything:
        return true()
    of_areas = (table.c.areas.contains(f" {area} ", autoescape=True) for area in reach.areas)
    return or_(table.c.organization_id.in_(reach.organizations), *of_areas)


async def area_standings(tx: Transaction, areas: Sequence[str]) -> list[AreaStanding]:
    """In the order of `areas`."""
    designations, marketplaces, thresholds = tables.known_designations, tables.known_marketplaces, tables.iap_thresholds
    regulated = await tx.rows(
        select(designations.c.focus_area)
        .where(among(tx, designations.c.focus_area, areas), designations.c.status.in_(REGULATED))
        .distinct()
    )
    opened = await tx.rows(
        select(marketplaces.c.focus_area).where(among(tx, marketplaces.c.focus_area, areas), marketplaces.c.status == "open")
    )
    rows = await tx.rows(select(thresholds.c.focus_area, thresholds.c.amount).where(among(tx, thresholds.c.focus_area, areas)))
    set_ = {row["focus_area"]: Decimal(row["amount"]) for row in rows}
    in_force, with_market = ({row["focus_area"] for row in found} for found in (regulated, opened))
    return [
        AreaStanding(
            focus_area=area,
            regulated=area in in_force,
            marketplace_open=area in with_market,
            threshold=set_.get(area),
        )
        for area in areas
    ]


async def with_all_above(tx: Transaction, organization_id: str) -> list[dict[str, Any]]:
    """The organization and those above it, from below."""
    table = tables.known_organizations
    found: list[dict[str, Any]] = []
    wanted: str | None = organization_id
    while wanted is not None and len(found) < _LEVELS_MAX:
        row = await tx.row(select(table).where(table.c.id == wanted))
        if row is None:
            break
        found.append(dict(row))
        wanted = row["parent_id"]
    return found


async def is_of_cfo_act(tx: Transaction, organization_id: str) -> bool:
    """The agency itself, or one above it."""
    return any(row["cfo_act"] for row in await with_all_above(tx, organization_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """`post` is None when none is on record; `acting_for` names the holder whose delegate `subject` is."""

    post: str | None
    may: bool
    why: str
    acting_for: str | None = None


async def signer(tx: Transaction, organization_id: str, kind: str, *, subject: str, on: date) -> Signer:
    """Whether the person fills the agency's post of this kind on the day: that of the nearest organization that has one."""
    table = tables.known_posts
    chain = [row["id"] for row in await with_all_above(tx, organization_id)]
    rows = await tx.rows(select(table).where(among(tx, table.c.organization_id, chain), table.c.kind == kind))
    of = {row["organization_id"]: row for row in rows}
    row = next((of[id_] for id_ in chain if id_ in of), None)
    if row is None:
        return Signer(post=None, may=False, why=f"the post {kind} of {organization_id} on record (it is vacant)")
    for each in row["delegations"]:
        if each["to"] == subject and each["begins_on"] <= on.isoformat() <= each["ends_on"]:
            return Signer(post=row["id"], may=True, why="", acting_for=row["holder_name"] or row["id"])
    if row["state"] != "filled":
        return Signer(post=row["id"], may=False, why=f"the post {row['id']} filled or delegated (it is vacant)")
    if row["subject"] != subject:
        return Signer(post=row["id"], may=False, why=f"the holder of the post {row['id']}, or a delegate")
    return Signer(post=row["id"], may=True, why="")


async def taken_solution(tx: Transaction, shortlist_id: str | None) -> str | None:
    """The code of the offering that the shortlist was decided for."""
    table = tables.shortlists
    row = await tx.row(select(table.c.decision).where(table.c.id == shortlist_id)) if shortlist_id else None
    decision = (row or {}).get("decision")
    if not decision or decision["outcome"] != Outcome.SELECTED.value:
        return None
    offering = (await offerings_by_id(tx, [decision["offering_id"]])).get(decision["offering_id"])
    return offering.code if offering else str(decision["offering_id"])
