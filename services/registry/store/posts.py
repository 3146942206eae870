"""Posts and board seats."""

from __future__ import annotations

from typing import Any

from services.registry import tables
from services.registry.domain.plan_review import BoardSeat
from shared.db import Row
from shared.outbox import AggregateStore

_SOURCE = "/registry"


def _board_seat(row: Row) -> BoardSeat:
    return BoardSeat(**row)


def _board_seat_row(seat: BoardSeat) -> dict[str, Any]:
    return {
        "title": seat.title,
        "council": seat.council,
        "organization_id": seat.organization_id,
        "subject": seat.subject,
    }


board_seats = AggregateStore(
    source=_SOURCE,
    name="board seat",
    table=tables.board_seats,
    outbox=tables.outbox,
    to_row=_board_seat_row,
    from_row=_board_seat,
)
