"""Bus in: what the registry and the catalog tell becomes what is known here, and rows that waited for it go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Table, delete

from services.adoption import tables
from services.adoption.importers import fedramp
from services.adoption.store import figures
from services.adoption.store.figures import Told
from shared.bus.port import Bus
from shared.contracts.catalog import MarketplaceFact, OfferingFact, StandardPublished, StandardSuperseded, VehicleFact
from shared.contracts.envelope import Event
from shared.contracts.fact import FACTS
from shared.contracts.registry import CorrectiveActionFact, DesignationFact, OrganizationFact, PostFact
from shared.db import Database, Transaction, among, insert_many, upsert
from shared.inbox import Consumer, Handler

GROUP = "adoption"
# Its own facts too: figures are made of them.
TOPICS = ("qsmo.registry", "qsmo.catalog", "qsmo.adoption")
_COMPARED = {"status", "impact_level"}
_CURATED = "published"


def follower(db: Database, bus: Bus, *, member: str = "0") -> Consumer:
    """The consumer of every owner's facts."""
    return Consumer(name=GROUP, db=db, bus=bus, topics=TOPICS, tables=tables.inbox, handlers=handlers(), member=member)


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
    """Each fact tells the whole offering: the last one of each counts, and what each revision was."""
    told = [(OfferingFact.from_json(event.data), event.aggregate_version) for event in events]
    latest = {fact.offering_id: (fact, version) for fact, version in told}
    found = [fact for fact, _ in latest.values()]
    published = {(fact.offering_id, fact.revision): fact for fact, _ in told if fact.status == _CURATED}
    await upsert(tx, tables.known_offerings, [_offering_row(fact, version) for fact, version in latest.values()])
    await upsert(tx, tables.known_revisions, [_revision_row(fact) for fact in published.values()])
    areas = [
        {"offering_id": fact.offering_id, "focus_area": area} for fact in found for area in dict.fromkeys(fact.focus_areas)
    ]
    await _replace(tx, tables.known_offering_areas, "offering_id", [fact.offering_id for fact in found], areas)
    await fedramp.take_up(tx, offering_codes=[fact.code for fact in found if fact.revision > 0])


def _offering_row(fact: OfferingFact, version: int) -> dict[str, Any]:
    return {
        "id": fact.offering_id,
        "code": fact.code,
        "name": fact.name,
        "status": fact.status,
        "revision": fact.revision,
        "focus_areas": list(fact.focus_areas),
        "provider_name": fact.provider_name,
        "kind": fact.kind,
        "authorization": fact.authorization.model_dump(include=_COMPARED) if fact.authorization else None,
        "fit": fact.fit.model_dump(mode="json") if fact.fit else None,
        "fact_version": version,
        "provider_id": fact.provider_id,
    }


def _revision_row(fact: OfferingFact) -> dict[str, Any]:
    document = {
        "name": fact.name,
        "provider": fact.provider_name,
        "authorization": fact.authorization.model_dump(include=_COMPARED) if fact.authorization else {},
        "fit": fact.fit.model_dump(mode="json") if fact.fit else {},
    }
    return {"offering_id": fact.offering_id, "revision": fact.revision, "document": document}


async def follow_vehicles(tx: Transaction, events: Sequence[Event]) -> None:
    """Each fact tells the whole vehicle: the last one of each counts."""
    latest = {event.subject: VehicleFact.from_json(event.data) for event in events}
    await upsert(tx, tables.known_vehicles, [_vehicle_row(fact) for fact in latest.values()])


def _vehicle_row(fact: VehicleFact) -> dict[str, Any]:
    return {
        "id": fact.vehicle_id,
        "number": fact.number,
        "status": fact.status,
        "ordering_from": fact.ordering_from,
        "ordering_to": fact.ordering_to,
        "is_full": fact.ceiling is not None and Decimal(fact.obligated) >= Decimal(fact.ceiling),
        "eligible": list(fact.eligible),
    }


async def follow_standards(tx: Transaction, events: Sequence[Event]) -> None:
    """The activities of each area's standards: those of the newest edition, none of a superseded one."""
    latest = {event.subject: StandardPublished.from_json(event.data) for event in events}
    rows = [
        {"standard_id": fact.standard_id, "id": activity.id, "title": activity.title, "focus_area": fact.focus_area}
        for fact in latest.values()
        if fact.focus_area is not None
        for activity in fact.activities
    ]
    await _replace(tx, tables.known_activities, "standard_id", list(latest), rows)


