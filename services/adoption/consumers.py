"""Bus in: what the registry and the catalog tell becomes what is known here, and rows that waited for it go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, delete

from services.adoption import tables
from services.adoption.importers import fedramp
from shared.contracts.catalog import OfferingFact
from shared.contracts.envelope import Event
from shared.contracts.registry import OrganizationFact
from shared.db import Transaction, among, insert_many, upsert
from shared.inbox import Handler

GROUP = "adoption"
TOPICS = ("qsmo.registry", "qsmo.catalog")


async def follow_organizations(tx: Transaction, events: Sequence[Event]) -> None:
    """Each fact tells the whole organization: the last one of each counts."""
    latest = {event.subject: OrganizationFact.from_json(event.data) for event in events}
    found = list(latest.values())
    await upsert(tx, tables.known_organizations, [_organization_row(fact) for fact in found])
    codes = [_code_row(fact, scheme, value) for fact in found for scheme, value in _codes(fact)]
    await _replace(tx, tables.known_codes, "organization_id", [fact.organization_id for fact in found], codes)
    await fedramp.take_up(tx, fedramp_codes=[code["value"] for code in codes if code["scheme"] == fedramp.SCHEME])


def _organization_row(fact: OrganizationFact) -> dict[str, Any]:
    return {
        "id": fact.organization_id,
        "name": fact.name,
        "parent_id": fact.parent_id,
        "kind": fact.kind,
        "cfo_act": fact.cfo_act,
        "valid_to": fact.valid_to,
    }


def _codes(fact: OrganizationFact) -> dict[tuple[str, str], None]:
    return {(code.scheme, code.value): None for code in fact.codes}


def _code_row(fact: OrganizationFact, scheme: str, value: str) -> dict[str, str]:
    return {"scheme": scheme, "value": value, "organization_id": fact.organization_id}


async def follow_offerings(tx: Transaction, events: Sequence[Event]) -> None:
    """Each fact tells the whole offering: the last one of each counts."""
    found = [OfferingFact.from_json(data) for data in {event.subject: event.data for event in events}.values()]
    await upsert(tx, tables.known_offerings, [_offering_row(fact) for fact in found])
    areas = [
        {"offering_id": fact.offering_id, "focus_area": area} for fact in found for area in dict.fromkeys(fact.focus_areas)
    ]
    await _replace(tx, tables.known_offering_areas, "offering_id", [fact.offering_id for fact in found], areas)
    await fedramp.take_up(tx, offering_codes=[fact.code for fact in found if fact.revision > 0])


def _offering_row(fact: OfferingFact) -> dict[str, Any]:
    return {
        "id": fact.offering_id,
        "code": fact.code,
        "name": fact.name,
        "status": fact.status,
        "revision": fact.revision,
        "focus_areas": list(fact.focus_areas),
        "provider_name": fact.provider_name,
    }


async def _replace(tx: Transaction, table: Table, column: str, owners: Sequence[str], rows: list[dict[str, str]]) -> None:
    """The rows of these owners are these now."""
    await tx.execute(delete(table).where(among(tx, table.c[column], owners)))
    await insert_many(tx, table, rows)


def handlers() -> Mapping[str, Handler]:
    """By event type: every fact of an organization and of an offering."""
    organizations = {kind.TYPE: follow_organizations for kind in OrganizationFact.__subclasses__()}
    offerings = {kind.TYPE: follow_offerings for kind in OfferingFact.__subclasses__()}
    return {**organizations, **offerings}
