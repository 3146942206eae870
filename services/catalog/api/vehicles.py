"""Acquisition vehicles over HTTP, and how to buy an offering."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Annotated

from fastapi import Query, Response
from sqlalchemy import select

from services.catalog import store, tables
from services.catalog.api import vehicle_models as models
from services.catalog.commands import vehicles as commands
from services.catalog.domain.price import Estimate, Price
from services.catalog.domain.vehicle import MACHINE, Kind, Status, Terms, Vehicle
from services.catalog.policy import may_for_vehicle
from services.catalog.queries import buying as queries
from services.catalog.queries.using import vehicles_used
from services.catalog.schemas.content import TierShown
from shared.auth import Principal
from shared.db import Transaction
from shared.web.edge import Answered, AtEdge, Edge, Listed
from shared.web.listing import listing
from shared.web.paging import Page, page_of
from shared.web.routes import Router
from shared.web.wire import Action, Identifier, MoneyShown

router = Router(tags=["vehicles"])
_SIZE_MAX = 1_000_000_000
_YEARS_MAX = 30
_LISTING = listing(tables.vehicles, "number", "status", "kind", "ordering_to", sorts=("number",))


@router.get("/v1/vehicles", response_model=models.VehiclePage)
async def list_vehicles(
    at: AtEdge,
    paged: Listed,
    kind: Kind | None = None,
    status: Status | None = None,
    used_by: Annotated[Identifier | None, Query(description="Of offerings that this organization uses today")] = None,
) -> Response:
    table = tables.vehicles

    async def found(tx: Transaction) -> Page[Vehicle]:
        query = select(table)
        for column, value in ((table.c.kind, kind), (table.c.status, status)):
            if value is not None:
                query = query.where(column == value)
        if used_by is not None:
            numbers = await vehicles_used(tx, used_by, on=tx.at.date(), by=at.principal)
            query = query.where(table.c.number.in_(numbers))
        by, read = [table.c.number], store.vehicles.from_row
        return await page_of(tx, query, by=by, request=paged, read=read, listing=_LISTING)

    page = await at.read(found)
    return at.show_page(page, [vehicle_shown(found, by=at.principal) for found in page.items])


@router.get("/v1/vehicles/{id}", response_model=models.VehicleShown)
async def show_vehicle(id: Identifier, at: AtEdge) -> Response:
    found = await at.read(lambda tx: store.vehicles.get(tx, id))
    return at.show(vehicle_shown(found, by=at.principal), version=found.version)


@router.post("/v1/vehicles", status_code=201, response_model=models.VehicleShown)
async def register_vehicle(body: models.VehicleGiven, at: AtEdge) -> Response:
    return await _write(
        at, lambda tx: commands.register_vehicle(tx, number=body.number, terms=terms_of(body), by=at.principal), status=201
    )


@router.put("/v1/vehicles/{id}", response_model=models.VehicleShown)
async def change_vehicle(id: Identifier, body: models.TermsGiven, at: AtEdge) -> Response:
    """All its terms; what is left out is none. Needs If-Match."""
    return await _write(
        at,
        lambda tx: commands.change_vehicle(tx, id, terms_of(body), expected_version=at.expected_version(), by=at.principal),
    )


@router.post("/v1/vehicles/{id}/order", response_model=models.VehicleShown)
async def order_under_vehicle(id: Identifier, body: models.OrderGiven, at: AtEdge) -> Response:
    """Obligates the amount; refused outside the ordering period, above the ceiling, or for an agency not eligible."""
    return await _write(
        at,
        lambda tx: commands.order_under_vehicle(
            tx,
            id,
            amount=Decimal(body.amount.amount),
            agency_id=body.agency_id,
            offering_id=body.offering_id,
            expected_version=at.expected_version(),
            by=at.principal,
        ),
    )


@router.get("/v1/offerings/{id}/how-to-buy", response_model=models.HowToBuy)
async def show_how_to_buy(
    id: Identifier,
    at: AtEdge,
    agency_id: Annotated[Identifier | None, Query(description="Whether this organization may order, too")] = None,
) -> Response:
    """Today: every way there is, those that are possible first, with the steps and whom to ask."""

    async def query(tx: Transaction) -> models.HowToBuy:
        found, ways = await queries.how_to_buy(tx, id, agency_id=agency_id, by=at.principal)
        shown = [_way(way) for way in ways]
        possible = any(way.possible for way in shown)
        return models.HowToBuy(offering_id=found.id, agency_id=agency_id, on=tx.at.date(), possible=possible, ways=shown)

    return at.show(await at.read(query))


@router.get("/v1/offerings/{id}/cost-estimate", response_model=models.CostEstimate)
async def show_cost_estimate(
    id: Identifier,
    at: AtEdge,
    size: Annotated[int, Query(ge=1, le=_SIZE_MAX, description="In the unit of the offering's price")],
    years: Annotated[int, Query(ge=1, le=_YEARS_MAX)] = 5,
) -> Response:
    """Total cost for an agency of this size over these years, in today's dollars."""
    price, found = await at.read(lambda tx: queries.cost_estimate(tx, id, size=size, years=years, by=at.principal))
    return at.show(_estimate(id, price, found, size=size, years=years))