async def forget_standards(tx: Transaction, events: Sequence[Event]) -> None:
    await _replace(tx, tables.known_activities, "standard_id", [event.subject for event in events], [])


async def follow_posts(tx: Transaction, events: Sequence[Event]) -> None:
    """Who signs for an agency."""
    latest = {event.subject: PostFact.from_json(event.data) for event in events}
    await upsert(tx, tables.known_posts, [_post_row(fact) for fact in latest.values()])


def _post_row(fact: PostFact) -> dict[str, Any]:
    return {
        "id": fact.post,
        "kind": fact.kind,
        "organization_id": fact.organization_id,
        "state": fact.state,
        "holder_name": fact.holder_name,
        "subject": fact.subject,
        "delegations": [each.model_dump(mode="json") for each in fact.delegations],
    }


async def follow_designations(tx: Transaction, events: Sequence[Event]) -> None:
    """Each fact tells the designation as it is."""
    latest = {event.subject: DesignationFact.from_json(event.data) for event in events}
    rows = [
        {"id": fact.designation_id, "focus_area": fact.focus_area, "service": fact.service, "status": fact.status}
        for fact in latest.values()
    ]
    await upsert(tx, tables.known_designations, rows)


async def follow_corrective_actions(tx: Transaction, events: Sequence[Event]) -> None:
    """Of those that answer a finding, the last state of each."""
    told = [CorrectiveActionFact.from_json(event.data) for event in events]
    rows = {
        action.finding_id: {
            "finding_id": action.finding_id,
            "plan_id": fact.plan_id,
            "action_id": action.id,
            "status": action.status,
            "owner": action.owner,
            "due_on": action.due_on,
        }
        for fact in told
        if (action := fact.corrective_action).finding_id is not None
    }
    await upsert(tx, tables.known_corrections, list(rows.values()))


async def follow_marketplaces(tx: Transaction, events: Sequence[Event]) -> None:
    latest = {event.subject: MarketplaceFact.from_json(event.data) for event in events}
    rows = {fact.focus_area: {"focus_area": fact.focus_area, "status": fact.status} for fact in latest.values()}
    await upsert(tx, tables.known_marketplaces, list(rows.values()))


async def follow_own(tx: Transaction, events: Sequence[Event]) -> None:
    """What this service published itself: figures are made of it."""
    await figures.apply(
        tx,
        [
            Told(
                event_id=event.id,
                type=event.type,
                subject=event.subject,
                version=event.aggregate_version,
                at=datetime.fromisoformat(event.time),
                data=event.data,
            )
            for event in events
        ],
    )


async def _replace(
    tx: Transaction, table: Table, column: str, owners: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    """The rows of these owners are these now."""
    await tx.execute(delete(table).where(among(tx, table.c[column], owners)))
    await insert_many(tx, table, rows)


def handlers() -> Mapping[str, Handler]:
    """By event type: every fact of what others own and is referred to here."""
    organizations = {kind.TYPE: follow_organizations for kind in OrganizationFact.__subclasses__()}
    offerings = {kind.TYPE: follow_offerings for kind in OfferingFact.__subclasses__()}
    vehicles = {kind.TYPE: follow_vehicles for kind in VehicleFact.__subclasses__()}
    standards = {StandardPublished.TYPE: follow_standards, StandardSuperseded.TYPE: forget_standards}
    posts = {kind.TYPE: follow_posts for kind in PostFact.__subclasses__()}
    designations = {kind.TYPE: follow_designations for kind in DesignationFact.__subclasses__()}
    marketplaces = {kind.TYPE: follow_marketplaces for kind in MarketplaceFact.__subclasses__()}
    corrections = {kind.TYPE: follow_corrective_actions for kind in CorrectiveActionFact.__subclasses__()}
    own = {type_: follow_own for type_ in FACTS if figures.source_of(type_)}
    roots = {**organizations, **posts, **designations, **corrections}
    return {**roots, **offerings, **vehicles, **standards, **marketplaces, **own}
