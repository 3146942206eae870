"""Acquisition vehicles, and what publishing an offering depends on."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from services.catalog import tables
from services.catalog.domain.offering import Surroundings
from services.catalog.domain.vehicle import Kind, Status, Terms, Vehicle, hindrances
from services.catalog.store.marketplaces import marketplace_statuses
from shared.db import Row, Transaction
from shared.outbox import AggregateStore


def _vehicle(row: Row) -> Vehicle:
    return Vehicle(
        id=row["id"],
        version=row["version"],
        number=row["number"],
        status=Status(row["status"]),
        terms=_terms(row["terms"]),
        obligated=Decimal(row["obligated"]),
        told=tuple(row["told"]),
    )


def _terms(found: dict[str, Any]) -> Terms:
    return Terms(
        **{
            **found,
            "kind": Kind(found["kind"]),
            "ordering_from": _day(found["ordering_from"]),
            "ordering_to": _day(found["ordering_to"]),
            "ceiling": Decimal(found["ceiling"]) if found["ceiling"] else None,
            "eligible": tuple(found["eligible"]),
            "steps": tuple(found["steps"]),
        }
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _vehicle_row(vehicle: Vehicle) -> dict[str, Any]:
    terms = vehicle.terms
    return {
        "number": vehicle.number,
        "status": vehicle.status.value,
        "kind": terms.kind.value,
        "ordering_to": terms.ordering_to,
        "obligated": str(vehicle.obligated),
        "terms": {
            "title": terms.title,
            "kind": terms.kind.value,
            "holder": terms.holder,
            "ordering_from": terms.ordering_from.isoformat() if terms.ordering_from else None,
            "ordering_to": terms.ordering_to.isoformat() if terms.ordering_to else None,
            "ceiling": str(terms.ceiling) if terms.ceiling is not None else None,
            "eligible": list(terms.eligible),
            "steps": list(terms.steps),
            "contact": terms.contact,
            "website": terms.website,
        },
        "told": list(vehicle.told),
    }


vehicles = AggregateStore(
    source="/catalog",
    name="vehicle",
    table=tables.vehicles,
    outbox=tables.outbox,
    to_row=_vehicle_row,
    from_row=_vehicle,
)


async def surroundings(tx: Transaction) -> Surroundings:
    """What publishing depends on, today. There are a handful of marketplaces, and some hundred vehicles at most."""
    active = await tx.rows(select(tables.vehicles).where(tables.vehicles.c.status == Status.ACTIVE.value))
    found = [_vehicle(row) for row in active]
    orderable = frozenset(vehicle.number for vehicle in found if not hindrances(vehicle, on=tx.at.date()))
    return Surroundings(marketplaces=await marketplace_statuses(tx), orderable=orderable)
