"""Adoptions over HTTP."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Annotated

from fastapi import Depends, Query, Response

from services.adoption import policy, queries, schemas
from services.adoption.api import views
from services.adoption.api.analytics_models import AsOf, shown_range
from services.adoption.commands import adoptions as commands
from services.adoption.domain.adoption import Adoption, Status
from services.adoption.domain.figures import DEFINITIONS, Figure
from services.adoption.domain.m3 import Phase
from services.adoption.policy import Reach
from services.adoption.queries import AdoptionFilter
from services.adoption.queries.analytics import SOURCES, ranges
from shared.db import Transaction
from shared.web.edge import Answered, AtEdge, Edge, Listed
from shared.web.paging import Page
from shared.web.routes import Router
from shared.web.wire import Identifier, Slug

router = Router(tags=["adoptions"])


async def _narrowed(
    offering_id: Identifier | None = None,
    area: Annotated[Slug | None, Query(description="A focus area of the offering")] = None,
    phase: Phase | None = None,
    status: Status | None = None,
    source: Annotated[Slug | None, Query(description="`fedramp`: taken over from that public register")] = None,
    stalled: Annotated[bool | None, Query(description="Without progress for longer than is usual in the phase")] = None,
    late: Annotated[bool | None, Query(description="Past the day by which the present phase is to end")] = None,
    as_of: AsOf = None,
) -> AdoptionFilter:
    return AdoptionFilter(
        offering_id=offering_id,
        area=area,
        phase=phase,
        status=status,
        source=source,
        stalled=stalled,
        late=late,
        as_of=as_of,
    )


Narrowed = Annotated[AdoptionFilter, Depends(_narrowed)]


@router.get("/v1/adoptions", response_model=schemas.AdoptionPage)
async def list_adoptions(at: AtEdge, paged: Listed, wanted: Narrowed, agency_id: Identifier | None = None) -> Response:
    """Those the caller may see; `agency_id` means this very organization.

    With `as_of` as their steps and stalls were on that day, without targets and what would be next; names are today's.
    """

    async def query(tx: Transaction) -> Response:
        reach = await policy.reach(tx, at.principal)
        exact = replace(wanted, agency_id=agency_id)
        return await _page(tx, await queries.adoptions(tx, exact, paged, reach=reach), at, reach, exact)

    return await at.read(query)


@router.get("/v1/agencies/{id}/adoptions", response_model=schemas.AdoptionPage)
async def list_agency_adoptions(id: Identifier, at: AtEdge, paged: Listed, wanted: Narrowed) -> Response:
    """Those of the organization and of every one below it."""

    async def query(tx: Transaction) -> Response:
        reach = await policy.reach(tx, at.principal)
        return await _page(tx, await queries.agency_adoptions(tx, id, wanted, paged, reach=reach), at, reach, wanted)

    return await at.read(query)


@router.get("/v1/adoptions/{id}", response_model=schemas.AdoptionShown)
async def show_adoption(id: Identifier, at: AtEdge) -> Response:
    async def query(tx: Transaction) -> Response:
        reach = await policy.reach(tx, at.principal)
        found = await queries.adoption(tx, id, reach=reach)
        (shown,) = await _shown(tx, [found], reach)
        return at.show(shown, version=found.version)

    return await at.read(query)


@router.post("/v1/adoptions", status_code=201, response_model=schemas.AdoptionShown)
async def start_adoption(body: schemas.AdoptionStarted, at: AtEdge) -> Response:
    """By an agency, for itself or an organization below it; one at a time for an offering."""

    async def command(tx: Transaction) -> Answered:
        start = commands.Start(
            organization_id=body.agency_id,
            offering_id=body.offering_id,
            offering_revision=body.offering_revision,
            effective_on=body.effective_on or tx.at.date(),
            reason=body.reason,
        )
        return await answered(tx, await commands.start_adoption(tx, start, by=at.principal), at)

    return await at.write(command, status=201)


@router.post("/v1/adoptions/{id}/advance", response_model=schemas.AdoptionShown)
async def advance_adoption(id: Identifier, body: schemas.AdoptionMoved, at: AtEdge) -> Response:
    """To the next phase. Needs If-Match, as every change."""
    return await _move(at, id, "advance", body)


@router.post("/v1/adoptions/{id}/hold", response_model=schemas.AdoptionShown)
async def hold_adoption(id: Identifier, body: schemas.AdoptionMoved, at: AtEdge) -> Response:
    return await _move(at, id, "hold", body)


@router.post("/v1/adoptions/{id}/resume", response_model=schemas.AdoptionShown)
async def resume_adoption(id: Identifier, body: schemas.AdoptionMoved, at: AtEdge) -> Response:
    """In the phase in which it was held."""
    return await _move(at, id, "resume", body)


@router.post("/v1/adoptions/{id}/withdraw", response_model=schemas.AdoptionShown)
async def withdraw_adoption(id: Identifier, body: schemas.AdoptionMoved, at: AtEdge) -> Response:
    """Refused without a reason."""
    return await _move(at, id, "withdraw", body)


@router.post("/v1/adoptions/{id}/complete", response_model=schemas.AdoptionShown)
async def complete_adoption(id: Identifier, body: schemas.AdoptionMoved, at: AtEdge) -> Response:
    """Only from operations."""
    return await _move(at, id, "complete", body)


@router.post("/v1/adoptions/{id}/accept-revision", response_model=schemas.AdoptionShown)
async def accept_revision(id: Identifier, at: AtEdge) -> Response:
    """Go on with the newest revision of the offering, whatever changed since the one chosen."""

    async def command(tx: Transaction) -> Answered:
        saved = await commands.accept_revision(tx, id, expected_version=at.expected_version(), by=at.principal)
        return await answered(tx, saved, at)

    return await at.write(command)


async def _move(at: Edge, id: str, action: str, body: schemas.AdoptionMoved) -> Response:
    async def command(tx: Transaction) -> Answered:
        saved = await commands.move_adoption(
            tx,
            id,
            action,
            on=body.effective_on or tx.at.date(),
            reason=body.reason,
            expected_version=at.expected_version(),
            by=at.principal,
        )
        return await answered(tx, saved, at)

    return await at.write(command)


async def answered(tx: Transaction, saved: Adoption, at: Edge) -> Answered:
    (shown,) = await _shown(tx, [saved], await policy.reach(tx, at.principal))
    return Answered(shown, saved.version, f"/v1/adoptions/{saved.id}")


async def _page(tx: Transaction, page: Page[Adoption], at: Edge, reach: Reach, wanted: AdoptionFilter) -> Response:
    shown = await _shown(tx, page.items, reach, as_of=wanted.as_of)
    if not wanted.stalled or wanted.as_of is None:
        return at.show_page(page, list(shown))
    told = shown_range((await ranges(tx))[SOURCES[Figure.STALLED]])
    return at.show_page(page, list(shown), definition=DEFINITIONS[Figure.STALLED], range=told.model_dump())


async def _shown(
    tx: Transaction, adoptions: list[Adoption], reach: Reach, *, as_of: date | None = None
) -> list[schemas.AdoptionShown]:
    organizations = await queries.organizations_by_id(tx, {adoption.organization_id for adoption in adoptions})
    offerings = await queries.offerings_by_id(tx, {adoption.offering_id for adoption in adoptions})
    around = await queries.surroundings(tx, adoptions) if as_of is None else {}
    return [
        views.adoption(
            adoption,
            agency=organizations.get(adoption.organization_id),
            offering=offerings.get(adoption.offering_id),
            reach=reach,
            around=around.get(adoption.id),
            on=as_of or tx.at.date(),
        )
        for adoption in adoptions
    ]
