"""Investment action plans over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from fastapi import Query, Response
from sqlalchemy import select

from services.adoption import policy, store, tables
from services.adoption.api import iap_models as models
from services.adoption.api import iap_views as views
from services.adoption.commands import iaps as commands
from services.adoption.commands.profiles import known_organization
from services.adoption.domain.iap import Condition, Iap, Status
from services.adoption.domain.iap_need import Purchase, need
from services.adoption.queries import iaps as queries
from services.adoption.queries import offerings_by_id
from shared.auth import Unauthenticated
from shared.db import Transaction
from shared.kernel.errors import Invalid
from shared.kernel.ids import new_id
from shared.web.edge import Answered, AtEdge, Edge, Listed
from shared.web.listing import listing
from shared.web.paging import page_of
from shared.web.routes import Router
from shared.web.wire import Identifier, Slug

router = Router(tags=["investment action plans"])
_LISTING = listing(
    tables.iaps,
    *("status", "expires_on"),
    renamed={
        "agency_id": tables.iaps.c.organization_id,
        "focus_area": lambda area: tables.iaps.c.areas.contains(f" {area} ", autoescape=True),
    },
)


class Turn(StrEnum):
    """Actions that take no more than a reason; a test compares them with the state machine."""

    ASK_PRELIMINARY = "ask-preliminary"
    START_REVIEW = "start-review"
    RETURN = "return"
    DENY = "deny"
    WITHDRAW = "withdraw"
    RE_REVIEW = "re-review"


@router.get("/v1/iap-need", response_model=models.IapNeedShown)
async def show_iap_need(
    at: AtEdge,
    agency_id: Identifier,
    areas: Annotated[str, Query(pattern=r"^[a-z0-9-]{1,80}(,[a-z0-9-]{1,80}){0,9}$", description="Slugs, comma between")],
    amount: Annotated[str, Query(pattern=r"^\d{1,14}(\.\d{1,2})?$", description="US dollars")],
    new_system: bool = False,
    in_marketplace: bool = False,
    offering_id: Identifier | None = None,
) -> Response:
    """Do I need an investment action plan? Answers before anyone writes one. `offering_id`: a marketplace solution taken."""

    async def query(tx: Transaction) -> models.IapNeedShown:
        organization = await known_organization(tx, agency_id)
        offering = (await offerings_by_id(tx, [offering_id])).get(offering_id) if offering_id else None
        if offering_id and (offering is None or offering.status != "published"):
            detail = f"No offering {offering_id!r} is on a marketplace."
            raise Invalid.at("/offering_id", detail, code="unknown-reference")
        purchase = Purchase(
            amount=Decimal(amount),
            new_system=new_system,
            in_marketplace=in_marketplace,
            taken=offering.code if offering else None,
        )
        standings = await queries.area_standings(tx, tuple(dict.fromkeys(areas.split(","))))
        found = need(purchase, standings, cfo_act=await queries.is_of_cfo_act(tx, organization.id))
        return views.need_shown(found, standings)

    if at.principal.is_anonymous:
        raise Unauthenticated("This needs a bearer token.")
    return at.show(await at.read(query))


@router.get("/v1/iap-thresholds", response_model=models.ThresholdList)
async def list_iap_thresholds(at: AtEdge) -> Response:
    """Per focus area, in US dollars."""
    table = tables.iap_thresholds

    async def query(tx: Transaction) -> models.ThresholdList:
        rows = await tx.rows(select(table).order_by(table.c.focus_area))
        return models.ThresholdList(items=[views.threshold_shown(store.iap_thresholds.from_row(row)) for row in rows])

    return at.show(await at.read(query))


@router.put("/v1/iap-thresholds/{area}", response_model=models.ThresholdShown)
async def set_iap_threshold(area: Slug, body: models.ThresholdGiven, at: AtEdge) -> Response:
    """By the area's QSMO, from now on. The first needs no If-Match, each further one does."""

    async def command(tx: Transaction) -> Answered:
        amount = Decimal(body.amount.amount)
        expected = at.expected_version_if_any()
        saved = await commands.set_threshold(tx, area, amount, reason=body.reason, expected_version=expected, by=at.principal)
        return Answered(views.threshold_shown(saved), saved.version)

    return await at.write(command)


@router.get("/v1/iaps", response_model=models.IapPage)
async def list_iaps(
    at: AtEdge, paged: Listed, agency_id: Identifier | None = None, area: Slug | None = None, status: Status | None = None
) -> Response:
    """Of one's own agencies, or of the areas one leads."""
    table = tables.iaps

    async def query(tx: Transaction) -> Response:
        wanted = select(table).where(queries.seen_iaps(await policy.reach(tx, at.principal)))
        for column, value in ((table.c.organization_id, agency_id), (table.c.status, status)):
            wanted = wanted if value is None else wanted.where(column == value)
        wanted = wanted if area is None else wanted.where(table.c.areas.contains(f" {area} ", autoescape=True))
        page = await page_of(tx, wanted, by=[table.c.id], request=paged, read=store.iaps.from_row, listing=_LISTING)
        return at.show_page(page, [views.in_list(found) for found in page.items])

    return await at.read(query)