def _estimate(id: str, price: Price, found: Estimate, *, size: int, years: int) -> models.CostEstimate:
    tier = found.tier
    return models.CostEstimate(
        offering_id=id,
        size=size,
        years=years,
        once=MoneyShown(amount=found.once),
        per_year=MoneyShown(amount=found.per_year),
        total=MoneyShown(amount=found.total),
        tier=TierShown(up_to=tier.up_to, amount=MoneyShown(amount=tier.amount), per=tier.per),
        included=list(price.included),
    )


def _way(way: queries.Way) -> models.Way:
    terms = way.vehicle.terms if way.vehicle else None
    return models.Way(
        vehicle_id=way.vehicle.id if way.vehicle else None,
        number=way.number,
        kind=way.kind,
        holder=way.holder,
        possible=not way.missing,
        missing=list(way.missing),
        steps=list(way.steps),
        contact=terms.contact if terms else None,
        website=terms.website if terms else None,
    )


def terms_of(given: models.TermsGiven) -> Terms:
    return Terms(
        title=given.title,
        kind=given.kind,
        holder=given.holder,
        ordering_from=given.ordering_from,
        ordering_to=given.ordering_to,
        ceiling=Decimal(given.ceiling.amount) if given.ceiling else None,
        eligible=tuple(dict.fromkeys(given.eligible)),
        steps=tuple(given.steps),
        contact=given.contact,
        website=given.website,
    )


def vehicle_shown(found: Vehicle, *, by: Principal) -> models.VehicleShown:
    terms = found.terms
    return models.VehicleShown(
        id=found.id,
        version=found.version,
        number=found.number,
        status=found.status,
        title=terms.title,
        kind=terms.kind,
        holder=terms.holder,
        ordering_from=terms.ordering_from,
        ordering_to=terms.ordering_to,
        ceiling=MoneyShown(amount=terms.ceiling) if terms.ceiling is not None else None,
        obligated=MoneyShown(amount=found.obligated),
        eligible=list(terms.eligible),
        steps=list(terms.steps),
        contact=terms.contact,
        website=terms.website,
        actions=_actions(found, by=by),
    )


def _actions(found: Vehicle, *, by: Principal) -> list[Action]:
    shown = []
    for transition in MACHINE.transitions:
        action, own = transition.action, f"/v1/vehicles/{found.id}"
        if action in {"change", "order"} and may_for_vehicle(by, action):
            missing = [] if found.status in transition.sources else [f"state {Status.ACTIVE} (it is {found.status})"]
            href = own if action == "change" else f"{own}/{action}"
            shown.append(Action(action=action, href=href, possible=not missing, missing=missing))
    return shown


async def _write(at: Edge, command: Callable[[Transaction], Awaitable[Vehicle]], *, status: int = 200) -> Response:
    async def answered(tx: Transaction) -> Answered:
        saved = await command(tx)
        return Answered(vehicle_shown(saved, by=at.principal), saved.version, f"/v1/vehicles/{saved.id}")

    return await at.write(answered, status=status)
