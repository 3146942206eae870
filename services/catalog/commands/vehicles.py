"""Acquisition vehicles: registered, changed, ordered under, told of before they end."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import select

from services.catalog import facts, store, tables
from services.catalog.domain import vehicle as domain
from services.catalog.domain.notice import AHEAD_DAYS
from services.catalog.domain.vehicle import Status, Terms, Vehicle
from services.catalog.policy import require_for_vehicle
from shared.auth import Principal
from shared.contracts import catalog as contracts
from shared.db import Transaction
from shared.kernel.errors import Conflict, Invalid, StaleVersion
from shared.kernel.ids import new_id
from shared.kernel.time import days_after


async def register_vehicle(tx: Transaction, *, number: str, terms: Terms, by: Principal) -> Vehicle:
    """Raises Forbidden; Invalid for an unknown organization; Conflict when the number is taken; RuleViolation."""
    require_for_vehicle(by, "register")
    await _check_organizations(tx, terms)
    if await store.vehicles.find_by(tx, "number", [number]):
        raise Conflict(f"There is a vehicle with the number {number!r}.", code="exists")
    begun = domain.register(id=new_id(), number=number, terms=terms)
    return await store.vehicles.add(tx, begun, facts.vehicle(contracts.VehicleRegistered, begun))


async def change_vehicle(tx: Transaction, id: str, terms: Terms, *, expected_version: int, by: Principal) -> Vehicle:
    """Raises Forbidden, NotFound, StaleVersion, Invalid, RuleViolation."""
    require_for_vehicle(by, "change")
    current = _at_version(await store.vehicles.get(tx, id), expected_version)
    await _check_organizations(tx, terms)
    changed = domain.change(current, terms, on=tx.at.date())
    if changed == current:
        return current
    return await store.vehicles.save(tx, changed, facts.vehicle(contracts.VehicleChanged, changed))


async def order_under_vehicle(
    tx: Transaction,
    id: str,
    *,
    amount: Decimal,
    agency_id: str,
    offering_id: str | None,
    expected_version: int,
    by: Principal,
) -> Vehicle:
    """Raises Forbidden, NotFound, StaleVersion, Invalid for unknown references, RuleViolation with what is missing."""
    lineage = await agency_and_above(tx, agency_id)
    require_for_vehicle(by, "order", agency=lineage)
    current = _at_version(await store.vehicles.get(tx, id), expected_version)
    if offering_id is not None:
        await _check_orderable(tx, current, offering_id)
    ordered = domain.order(current, amount, on=tx.at.date(), agency=lineage)
    fact = facts.vehicle(contracts.VehicleOrdered, ordered, amount=str(amount), agency_id=agency_id, offering_id=offering_id)
    return await store.vehicles.save(tx, ordered, fact)


async def agency_and_above(tx: Transaction, agency_id: str) -> frozenset[str]:
    """The ids and codes, of every scheme, of the organization and those above it. Raises Invalid when it is not known."""
    table = tables.organizations
    found: list[str] = []
    next_id: str | None = agency_id
    while next_id is not None and next_id not in found:
        row = await tx.row(select(table.c.id, table.c.parent_id, table.c.codes).where(table.c.id == next_id))
        if row is None:
            break
        found += [row["id"], *(row["codes"] or ())]
        next_id = row["parent_id"]
    if not found:
        raise Invalid.at("/agency_id", f"There is no organization {agency_id!r}.", code="unknown-reference")
    return frozenset(found)


async def tell_of_ends(tx: Transaction) -> None:
    """Expire what is over, and give the notices of an end that are due, each once."""
    table = tables.vehicles
    soon = table.c.ordering_to <= days_after(tx.at.date(), max(AHEAD_DAYS))
    rows = await tx.rows(select(table).where(table.c.status == Status.ACTIVE.value, soon))
    for vehicle in map(store.vehicles.from_row, rows):
        if domain.is_over(vehicle, on=tx.at.date()):
            expired = domain.expire(vehicle)
            await store.vehicles.save(tx, expired, facts.vehicle(contracts.VehicleExpired, expired))
        elif (due := domain.tell(vehicle, on=tx.at.date())) is not None:
            told, days = due
            await store.vehicles.save(tx, told, facts.vehicle(contracts.VehicleExpiring, told, days=days))


def _at_version(found: Vehicle, expected_version: int) -> Vehicle:
    if found.version != expected_version:
        raise StaleVersion(f"The vehicle is at version {found.version}.", current_version=found.version)
    return found


async def _check_organizations(tx: Transaction, terms: Terms) -> None:
    table = tables.organizations
    known = {row["id"] for row in await tx.rows(select(table.c.id).where(table.c.id.in_(terms.eligible)))}
    for index, id_ in enumerate(terms.eligible):
        if id_ not in known:
            raise Invalid.at(f"/eligible/{index}", f"There is no organization {id_!r}.", code="unknown-reference")


async def _check_orderable(tx: Transaction, vehicle: Vehicle, offering_id: str) -> None:
    found: Any = await store.offerings.find(tx, offering_id)
    if found is None or not found.is_public or vehicle.number not in found.content.vehicles:
        detail = f"No published offering {offering_id!r} names the vehicle {vehicle.number!r}."
        raise Invalid.at("/offering_id", detail, code="unknown-reference")
