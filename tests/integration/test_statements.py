"""Statements past SQLAlchemy find and change what they do by it, on both databases, and nothing of them is left behind."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    cast,
    delete,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.exc import IntegrityError

from shared.db import AsyncConnection, Database, Document, Transaction, UtcDateTime, among, insert_many
from shared.kernel.cause import Cause
from shared.kernel.errors import Conflict

CAUSE = Cause(actor="tests")
metadata = MetaData()
things = Table(
    "things",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("n", Integer, nullable=False),
    Column("is_good", Boolean),
    Column("day", Date),
    Column("at", UtcDateTime),
    Column("parts", Document),
)
FULL = {
    "id": "a",
    "n": 1,
    "is_good": True,
    "day": date(2020, 4, 27),
    "at": datetime(2020, 4, 27, 12, 0, 1, 5, tzinfo=UTC),
    "parts": [{"x": "ü"}, None],
}
EMPTY = {**dict.fromkeys(FULL), "id": "b", "n": 2}


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    db = Database(database_url, pool_size=2)
    async with db.transaction(CAUSE) as tx:
        await tx.connection.run_sync(metadata.create_all)
    yield db
    await db.close()


@pytest.fixture
def by_sqlalchemy(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The statements that SQLAlchemy ran."""
    ran: list[str] = []
    execute = AsyncConnection.execute

    async def noted(self: AsyncConnection, statement: Any, *rest: Any, **options: Any) -> Any:
        ran.append(str(statement))
        return await execute(self, statement, *rest, **options)

    monkeypatch.setattr(AsyncConnection, "execute", noted)
    return ran  # type: ignore[return-value] # filled later


async def put(db: Database, *rows: dict[str, Any]) -> None:
    async with db.transaction(CAUSE) as tx:
        for row in rows:
            await tx.change(insert(things), row)


async def ids(tx: Transaction) -> list[str]:
    return [row["id"] for row in await tx.rows(select(things.c.id).order_by(things.c.id))]


async def test_every_type_comes_back_as_it_went(db: Database, by_sqlalchemy: list[str]) -> None:
    await put(db, FULL, EMPTY)

    async with db.reading() as tx:
        found = await tx.rows(select(things).order_by(things.c.id))

    assert found == [FULL, EMPTY]
    assert by_sqlalchemy == []


@pytest.mark.parametrize(
    ("statement", "given", "found"),
    [
        (select(things.c.n).where(things.c.id == bindparam("id")), {"id": "b"}, [{"n": 2}]),
        (select(things.c.n).where(things.c.id.in_(["b", "c"])), {}, [{"n": 2}]),
        (select(things.c.n).where(things.c.id.in_([])), {}, []),
        (
            select(things.c.n).where(things.c.id.in_(bindparam("ids", expanding=True))),
            {"ids": ["a", "b"]},
            [{"n": 1}, {"n": 2}],
        ),
        (select(things.c.id).order_by(things.c.n.desc()).limit(1), {}, [{"id": "b"}]),
        (select(things.c.id, things.alias("x").c.id).where(things.c.id == "a").limit(1), {}, [{"id": "a", "id_1": "a"}]),
        (select(func.count().label("count")).select_from(things), {}, [{"count": 2}]),
        (select(cast(things.c.n, Float).label("n")).where(things.c.id == "a"), {}, [{"n": 1.0}]),
        (text("SELECT n FROM things WHERE id = :id"), {"id": "a"}, [{"n": 1}]),
    ],
)
async def test_any_kind_of_query_finds_what_it_asks_for(
    db: Database, statement: Any, given: dict[str, Any], found: list[dict[str, Any]]
) -> None:
    await put(db, FULL, EMPTY)

    for _ in range(2):  # built, and known
        async with db.reading() as tx:
            assert [dict(row) for row in await tx.rows(statement, given)] == found


async def test_statements_that_differ_in_their_values_alone_do_not_mix_them_up(db: Database) -> None:
    await put(db, FULL, EMPTY)

    async with db.reading() as tx:
        found = [await tx.row(select(things.c.id).where(things.c.n == n)) for n in (1, 2, 3, 1)]
        several = [await tx.rows(select(things.c.id).where(among(tx, things.c.id, [some]))) for some in "ab"]

    assert found == [{"id": "a"}, {"id": "b"}, None, {"id": "a"}]
    assert several == [[{"id": "a"}], [{"id": "b"}]]


async def test_a_value_that_is_not_given_is_missed_at_once(db: Database) -> None:
    async with db.reading() as tx:
        with pytest.raises(KeyError, match="id"):
            await tx.rows(select(things).where(things.c.id == bindparam("id")))


async def test_a_change_says_how_many_rows_it_met(db: Database) -> None:
    await put(db, FULL, EMPTY)

    async with db.transaction(CAUSE) as tx:
        met = [await tx.change(delete(things).where(things.c.n > n)) for n in (7, 0)]

    assert met == [0, 2]


async def test_a_duplicate_is_refused_as_sqlalchemy_names_it_and_undone_alone(db: Database) -> None:
    await put(db, FULL)

    async with db.transaction(CAUSE) as tx:
        with pytest.raises(IntegrityError):
            async with tx.connection.begin_nested():
                await tx.change(insert(things), EMPTY)
                await insert_many(tx, things, [FULL])
        with pytest.raises(Conflict):
            async with tx.attempt():
                await tx.change(insert(things), FULL)
        await tx.change(insert(things), {**EMPTY, "id": "c"})

    async with db.reading() as tx:
        assert await ids(tx) == ["a", "c"]


async def test_what_fails_or_is_given_up_leaves_nothing_and_its_connection_is_good(db: Database) -> None:
    entered = asyncio.Event()

    async def given_up() -> None:
        async with db.transaction(CAUSE) as tx:
            await tx.change(insert(things), FULL)
            entered.set()
            await asyncio.sleep(60)

    with pytest.raises(LookupError):
        async with db.transaction(CAUSE) as tx:
            await tx.change(insert(things), FULL)
            raise LookupError
    for _ in range(3):
        entered.clear()
        task = asyncio.create_task(given_up())
        await entered.wait()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    for _ in range(3):
        await put(db)
        async with db.reading() as tx:
            assert await ids(tx) == []
    assert db.connections_in_use() == 0


@pytest.mark.parametrize("at_once", [False, True])
async def test_nothing_done_in_a_view_is_kept(db: Database, *, at_once: bool) -> None:
    async with db.reading(at_once=at_once) as tx:
        await tx.rows(select(things))
        await tx.change(insert(things), FULL)
        await tx.execute(insert(things), EMPTY)
        assert await ids(tx) == ["a", "b"]

    async with db.reading() as tx:
        assert await ids(tx) == []


async def test_at_once_all_statements_see_the_same(db: Database) -> None:
    async with db.reading(at_once=True) as tx:
        assert await ids(tx) == []
        await put(db, FULL)
        assert await ids(tx) == []
