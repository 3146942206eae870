"""SQLite with few turns of threads: short statements where they are asked for, all others where nobody waits for them."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from shared.db import Database
from shared.db.sqlite import Connection, Costs
from shared.kernel.cause import Cause
from shared.kernel.errors import Unavailable

CAUSE = Cause(actor="tests")
SHORT = text("SELECT count(*) FROM thing")
_ROWS = 400_000
LONG = text(f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {_ROWS}) SELECT max(i) FROM n")


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    db = Database(f"sqlite+aiosqlite:///{tmp_path / 'things.db'}")
    async with db.transaction(CAUSE) as tx:
        await tx.execute(text("CREATE TABLE thing (id INTEGER PRIMARY KEY)"))
    yield db
    await db.close()


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that were handed to a thread."""
    handed: list[str] = []
    in_turn = Connection._in_turn

    def noted(self: Connection, step: object, *arguments: object) -> object:
        handed.append(str(arguments[1]))
        return in_turn(self, step, *arguments)

    monkeypatch.setattr(Connection, "_in_turn", noted)
    return handed


def test_a_statement_is_short_once_it_showed_that_and_not_any_more_once_it_is_not() -> None:
    costs = Costs()
    assert not costs.is_short("SELECT 1")

    costs.took("SELECT 1", 0.000_1)
    assert costs.is_short("SELECT 1")

    costs.took("SELECT 1", 0.005)  # once is chance
    assert costs.is_short("SELECT 1")
    for _ in range(5):
        costs.took("SELECT 1", 0.005)
    assert not costs.is_short("SELECT 1")


async def test_short_statements_need_no_thread_and_long_ones_have_one_each_time(db: Database, threads: list[str]) -> None:
    for _ in range(3):
        async with db.reading() as tx:
            assert (await tx.execute(SHORT)).scalar() == 0
            assert (await tx.execute(LONG)).scalar() == _ROWS

    assert threads.count(SHORT.text) == 1
    assert threads.count(LONG.text) == 3


async def test_the_loop_goes_on_while_a_long_statement_runs(db: Database) -> None:
    turns = 0

    async def turning() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.001)
            turns += 1

    task = asyncio.create_task(turning())
    async with db.reading() as tx:
        await tx.execute(LONG)
    task.cancel()

    assert turns >= 5


async def test_who_stops_waiting_for_a_statement_leaves_nothing_half_done(db: Database) -> None:
    async def writing() -> None:
        async with db.transaction(CAUSE) as tx:
            await tx.execute(text("INSERT INTO thing VALUES (1)"))
            await tx.execute(LONG)

    for _ in range(3):
        task = asyncio.create_task(writing())
        await asyncio.sleep(0.02)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

        async with db.transaction(CAUSE) as tx:
            assert (await tx.execute(SHORT)).scalar() == 0


async def test_a_commit_that_nobody_waits_for_any_more_commits_nothing_else(db: Database) -> None:
    async def writing(id: int, *, thread_busy_s: float = 0.0, gives_up: bool = False) -> None:
        async with db.transaction(CAUSE) as tx:
            await tx.execute(text("INSERT INTO thing VALUES (:id)"), {"id": id})
            raw = await tx.connection.get_raw_connection()
            raw.driver_connection._tx.put_nowait((None, partial(time.sleep, thread_busy_s)))  # type: ignore[union-attr]  # aiosqlite's
            if gives_up:
                await asyncio.sleep(0.4)
                raise LookupError

    await writing(0)  # so that its statements are known to be short
    task = asyncio.create_task(writing(1, thread_busy_s=0.3))
    await asyncio.sleep(0.1)  # its commit waits for the thread
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    with contextlib.suppress(LookupError):
        await writing(2, gives_up=True)

    async with db.reading() as tx:
        found = set((await tx.execute(text("SELECT id FROM thing"))).scalars())
    assert 2 not in found
    assert 0 in found


async def test_another_process_that_writes_is_waited_for_and_the_loop_goes_on(db: Database, tmp_path: Path) -> None:
    async with db.transaction(CAUSE):  # so that its beginning is known to be short
        pass
    other = sqlite3.connect(tmp_path / "things.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    releasing = threading.Timer(1.0, other.execute, ("COMMIT",))
    releasing.start()

    begun, longest, last = time.monotonic(), 0.0, time.monotonic()
    writing = asyncio.create_task(_write(db))
    while not writing.done():
        await asyncio.sleep(0.005)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    await writing
    releasing.join()
    other.close()

    assert time.monotonic() - begun >= 0.9
    assert longest < 0.6
    async with db.reading() as tx:
        assert (await tx.execute(SHORT)).scalar() == 1


async def test_a_writer_that_never_ends_makes_the_database_unavailable(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.db.sqlite._PATIENCE_S", 0.1)
    with contextlib.closing(sqlite3.connect(tmp_path / "things.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            await _write(db)


async def _write(db: Database) -> None:
    async with db.transaction(CAUSE) as tx:
        await tx.execute(text("INSERT INTO thing VALUES (1)"))
