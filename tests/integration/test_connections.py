"""Connections are kept at hand between transactions, on both databases, and nobody waits while one lies there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text

from shared.db import Database
from shared.kernel.cause import Cause
from tests.support.servers import PostgresServer

CAUSE = Cause(actor="tests")


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url, pool_size=2)
    yield opened
    await opened.close()


async def asked(db: Database) -> object:
    async with db.reading() as tx:
        assert tx.connection.sync_connection is not None
        return tx.connection.sync_connection.connection.dbapi_connection


async def test_who_reads_next_has_the_connection_of_who_read_before(db: Database) -> None:
    first = await asked(db)

    assert await asked(db) is first
    assert db.connections_in_use() == 0


async def test_more_than_there_are_connections_take_turns(db: Database) -> None:
    async def slowly() -> None:
        async with db.reading():
            assert db.connections_in_use() <= 4
            await asyncio.sleep(0.01)

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(slowly())
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(slowly())

    assert db.connections_in_use() == 0


async def test_a_lock_of_a_session_takes_what_lies_at_hand(db: Database) -> None:
    async def reading() -> None:
        async with db.reading():
            await asyncio.sleep(0.01)

    await asyncio.gather(*(reading() for _ in range(4)))

    async with asyncio.timeout(5), db.session_lock("tests") as held:
        assert held is not None
        await asked(db)
    assert db.connections_in_use() == 0


async def test_what_a_transaction_changed_of_a_connection_is_not_met_by_the_next(db: Database) -> None:
    async with db.transaction(CAUSE) as tx:
        await tx.execute(text("CREATE TABLE seen (n INTEGER)"))
    async with db.reading() as tx:
        await tx.execute(text("INSERT INTO seen VALUES (1)"))

    async with db.reading() as tx:
        found = await tx.execute(text("SELECT count(*) FROM seen"))
        assert found.scalar_one() == 0


@pytest.mark.postgres
async def test_a_connection_that_the_server_ended_while_it_lay_at_hand_is_used_no_more(postgres: PostgresServer) -> None:
    name = f"test_{uuid4().hex}"
    url = postgres.create_database(name)
    db, other = Database(url), Database(url)
    ended = await backend(db)
    assert await backend(db) == ended

    async with other.transaction(CAUSE) as tx:
        await tx.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": ended})
    await asyncio.sleep(0.2)  # for the news to come

    assert await backend(db) != ended
    await db.close()
    await other.close()
    postgres.drop_database(name)


async def backend(db: Database) -> object:
    async with db.reading() as tx:
        row = await tx.row(select(func.pg_backend_pid().label("pid")))
        return row and row["pid"]
