"""The seats of the governance board, and the scorecard it reads."""

from __future__ import annotations

from fastapi import Response

from services.registry import queries, schemas, store
from services.registry.api import plan_views, post_views
from services.registry.commands import board_seats as commands
from services.registry.domain.delegation import DelegationGiven
from services.registry.domain.plan_review import BoardSeat
from shared.db import Transaction
from shared.web.edge import Answered, AtEdge, Edge, Listed
from shared.web.routes import Router
from shared.web.wire import Identifier

router = Router(tags=["board"])


@router.get("/v1/board-seats", response_model=schemas.SeatPage)
async def list_board_seats(at: AtEdge, paged: Listed) -> Response:
    async def query(tx: Transaction) -> Response:
        page = await queries.board_seats(tx, paged)
        return at.show_page(page, [post_views.seat(seat, today=tx.at.date(), by=at.principal) for seat in page.items])

    return await at.read(query)


@router.get("/v1/board-seats/{id}", response_model=schemas.SeatShown)
async def show_board_seat(id: Identifier, at: AtEdge) -> Response:
    async def query(tx: Transaction) -> Response:
        seat = await store.board_seats.get(tx, id)
        return at.show(post_views.seat(seat, today=tx.at.date(), by=at.principal), version=seat.version)

    return await at.read(query)


@router.post("/v1/board-seats", status_code=201, response_model=schemas.SeatShown)
async def register_board_seat(body: schemas.SeatGiven, at: AtEdge) -> Response:
    async def command(tx: Transaction) -> Answered:
        seat = BoardSeat(**body.model_dump(), version=0)
        return _answered(tx, await commands.register_seat(tx, seat, by=at.principal), at)

    return await at.write(command, status=201)


@router.put("/v1/board-seats/{id}", response_model=schemas.SeatShown)
async def change_board_seat(id: Identifier, body: schemas.SeatValues, at: AtEdge) -> Response:
    """Fills the seat, or with no `subject` leaves it vacant. Needs If-Match."""

    async def command(tx: Transaction) -> Answered:
        seat = BoardSeat(**body.model_dump(), id=id, version=at.expected_version())
        return _answered(tx, await commands.change_seat(tx, seat, by=at.principal), at)

    return await at.write(command)


@router.post("/v1/board-seats/{id}/delegate", response_model=schemas.SeatShown)
async def delegate_board_seat(id: Identifier, body: schemas.DelegationAsked, at: AtEdge) -> Response:
    """By the holder or a coordinator; whoever it goes to votes for the seat. Needs If-Match."""

    async def command(tx: Transaction) -> Answered:
        given, version = DelegationGiven(**body.model_dump()), at.expected_version()
        return _answered(tx, await commands.delegate_seat(tx, id, given, expected_version=version, by=at.principal), at)

    return await at.write(command)


@router.post("/v1/board-seats/{id}/end-delegation", response_model=schemas.SeatShown)
async def end_board_seat_delegation(id: Identifier, body: schemas.DelegationEnded, at: AtEdge) -> Response:
    """Needs If-Match."""

    async def command(tx: Transaction) -> Answered:
        version = at.expected_version()
        saved = await commands.end_seat_delegation(tx, id, on=body.ends_on, expected_version=version, by=at.principal)
        return _answered(tx, saved, at)

    return await at.write(command)


@router.get("/v1/scorecard", response_model=schemas.Scorecard)
async def show_scorecard(at: AtEdge) -> Response:
    """Per area: state of each service, progress of each plan that this caller may know of."""

    async def query(tx: Transaction) -> Response:
        today = tx.at.date()
        areas = await queries.scorecard(tx, by=at.principal)
        scores = [plan_views.area_score(area, designations, plans, today=today) for area, designations, plans in areas]
        return at.show(schemas.Scorecard(as_of=today, areas=scores))

    return await at.read(query)


def _answered(tx: Transaction, saved: BoardSeat, at: Edge) -> Answered:
    shown = post_views.seat(saved, today=tx.at.date(), by=at.principal)
    return Answered(shown, saved.version, f"/v1/board-seats/{saved.id}")
