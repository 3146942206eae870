"""Offerings over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from enum import StrEnum
from typing import Annotated

from fastapi import Query, Response

from services.catalog import queries, schemas
from services.catalog.api import contents, views
from services.catalog.api.times import AsOf, past_day
from services.catalog.commands import offerings as commands
from services.catalog.domain.content import Kind, Shelf
from services.catalog.domain.offering import Offering, Status
from services.catalog.domain.provider import Kind as ProviderKind
from services.catalog.queries import OfferingFilter
from services.catalog.schemas.content import Word
from shared.auth import Principal
from shared.db import Transaction
from shared.kernel.errors import NotFound
from shared.web.edge import Answered, AtEdge, Edge, Listed
from shared.web.routes import Router
from shared.web.wire import Identifier, Line, Slug

router = Router(tags=["offerings"])


class Scheme(StrEnum):
    """What an offering can be found by."""

    CODE = "code"
    FEDRAMP = "fedramp"


@router.get("/v1/offerings", response_model=schemas.OfferingPage)
async def list_offerings(
    at: AtEdge,
    paged: Listed,
    area: Slug | None = None,
    kind: Kind | None = None,
    provider_id: Identifier | None = None,
    provider_kind: ProviderKind | None = None,
    shelf: Shelf | None = None,
    status: Status | None = None,
    impact_level: Word | None = None,
    authorization_status: Word | None = None,
    service_model: Word | None = None,
    used_by: Annotated[Identifier | None, Query(description="Only those that this organization uses today")] = None,
    q: Annotated[Line | None, Query(description="Words that must all occur, in any order and case")] = None,
) -> Response:
    """By name. What the caller may not see is left out."""
    wanted = OfferingFilter(
        area=area,
        kind=kind,
        provider_id=provider_id,
        provider_kind=provider_kind,
        shelf=shelf,
        status=status,
        impact_level=impact_level,
        authorization_status=authorization_status,
        service_model=service_model,
        used_by=used_by,
        q=q,
    )
    page = await at.read(lambda tx: queries.offerings(tx, wanted, paged, by=at.principal))
    return at.show_page(page, [views.offering_in_list(view, by=at.principal) for view in page.items])


@router.get("/v1/offerings/by-key/{scheme}/{value}", response_model=schemas.OfferingShown)
async def show_offering_by_key(scheme: Scheme, value: Identifier, at: AtEdge) -> Response:
    view = await at.read(lambda tx: queries.offering_by_key(tx, scheme, value, by=at.principal))
    return at.show(views.offering(view, by=at.principal), version=view.offering.version)


@router.put(
    "/v1/offerings/by-key/{scheme}/{value}",
    response_model=schemas.OfferingShown,
    responses={201: {"model": schemas.OfferingShown, "description": "Drafted"}},
)
async def put_offering_by_key(scheme: Scheme, value: Identifier, body: schemas.OfferingValues, at: AtEdge) -> Response:
    """Drafts the offering with this code, or changes the one that has it, as `PUT /v1/offerings/{id}` does.

    What is known by its FedRAMP id alone is changed only: it is made by its import.
    """
    content = contents.content(body)

    async def command(tx: Transaction) -> Answered:
        there = await _by_key(tx, scheme, value, by=at.principal)
        expected = at.expected_version_of(there.version if there else None)
        if there is None:
            saved = await commands.draft_offering(tx, code=value, content=content, by=at.principal)
        else:
            saved = await commands.change_offering(tx, there.id, content, expected_version=expected, by=at.principal)
        return replace(await _answered(tx, saved, at), is_new=there is None)

    return await at.write(command)


async def _by_key(tx: Transaction, scheme: Scheme, value: str, *, by: Principal) -> Offering | None:
    """Raises NotFound where no new one could have this key."""
    try:
        return (await queries.offering_by_key(tx, scheme, value, by=by)).offering
    except NotFound:
        if scheme is not Scheme.CODE:
            raise
        return None


@router.get("/v1/offerings/{id}", response_model=schemas.OfferingShown)
async def show_offering(id: Identifier, at: AtEdge, as_of: AsOf = None) -> Response:
    """As it is; or as it was published or listed at the end of a day, when nothing can be done with it any more."""
    day = past_day(at, as_of)
    view = await at.read(lambda tx: queries.offering(tx, id, as_of=day, by=at.principal))
    return at.show(views.offering(view, by=at.principal), version=view.offering.version)


@router.post("/v1/offerings", status_code=201, response_model=schemas.OfferingShown)
async def draft_offering(body: schemas.OfferingGiven, at: AtEdge) -> Response:
    return await _write(
        at,
        lambda tx: commands.draft_offering(tx, code=body.code, content=contents.content(body), by=at.principal),
        status=201,
    )


@router.put("/v1/offerings/{id}", response_model=schemas.OfferingShown)
async def change_offering(id: Identifier, body: schemas.OfferingValues, at: AtEdge) -> Response:
    """Edits a draft, or makes a new revision of what is published or listed. Needs If-Match."""
    content = contents.content(body)
    return await _write(
        at,
        lambda tx: commands.change_offering(tx, id, content, expected_version=at.expected_version(), by=at.principal),
    )


@router.post("/v1/offerings/{id}/submit", response_model=schemas.OfferingShown)
async def submit_offering(id: Identifier, at: AtEdge) -> Response:
    return await _write(
        at, lambda tx: commands.submit_offering(tx, id, expected_version=at.expected_version(), by=at.principal)
    )


@router.post("/v1/offerings/{id}/request-changes", response_model=schemas.OfferingShown)
async def request_offering_changes(id: Identifier, body: schemas.Reasoned, at: AtEdge) -> Response:
    return await _write(
        at,
        lambda tx: commands.request_changes(
            tx, id, reason=body.reason, expected_version=at.expected_version(), by=at.principal
        ),
    )


@router.post("/v1/offerings/{id}/publish", response_model=schemas.OfferingShown)
async def publish_offering(id: Identifier, at: AtEdge) -> Response:
    """Refused with what is missing: an open marketplace per area, FIBF coverage, a vehicle for a commercial product."""
    return await _write(
        at, lambda tx: commands.publish_offering(tx, id, expected_version=at.expected_version(), by=at.principal)
    )


@router.post("/v1/offerings/{id}/suspend", response_model=schemas.OfferingShown)
async def suspend_offering(id: Identifier, body: schemas.Reasoned, at: AtEdge) -> Response:
    return await _write(
        at,
        lambda tx: commands.suspend_offering(
            tx, id, reason=body.reason, expected_version=at.expected_version(), by=at.principal
        ),
    )


@router.post("/v1/offerings/{id}/reinstate", response_model=schemas.OfferingShown)
async def reinstate_offering(id: Identifier, at: AtEdge) -> Response:
    return await _write(
        at, lambda tx: commands.reinstate_offering(tx, id, expected_version=at.expected_version(), by=at.principal)
    )


@router.post("/v1/offerings/{id}/retire", response_model=schemas.OfferingShown)
async def retire_offering(id: Identifier, body: schemas.Retired, at: AtEdge) -> Response:
    return await _write(
        at,
        lambda tx: commands.retire_offering(
            tx,
            id,
            reason=body.reason,
            successor_id=body.successor_id,
            expected_version=at.expected_version(),
            by=at.principal,
        ),
    )


@router.get("/v1/stats/offerings", response_model=schemas.OfferingStats)
async def count_offerings(at: AtEdge) -> Response:
    """By area, kind and status, of what the caller may see."""

    async def query(tx: Transaction) -> schemas.OfferingStats:
        rows = await queries.offering_counts(tx, by=at.principal)
        return schemas.OfferingStats(
            total=await queries.offering_total(tx, by=at.principal),
            counts=[schemas.OfferingCount(**row) for row in rows],
        )

    return at.show(await at.read(query))


async def _write(at: Edge, command: Callable[[Transaction], Awaitable[Offering]], *, status: int = 200) -> Response:
    async def answered(tx: Transaction) -> Answered:
        return await _answered(tx, await command(tx), at)

    return await at.write(answered, status=status)


async def _answered(tx: Transaction, saved: Offering, at: Edge) -> Answered:
    shown = views.offering(await queries.viewed(tx, saved), by=at.principal)
    return Answered(shown, saved.version, f"/v1/offerings/{saved.id}")
