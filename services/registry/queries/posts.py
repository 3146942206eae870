"""Posts and board seats."""

from __future__ import annotations

from sqlalchemy import select

from services.registry import store, tables
from services.registry.domain.plan_review import BoardSeat
from shared.db import Transaction
from shared.web.paging import Page, PageRequest, page_of


async def board_seats(tx: Transaction, request: PageRequest) -> Page[BoardSeat]:
    table = tables.board_seats
    return await page_of(tx, select(table), by=[table.c.id], request=request, read=store.board_seats.from_row)
