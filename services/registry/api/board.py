"""The seats of the governance board, and the scorecard it reads."""

from __future__ import annotations

from fastapi import APIRouter, Response

from services.registry import queries, schemas, store
from services.registry.api import plan_views as views
from services.registry.commands import plan_review as commands
from services.registry.domain.plan_review import BoardSeat
from shared.db import Transaction
from shared.web.edge import Answered, AtEdge, Edge, Paged
from shared.web.wire import Slug

router = APIRouter(tags=["board"])


@router.get("/v1/board-seats", response_model=schemas.SeatPage)
async def list_board_seats(at: AtEdge, paged: Paged) -> Response:
    page = await at.read(lambda tx: queries.board_seats(tx, paged))
    return at.show_page(page, [views.seat(seat, by=at.principal) for seat in page.items])


@router.get("/v1/board-seats/{id}", response_model=schemas.SeatShown)
async def show_board_seat(id: Slug, at: AtEdge) -> Response:
    seat = await at.read(lambda tx: store.board_seats.get(tx, id))
    return at.show(views.seat(seat, by=at.principal), version=seat.version)


@router.post("/v1/board-seats", status_code=201, response_model=schemas.SeatShown)
async def register_board_seat(body: schemas.SeatGiven, at: AtEdge) -> Response:
    async def command(tx: Transaction) -> Answered:
        seat = BoardSeat(**body.model_dump(), version=0)
        return _answered(await commands.register_seat(tx, seat, by=at.principal), at)

    return await at.write(command, status=201)


@router.put("/v1/board-seats/{id}", response_model=schemas.SeatShown)
async def change_board_seat(id: Slug, body: schemas.SeatValues, at: AtEdge) -> Response:
    """Fills the seat, or with no `subject` leaves it vacant. Needs If-Match."""

    async def command(tx: Transaction) -> Answered:
        seat = BoardSeat(**body.model_dump(), id=id, version=at.expected_version())
        return _answered(await commands.change_seat(tx, seat, by=at.principal), at)

    return await at.write(command)


@router.get("/v1/scorecard", response_model=schemas.Scorecard)
async def show_scorecard(at: AtEdge) -> Response:
    """Per area: state of each service, progress of each plan that this caller may know of."""

    async def query(tx: Transaction) -> Response:
        today = tx.at.date()
        areas = await queries.scorecard(tx, by=at.principal)
        scores = [views.area_score(area, designations, plans, today=today) for area, designations, plans in areas]
        return at.show(schemas.Scorecard(as_of=today, areas=scores))

    return await at.read(query)


def _answered(saved: BoardSeat, at: Edge) -> Answered:
    return Answered(views.seat(saved, by=at.principal), saved.version, f"/v1/board-seats/{saved.id}")
