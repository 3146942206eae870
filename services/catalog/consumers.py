"""Bus in: the catalog follows designations, focus areas and organizations, who adopts what, and how they rate it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date
from typing import Any

from sqlalchemy import select

from services.catalog import tables
from services.catalog.commands import marketplaces, providers
from services.catalog.domain.marketplace import Designation
from services.catalog.domain.provider import key_of
from shared.bus.port import Bus
from shared.contracts import adoption, oversight
from shared.contracts import registry as contracts
from shared.contracts.envelope import Event
from shared.contracts.fact import Visibility
from shared.db import Database, Transaction, upsert
from shared.inbox import Consumer

_DESIGNATION_FACTS = (
    contracts.DesignationResearched,
    contracts.DesignationPreDesignated,
    contracts.DesignationDesignated,
    contracts.DesignationTransferred,
    contracts.DesignationSuspended,
    contracts.DesignationReinstated,
    contracts.DesignationRevoked,
)
# Of those that change who uses what, since when, and in which revision.
_ADOPTION_FACTS = (
    adoption.AdoptionStarted,
    adoption.AdoptionWentLive,
    adoption.AdoptionAuthorizationRecorded,
    adoption.AdoptionRevisionAccepted,
    adoption.AdoptionWithdrawn,
    adoption.AdoptionCompleted,
)
_CHUNK = 400


def follower(db: Database, bus: Bus, *, member: str = "0") -> Consumer:
    """The consumer of `qsmo.registry` and `qsmo.adoption`."""
    return Consumer(
        name="catalog",
        db=db,
        bus=bus,
        topics=["qsmo.registry", "qsmo.adoption"],
        tables=tables.inbox,
        handlers={
            **{fact.TYPE: designations_moved for fact in _DESIGNATION_FACTS},
            contracts.FocusAreaRegistered.TYPE: focus_areas_told,
            contracts.FocusAreaChanged.TYPE: focus_areas_told,
            contracts.OrganizationRegistered.TYPE: organizations_told,
            contracts.OrganizationChanged.TYPE: organizations_told,
            contracts.OrganizationMerged.TYPE: organizations_told,
            contracts.OrganizationSplit.TYPE: organizations_told,
            contracts.OrganizationDissolved.TYPE: organizations_told,
            **{fact.TYPE: adoptions_told for fact in _ADOPTION_FACTS},
            oversight.FeedbackGiven.TYPE: feedback_told,
        },
        member=member,
    )


async def focus_areas_told(tx: Transaction, events: Sequence[Event]) -> None:
    """Titles, services and opening days; the day may have come already."""
    latest = {event.subject: event for event in events}
    facts = {area: contracts.FocusAreaFact.from_json(event.data) for area, event in latest.items()}
    rows = [
        {
            "id": area,
            "title": fact.title,
            "services": {service.slug: service.title for service in fact.services},
            "opens_on": fact.marketplace_opens_on,
        }
        for area, fact in facts.items()
    ]
    await upsert(tx, tables.focus_areas, rows)
    await marketplaces.settle(tx, latest, because=latest)


async def organizations_told(tx: Transaction, events: Sequence[Event]) -> None:
    """Names; a provider of the same name is linked."""
    latest = {event.subject: contracts.OrganizationFact.from_json(event.data) for event in events}
    rows: list[dict[str, Any]] = [
        {
            "id": id_,
            "name": fact.name,
            "key": key_of(fact.name),
            "parent_id": fact.parent_id,
            "codes": [code.value for code in fact.codes],
        }
        for id_, fact in latest.items()
    ]
    await upsert(tx, tables.organizations, rows)
    await providers.link_organizations(tx, await providers.organizations_named(tx, [row["key"] for row in rows]))


async def designations_moved(tx: Transaction, events: Sequence[Event]) -> None:
    """Remember where each designation stands, then let the marketplaces of their areas follow."""
    known = await _known(tx, {event.subject for event in events})
    changed: dict[str, Designation] = {}
    because: dict[str, Event] = {}
    for event in events:
        told = _told(event)
        before = known.get(event.subject)
        known[event.subject] = changed[event.subject] = _after(before, told)
        because[told.focus_area] = event
        if isinstance(told, contracts.DesignationTransferred) and told.successor_id not in known:
            known |= await _known(tx, {told.successor_id})
            if told.successor_id not in known:
                known[told.successor_id] = changed[told.successor_id] = _successor(told)
    await upsert(tx, tables.designations, [asdict(designation) for designation in changed.values()])
    await marketplaces.settle(tx, because, because=because)


async def adoptions_told(tx: Transaction, events: Sequence[Event]) -> None:
    """Each fact tells the whole adoption: the last one of each counts."""
    latest = {event.subject: event for event in events}
    await upsert(tx, tables.offering_uses, [_use(event) for event in latest.values()])


def _use(event: Event) -> dict[str, Any]:
    fact = adoption.AdoptionFact.from_json(event.data)
    ended = fact.status == "withdrawn"
    return {
        "adoption_id": fact.adoption_id,
        "offering_id": fact.offering_id,
        "agency_id": fact.agency_id,
        "agency_name": fact.agency_name,
        "revision": fact.offering_revision,
        "since": fact.live_on,
        "until": (fact.effective_on or date.fromisoformat(event.time[:10])) if ended else None,
        "is_public": fact.visibility_level() is Visibility.PUBLIC,
    }


async def feedback_told(tx: Transaction, events: Sequence[Event]) -> None:
    """Ratings stay as they were given, whatever is replied or hidden later."""
    await upsert(tx, tables.offering_ratings, [row for event in events for row in _ratings(event)])


def _ratings(event: Event) -> list[dict[str, Any]]:
    fact = oversight.FeedbackFact.from_json(event.data)
    given = {
        "feedback_id": fact.feedback_id,
        "offering_id": fact.offering_id,
        "quarter": fact.quarter,
        "given_on": date.fromisoformat(event.time[:10]),
    }
    return [{**given, "dimension": dimension, "rating": rating} for dimension, rating in fact.ratings.items()]


def _told(event: Event) -> contracts.DesignationFact:
    transferred = event.type == contracts.DesignationTransferred.TYPE
    return (contracts.DesignationTransferred if transferred else contracts.DesignationFact).from_json(event.data)


async def _known(tx: Transaction, ids: set[str]) -> dict[str, Designation]:
    table = tables.designations
    wanted = sorted(ids)
    found: dict[str, Designation] = {}
    for start in range(0, len(wanted), _CHUNK):
        rows = await tx.rows(select(table).where(table.c.id.in_(wanted[start : start + _CHUNK])))
        found.update((row["id"], Designation(**row)) for row in rows)
    return found


def _after(before: Designation | None, told: contracts.DesignationFact) -> Designation:
    first = before.designated_on if before else None
    return Designation(
        id=told.designation_id,
        focus_area=told.focus_area,
        service=told.service,
        organization_id=told.organization_id,
        status=told.status,
        effective_on=told.effective_on,
        designated_on=first or (told.effective_on if told.status == "designated" else None),
    )


def _successor(told: contracts.DesignationTransferred) -> Designation:
    """A transfer tells of its successor before the successor's own fact arrives: no marketplace closes in between."""
    ended = _after(None, told)
    return replace(ended, id=told.successor_id, organization_id=None, status="pre_designated", designated_on=None)