@router.get("/v1/iaps/{id}", response_model=models.IapShown)
async def show_iap(id: Identifier, at: AtEdge) -> Response:
    async def query(tx: Transaction) -> Response:
        found = await commands.visible_iap(tx, id, by=at.principal)
        return at.show(await views.shown(tx, found, at.principal), version=found.version)

    return await at.read(query)


@router.post("/v1/iaps", status_code=201, response_model=models.IapShown)
async def draft_iap(body: models.IapGiven, at: AtEdge) -> Response:
    """Refused as unnecessary where `GET /v1/iap-need` says so."""
    areas, content = tuple(dict.fromkeys(body.areas)), views.content_of(body)
    return await _write(at, lambda tx: commands.draft_iap(tx, body.agency_id, areas, content, by=at.principal), status=201)


@router.put("/v1/iaps/{id}", response_model=models.IapShown)
async def edit_iap(id: Identifier, body: models.IapContentGiven, at: AtEdge) -> Response:
    """All of a draft anew; it has to be endorsed again. Needs If-Match."""
    areas, content = tuple(dict.fromkeys(body.areas)), views.content_of(body)
    return await _write(
        at, lambda tx: commands.edit_iap(tx, id, areas, content, expected_version=at.expected_version(), by=at.principal)
    )


@router.post("/v1/iaps/{id}/endorse", response_model=models.IapShown)
async def endorse_iap(id: Identifier, at: AtEdge) -> Response:
    """By the agency's head where the plan is comprehensive, else by its SAPOC. Needs If-Match."""
    return await _write(at, lambda tx: commands.endorse_iap(tx, id, expected_version=at.expected_version(), by=at.principal))


@router.post("/v1/iaps/{id}/recommend", response_model=models.IapShown)
async def recommend_iap(id: Identifier, body: models.Recommended, at: AtEdge) -> Response:
    """What the QSMO makes of the fit-gap. Needs If-Match."""
    given = body.model_dump()
    return await _write(
        at, lambda tx: commands.recommend_iap(tx, id, **given, expected_version=at.expected_version(), by=at.principal)
    )


@router.post("/v1/iaps/{id}/submit", response_model=models.IapShown)
async def submit_iap(id: Identifier, at: AtEdge) -> Response:
    """Refused with all that the content matrix still asks for. Needs If-Match."""
    return await _write(at, lambda tx: commands.submit_iap(tx, id, expected_version=at.expected_version(), by=at.principal))


@router.post("/v1/iaps/{id}/answer", response_model=models.IapShown)
async def answer_iap(id: Identifier, body: models.Answered, at: AtEdge) -> Response:
    """A stakeholder's answer in the preliminary review. Needs If-Match."""
    given = body.model_dump()
    return await _write(
        at, lambda tx: commands.answer_iap(tx, id, **given, expected_version=at.expected_version(), by=at.principal)
    )


@router.post("/v1/iaps/{id}/sign", response_model=models.IapShown)
async def sign_iap(id: Identifier, body: models.Signed, at: AtEdge) -> Response:
    """The approval of the SAPOC, the CIO or a QSMO, in any order. Needs If-Match."""
    given = body.model_dump()
    return await _write(
        at, lambda tx: commands.sign_iap(tx, id, **given, expected_version=at.expected_version(), by=at.principal)
    )


@router.post("/v1/iaps/{id}/approve", response_model=models.IapShown)
async def approve_iap(id: Identifier, body: models.Approved, at: AtEdge) -> Response:
    """OMB's decision, once all others have signed. Needs If-Match."""
    conditions = [Condition(id=new_id(), text=each.text, due_on=each.due_on) for each in body.conditions]
    return await _write(
        at,
        lambda tx: commands.approve_iap(
            tx,
            id,
            conditions=conditions,
            expires_on=body.expires_on,
            reason=body.reason,
            expected_version=at.expected_version(),
            by=at.principal,
        ),
    )


@router.post("/v1/iaps/{id}/conditions/{condition_id}/satisfy", response_model=models.IapShown)
async def satisfy_iap_condition(id: Identifier, condition_id: Identifier, body: models.Satisfied, at: AtEdge) -> Response:
    """By the QSMO or OMB, with evidence. Needs If-Match."""
    return await _write(
        at,
        lambda tx: commands.satisfy_condition(
            tx, id, condition_id, evidence=body.evidence, expected_version=at.expected_version(), by=at.principal
        ),
    )


def _turn(action: Turn) -> Callable[..., Awaitable[Response]]:
    async def turn(id: Identifier, body: models.Reasoned, at: AtEdge) -> Response:
        return await _write(
            at,
            lambda tx: commands.move_iap(
                tx, id, action, reason=body.reason, expected_version=at.expected_version(), by=at.principal
            ),
        )

    return turn


for _action in Turn:
    router.add_api_route(
        f"/v1/iaps/{{id}}/{_action}",
        _turn(_action),
        methods=["POST"],
        response_model=models.IapShown,
        name=f"{_action.replace('-', '_')}_iap",
        operation_id=f"{_action.replace('-', '_')}_iap",
    )


async def _write(at: Edge, command: Callable[[Transaction], Awaitable[Iap]], *, status: int = 200) -> Response:
    async def answered(tx: Transaction) -> Answered:
        saved = await command(tx)
        return Answered(await views.shown(tx, saved, at.principal), saved.version, f"/v1/iaps/{saved.id}")

    return await at.write(answered, status=status)
