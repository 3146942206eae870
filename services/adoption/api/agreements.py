"""Agreements over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Query, Response
from sqlalchemy import Select, or_, select

from services.adoption import policy, store, tables
from services.adoption.api import agreement_models as models
from services.adoption.commands import agreements as commands
from services.adoption.domain.agreement import Agreement, Status, Terms, missing_for
from services.adoption.store import AgreementVersion
from shared.db import Transaction
from shared.web.edge import Answered, AtEdge, Edge, Listed
from shared.web.listing import listing
from shared.web.paging import page_of
from shared.web.routes import Router
from shared.web.wire import Action, Day, Identifier, MoneyShown, Slug

router = Router(tags=["agreements"])
_LISTING = listing(
    tables.agreements,
    *("adoption_id", "offering_id", "status", "number", "kind", "begins_on", "ends_on", "amendment"),
    sorts=("number", "begins_on", "ends_on"),
    renamed={"agency_id": tables.agreements.c.organization_id},
)
_STANDING = (Status.ACTIVE, Status.ON_HOLD)
_ENDED = (Status.EXPIRED, Status.TERMINATED)


class Turn(StrEnum):
    """Actions that leave the terms as they are; a test compares them with the state machine."""

    SEND = "send"
    RECALL = "recall"
    SIGN = "sign"
    COUNTERSIGN = "countersign"
    ACTIVATE = "activate"
    HOLD = "hold"
    RESUME = "resume"
    TERMINATE = "terminate"


@router.get("/v1/agreements", response_model=models.AgreementPage)
async def list_agreements(
    at: AtEdge,
    paged: Listed,
    agency_id: Identifier | None = None,
    adoption_id: Identifier | None = None,
    status: Status | None = None,
    ending_by: Annotated[Day | None, Query(description="Standing ones whose period ends by this day")] = None,
    ending_within_days: Annotated[int | None, Query(ge=0, le=3_660, description="The same, counted from today")] = None,
) -> Response:
    """Of one's own agencies, of the areas one leads, or of one's own offerings."""
    table = tables.agreements

    async def query(tx: Transaction) -> Response:
        wanted = await _seen(tx, at)
        for column, value in (
            (table.c.organization_id, agency_id),
            (table.c.adoption_id, adoption_id),
            (table.c.status, status),
        ):
            wanted = wanted if value is None else wanted.where(column == value)
        last = None if ending_within_days is None else tx.at.date() + timedelta(days=ending_within_days)
        for day in (ending_by, last):
            if day is not None:
                wanted = wanted.where(table.c.ends_on <= day, table.c.status.in_(_STANDING))
        page = await page_of(tx, wanted, by=[table.c.id], request=paged, read=store.agreements.from_row, listing=_LISTING)
        return at.show_page(page, [await _shown(tx, found, at) for found in page.items])

    return await at.read(query)


@router.get("/v1/agreements/funding", response_model=models.AgreementFunding)
async def sum_funding(at: AtEdge, agency_id: Identifier | None = None, area: Slug | None = None) -> Response:
    """By fiscal year, of all agreements that the caller may see and that have not ended."""
    table, areas = tables.agreements, tables.known_offering_areas

    async def query(tx: Transaction) -> models.AgreementFunding:
        wanted = (await _seen(tx, at)).where(table.c.status.not_in(_ENDED)).order_by(table.c.id)
        if agency_id is not None:
            wanted = wanted.where(table.c.organization_id == agency_id)
        if area is not None:
            wanted = wanted.where(table.c.offering_id.in_(select(areas.c.offering_id).where(areas.c.focus_area == area)))
        found = [store.agreements.from_row(row) for row in await tx.rows(wanted)]
        years = sorted({year for each in found for year in (*each.terms.funding, *each.terms.unfunded_years)})
        return models.AgreementFunding(items=[_year(year, found) for year in years])

    return at.show(await at.read(query))


def _year(year: int, found: list[Agreement]) -> models.YearFunding:
    standing = [each for each in found if each.status in _STANDING]
    funded = [each for each in found if each.terms.funding.get(year)]

    def total(of: list[Agreement]) -> MoneyShown:
        return MoneyShown(amount=sum((each.terms.funding[year] for each in of), Decimal("0.00")))

    return models.YearFunding(
        fiscal_year=year,
        agreed=total([each for each in funded if each in standing]),
        proposed=total([each for each in funded if each not in standing]),
        agreements=len(funded),
        unfunded=[each.id for each in standing if year in each.terms.unfunded_years],
    )


async def _seen(tx: Transaction, at: Edge) -> Select[Any]:
    table = tables.agreements
    reach = await policy.reach(tx, at.principal)
    if reach.everything:
        return select(table)
    offerings, areas = tables.known_offerings, tables.known_offering_areas
    provided = select(offerings.c.id).where(offerings.c.provider_id.in_(at.principal.scopes("provider")))
    led = select(areas.c.offering_id).where(areas.c.focus_area.in_(reach.areas))
    own = table.c.organization_id.in_(reach.organizations)
    return select(table).where(or_(own, table.c.offering_id.in_(provided), table.c.offering_id.in_(led)))


@router.get("/v1/agreements/{id}", response_model=models.AgreementShown)
async def show_agreement(id: Identifier, at: AtEdge) -> Response:
    async def query(tx: Transaction) -> Response:
        found = await commands.visible_agreement(tx, id, by=at.principal)
        return at.show(await _shown(tx, found, at), version=found.version)

    return await at.read(query)


@router.get("/v1/agreements/{id}/versions", response_model=models.AgreementVersions)
async def list_agreement_versions(id: Identifier, at: AtEdge) -> Response:
    """Every set of terms, the first and each amendment, with who signed it."""

    async def query(tx: Transaction) -> Response:
        found = await commands.visible_agreement(tx, id, by=at.principal)
        versions = [_version(each) for each in await store.agreements.versions(tx, id)]
        return at.show(models.AgreementVersions(items=versions), version=found.version)

    return await at.read(query)


@router.post("/v1/agreements", status_code=201, response_model=models.AgreementShown)
async def draft_agreement(body: models.AgreementGiven, at: AtEdge) -> Response:
    """By the adopting agency, for one of its adoptions."""
    terms = _terms(body)
    return await _write(at, lambda tx: commands.draft_agreement(tx, body.adoption_id, terms, by=at.principal), status=201)


@router.put("/v1/agreements/{id}", response_model=models.AgreementShown)
async def edit_agreement(id: Identifier, body: models.TermsGiven, at: AtEdge) -> Response:
    """All terms of a draft anew. Needs If-Match."""
    return await _change(at, id, "edit", body)


@router.post("/v1/agreements/{id}/amend", response_model=models.AgreementShown)
async def amend_agreement(id: Identifier, body: models.TermsGiven, at: AtEdge) -> Response:
    """New terms for what is active: it goes to both sides to be signed anew. Needs If-Match."""
    return await _change(at, id, "amend", body)


async def _change(at: Edge, id: str, action: str, body: models.TermsGiven) -> Response:
    terms = _terms(body)
    return await _write(
        at,
        lambda tx: commands.change_agreement(tx, id, action, terms, expected_version=at.expected_version(), by=at.principal),
    )


def _turn(action: Turn) -> Callable[..., Awaitable[Response]]:
    async def turn(id: Identifier, at: AtEdge, body: models.Reasoned | None = None) -> Response:
        reason = body.reason if body else None
        return await _write(
            at,
            lambda tx: commands.move_agreement(
                tx, id, action, reason=reason, expected_version=at.expected_version(), by=at.principal
            ),
        )

    return turn


for _action in Turn:
    router.add_api_route(
        f"/v1/agreements/{{id}}/{_action}",
        _turn(_action),
        methods=["POST"],
        response_model=models.AgreementShown,
        name=f"{_action}_agreement",
        operation_id=f"{_action}_agreement",
    )


def _terms(given: models.TermsGiven) -> Terms:
    return Terms(
        number=given.number,
        kind=given.kind,
        begins_on=given.begins_on,
        ends_on=given.ends_on,
        funding={int(year): Decimal(money.amount) for year, money in given.funding.items()},
        scope=given.scope,
    )


def _version(found: AgreementVersion) -> models.AgreementVersionShown:
    terms = found.terms
    return models.AgreementVersionShown(
        amendment=found.amendment,
        recorded_at=found.recorded_at,
        by=found.by,
        status=found.status,
        number=terms.number,
        kind=terms.kind,
        begins_on=terms.begins_on,
        ends_on=terms.ends_on,
        funding={str(year): MoneyShown(amount=amount) for year, amount in sorted(terms.funding.items())},
        scope=terms.scope,
        signed_by=found.signed_by,
        countersigned_by=found.countersigned_by,
    )


async def _shown(tx: Transaction, found: Agreement, at: Edge) -> models.AgreementShown:
    terms = found.terms
    return models.AgreementShown(
        id=found.id,
        version=found.version,
        adoption_id=found.adoption_id,
        agency_id=found.organization_id,
        offering_id=found.offering_id,
        status=found.status,
        live=found.is_live(on=tx.at.date()),
        number=terms.number,
        kind=terms.kind,
        begins_on=terms.begins_on,
        ends_on=terms.ends_on,
        funding={str(year): MoneyShown(amount=amount) for year, amount in sorted(terms.funding.items())},
        unfunded_years=list(terms.unfunded_years),
        scope=terms.scope,
        signed_by=found.signed_by,
        countersigned_by=found.countersigned_by,
        amendment=found.amendment,
        reason=found.reason,
        actions=[_action_shown(tx, found, action) for action in await commands.allowed_actions(tx, found, at.principal)],
    )


def _action_shown(tx: Transaction, found: Agreement, action: str) -> Action:
    own = f"/v1/agreements/{found.id}"
    missing = list(missing_for(found, action, on=tx.at.date()))
    return Action(action=action, href=own if action == "edit" else f"{own}/{action}", possible=not missing, missing=missing)


async def _write(at: Edge, command: Callable[[Transaction], Awaitable[Agreement]], *, status: int = 200) -> Response:
    async def answered(tx: Transaction) -> Answered:
        saved = await command(tx)
        return Answered(await _shown(tx, saved, at), saved.version, f"/v1/agreements/{saved.id}")

    return await at.write(answered, status=status)
