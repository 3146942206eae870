"""Many rows in one go, the same on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest
from sqlalchemy import Column, Date, Integer, MetaData, String, Table, select

from shared.db import Database, RollbackOnly, insert_tuples
from shared.kernel.cause import Cause
from shared.kernel.errors import Conflict

CAUSE = Cause(actor="tests")
TABLE = Table("days", MetaData(), Column("id", Integer, primary_key=True), Column("day", Date), Column("note", String(20)))
COLUMNS = ("id", "day", "note")
ROWS = [(1, date(2026, 10, 1), "a\tb"), (2, None, "")]


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    db = Database(database_url)
    async with db.transaction(CAUSE) as tx:
        await tx.connection.run_sync(TABLE.metadata.create_all)
    yield db
    await db.close()


async def kept(db: Database) -> list[tuple[object, ...]]:
    async with db.reading() as tx:
        return [tuple(row.values()) for row in await tx.rows(select(TABLE).order_by(TABLE.c.id))]


async def test_rows_are_kept_as_they_were_given(db: Database) -> None:
    async with db.transaction(CAUSE) as tx:
        await insert_tuples(tx, TABLE, COLUMNS, ROWS)

    assert await kept(db) == ROWS


async def test_rows_written_first_in_a_transaction_are_undone_with_it(db: Database) -> None:
    with pytest.raises(RollbackOnly):
        async with db.transaction(CAUSE) as tx:
            await insert_tuples(tx, TABLE, COLUMNS, ROWS)
            raise RollbackOnly(None)

    assert await kept(db) == []


async def test_a_duplicate_among_rows_is_a_conflict(db: Database) -> None:
    with pytest.raises(Conflict):
        async with db.transaction(CAUSE) as tx:
            await insert_tuples(tx, TABLE, COLUMNS, [*ROWS, ROWS[0]])

    assert await kept(db) == []


async def test_rows_in_another_order_than_the_table_are_refused(db: Database) -> None:
    with pytest.raises(ValueError, match="have the order"):
        async with db.transaction(CAUSE) as tx:
            await insert_tuples(tx, TABLE, COLUMNS[::-1], [row[::-1] for row in ROWS])
