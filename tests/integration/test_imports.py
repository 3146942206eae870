from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import MetaData, select

from shared.db import Database, Transaction
from shared.imports.rows import ImportKind, ImportRow, Outcome, Result
from shared.imports.runner import ImportRunner
from shared.imports.tables import import_tables
from shared.kernel.errors import Invalid
from tests.support.tally import a_cause

metadata = MetaData()
tables = import_tables(metadata)


class Time:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
async def db(database_url: str, clock: Time) -> AsyncIterator[Database]:
    db = Database(database_url, clock=clock)
    async with db.transaction(a_cause()) as tx:
        await tx.connection.run_sync(metadata.create_all)
    yield db
    await db.close()


def lines(path: Path) -> Iterator[ImportRow]:
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if line == "broken":
            raise Invalid(f"Line {number} is broken.")
        yield ImportRow(section="lines", number=number, data={"text": line})


class Applying:
    """Takes what it is given, refuses `bad`, and can be held up."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.taken: list[str] = []

    async def __call__(self, _tx: Transaction, rows: Sequence[ImportRow]) -> list[Outcome]:
        await self.go_on.wait()
        if len(rows) > 1 and any(row.data["text"] == "bad" for row in rows):
            raise Invalid("one of these is bad")
        if rows[0].data["text"] == "bad":
            raise Invalid.at("/text", "this one is bad")
        self.taken += [row.data["text"] for row in rows]
        return [Outcome(Result.CREATED) for _ in rows]


async def ended(db: Database, id: str) -> dict[str, object]:
    async with asyncio.timeout(20):
        while True:
            async with db.reading() as tx:
                row = await tx.row(select(tables.operations).where(tables.operations.c.id == id))
            assert row is not None
            if row["status"] != "running":
                return dict(row)
            await asyncio.sleep(0.01)


def a_file(folder: Path, *texts: str) -> Path:
    path = folder / "file.txt"
    path.write_text("\n".join(texts))
    return path


async def started(runner: ImportRunner, applying: Applying, path: Path, *, validate_only: bool = False) -> str:
    kind = ImportKind(kind="lines", roles=("coordinator",), read=lines, apply=applying)
    return await runner.start(kind, path, cause=a_cause(), validate_only=validate_only)


async def test_one_bad_row_is_refused_with_its_reason_and_the_others_are_taken(db: Database, tmp_path: Path) -> None:
    runner, applying = ImportRunner(db=db, tables=tables, member="a"), Applying()

    operation = await ended(db, await started(runner, applying, a_file(tmp_path, "x", "bad", "y")))

    assert operation["status"] == "succeeded"
    assert operation["sections"] == {
        "lines": {"read": 3, "created": 2, "updated": 0, "unchanged": 0, "duplicate": 0, "parked": 0, "refused": 1}
    }
    assert applying.taken == ["x", "y"]
    async with db.reading() as tx:
        (report,) = await tx.rows(select(tables.reports))
    assert (report["number"], report["reason"], report["pointer"]) == (2, "this one is bad", "/text")


async def test_a_file_broken_at_its_end_changes_nothing(db: Database, tmp_path: Path) -> None:
    runner, applying = ImportRunner(db=db, tables=tables, member="a"), Applying()

    operation = await ended(db, await started(runner, applying, a_file(tmp_path, *["x"] * 3_000, "broken")))

    assert operation["status"] == "failed"
    assert operation["detail"] == "Line 3001 is broken."
    assert applying.taken == []


async def test_the_spooled_file_is_gone_in_the_end(db: Database, tmp_path: Path) -> None:
    runner = ImportRunner(db=db, tables=tables, member="a")
    path = a_file(tmp_path, "x")

    await ended(db, await started(runner, Applying(), path))
    await runner.close()

    assert not path.exists()


async def test_an_import_cut_off_by_a_stop_says_so_at_the_next_start(db: Database, tmp_path: Path) -> None:
    runner, applying = ImportRunner(db=db, tables=tables, member="a"), Applying()
    applying.go_on.clear()
    id = await started(runner, applying, a_file(tmp_path, "x"))
    await asyncio.sleep(0.05)
    await runner.close()

    await ImportRunner(db=db, tables=tables, member="a").interrupted()

    operation = await ended(db, id)
    assert operation["status"] == "interrupted"
    assert "import the file again" in str(operation["detail"])


async def test_another_replica_that_starts_leaves_a_running_import_alone_unless_it_fell_silent(
    db: Database, clock: Time, tmp_path: Path
) -> None:
    runner, applying = ImportRunner(db=db, tables=tables, member="a"), Applying()
    applying.go_on.clear()
    id = await started(runner, applying, a_file(tmp_path, "x"))
    other = ImportRunner(db=db, tables=tables, member="b")

    await other.interrupted()
    async with db.reading() as tx:
        row = await tx.row(select(tables.operations.c.status).where(tables.operations.c.id == id))
    assert row is not None
    assert row["status"] == "running"

    await runner.close()
    clock.now += timedelta(minutes=6)
    await other.interrupted()
    assert (await ended(db, id))["status"] == "interrupted"
