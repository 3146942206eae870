"""Acquisition vehicles, and what publishing an offering depends on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from services.catalog import tables
from services.catalog.domain.content import Content
from services.catalog.domain.offering import Surroundings, orders_under
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


async def surroundings(tx: Transaction, contents: Iterable[Content]) -> Surroundings:
    """What publishing any of these depends on, today."""
    numbers = sorted({number for content in contents for number in orders_under(content)})
    named = await vehicles.find_by(tx, "number", numbers)
    orderable = frozenset(
        vehicle.number for vehicle in named if vehicle.status is Status.ACTIVE and not hindrances(vehicle, on=tx.at.date())
    )
    return Surroundings(marketplaces=await marketplace_statuses(tx), orderable=orderable)
