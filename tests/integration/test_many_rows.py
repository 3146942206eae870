"""Many rows in one go, the same on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import Boolean, Column, Date, Integer, LargeBinary, MetaData, Numeric, String, Table, select
from sqlalchemy.exc import DBAPIError

from shared.db import Database, Document, RollbackOnly, UtcDateTime, insert_many, insert_tuples, upsert
from shared.kernel.cause import Cause
from shared.kernel.errors import Conflict

CAUSE = Cause(actor="tests")
TABLE = Table("days", MetaData(), Column("id", Integer, primary_key=True), Column("day", Date), Column("note", String(20)))
KINDS = Table(
    "kinds",
    TABLE.metadata,
    Column("n", Integer, primary_key=True, autoincrement=True),
    Column("name", String(8)),
    Column("money", Numeric(18, 2)),
    Column("document", Document),
    Column("at", UtcDateTime),
    Column("is_so", Boolean),
    Column("bytes", LargeBinary),
)
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


def of_each_kind(name: str) -> dict[str, object]:
    at = datetime(2026, 10, 1, 12, 30, tzinfo=UTC)
    document = {"list": [1, 'a{"}', None], "text": "ä\\"}
    return {"name": name, "money": Decimal("12.50"), "document": document, "at": at, "is_so": True, "bytes": b"\x00{,}"}


async def test_many_rows_of_every_kind_are_kept_in_the_order_given(db: Database) -> None:
    rows = [*(of_each_kind(str(n)) for n in range(50)), {**dict.fromkeys(of_each_kind("")), "document": []}]

    async with db.transaction(CAUSE) as tx:
        await insert_many(tx, KINDS, rows)

    async with db.reading() as tx:
        found = [dict(row) for row in await tx.rows(select(KINDS).order_by(KINDS.c.n))]
    assert [row.pop("n") for row in found] == list(range(1, 52))
    assert found == rows


async def test_text_that_is_too_long_for_its_column_is_refused_and_not_cut(db: Database) -> None:
    if db.is_sqlite:
        return  # which knows no lengths
    with pytest.raises(DBAPIError, match="too long"):
        async with db.transaction(CAUSE) as tx:
            await insert_many(tx, KINDS, [of_each_kind("short"), of_each_kind("far too long")])


async def test_rows_that_exist_take_over_what_is_given(db: Database) -> None:
    first = [{"id": n, "day": date(2026, 10, n), "note": "first"} for n in (1, 2)]
    second = [{"id": n, "note": "second"} for n in (2, 3)]

    async with db.transaction(CAUSE) as tx:
        await upsert(tx, TABLE, first)
        await upsert(tx, TABLE, second)

    assert await kept(db) == [(1, date(2026, 10, 1), "first"), (2, date(2026, 10, 2), "second"), (3, None, "second")]


async def test_a_duplicate_among_many_rows_is_a_conflict(db: Database) -> None:
    with pytest.raises(Conflict):
        async with db.transaction(CAUSE) as tx:
            await insert_many(tx, TABLE, [{"id": n, "note": ""} for n in (1, 2, 1)])
