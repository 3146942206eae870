"""A version whose migrations are one short, on the schema after it: it is ready there, and reads and writes all it knows."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import JSON, BigInteger, Column, Connection, MetaData, Table, delete, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from shared.db import Database, migrate
from shared.kernel.cause import Cause
from shared.kernel.errors import Conflict, Unavailable

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("registry", "catalog", "adoption", "gateway")
Version = Callable[..., str]


def migrations_of(service: str) -> list[Path]:
    return sorted((ROOT / "services" / service / "migrations" / "versions").glob("[0-9]*.py"))


@pytest.fixture
def version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Version:
    """The package of migrations that a version came with: these files, and one more if it is given."""
    monkeypatch.syspath_prepend(tmp_path)

    def version(files: list[Path], also: str = "") -> str:
        name = f"migrations_{uuid4().hex}"
        folder = tmp_path / name / "versions"
        folder.mkdir(parents=True)
        (tmp_path / name / "__init__.py").touch()
        for file in files:
            shutil.copy(file, folder)
        if also:
            last = files[-1].name.partition("_")[0]
            head = f"import sqlalchemy as sa\nfrom alembic import op\nrevision, down_revision = '9999', {last!r}\n"
            (folder / "9999_also.py").write_text(f"{head}def upgrade():\n    {also}\n")
        return name

    return version


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    db = Database(database_url)
    try:
        yield db
    finally:
        await db.close()


async def tables_of(db: Database) -> list[Table]:
    """As they are in the database, not in the code."""

    def reflected(connection: Connection) -> list[Table]:
        metadata = MetaData()
        metadata.reflect(connection)
        return [table for table in metadata.sorted_tables if table.name != "alembic_version"]

    async with db.reading() as tx:
        return await tx.connection.run_sync(reflected)


def a_value(column: Column[Any], number: int) -> Any:
    """As long, or as large, as the column takes."""
    if isinstance(column.type, JSON):
        return {"number": number}
    kind = column.type.python_type
    if kind is str:
        return str(number).ljust(getattr(column.type, "length", None) or 2, "x")
    if kind is int:
        return number + (2**40 if isinstance(column.type, BigInteger) else 0)
    values = {
        bool: True,
        bytes: b"%d" % number,
        date: date(2026, 1, 1) + timedelta(days=number),
        datetime: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number),
    }
    return values[kind]


def a_row(table: Table, number: int, *, least: bool = False) -> dict[str, Any]:
    """`least`: without what may be left out."""
    return {column.name: a_value(column, number) for column in table.c if not (least and column.nullable)}


async def write(db: Database, tables: list[Table]) -> None:
    """Rows that a migration finds: texts are short, as it may make longer ones of them."""
    async with db.transaction(Cause(actor="tests")) as tx:
        for table in tables:
            row = a_row(table, 10)
            short = {name: value[:2] if isinstance(value, str) else value for name, value in row.items()}
            await tx.connection.execute(insert(table), short)


async def counted(db: Database, tables: list[Table]) -> dict[str, int]:
    async with db.reading() as tx:
        return {
            table.name: (await tx.connection.execute(select(func.count()).select_from(table))).scalar_one() for table in tables
        }


async def use(db: Database, table: Table) -> None:
    """Everything that the version before does with a table of its own."""
    whole, least, changed = a_row(table, 20), a_row(table, 30, least=True), a_row(table, 40)
    keys = [column.name for column in table.primary_key]
    changed |= {name: whole[name] for name in keys}
    this = [table.c[name] == whole[name] for name in keys]
    async with db.transaction(Cause(actor="tests")) as tx:
        await tx.connection.execute(insert(table), whole)
        await tx.connection.execute(insert(table), least)
        for row in (whole, changed):
            await tx.connection.execute(update(table).where(*this).values(row))
            assert (await tx.connection.execute(select(table).where(*this))).mappings().one() == row
        for row in (changed, least):
            this = [table.c[name] == row[name] for name in keys]
            assert (await tx.connection.execute(delete(table).where(*this))).rowcount == 1


@pytest.mark.parametrize("service", SERVICES)
async def test_the_version_before_works_on_the_newest_schema(service: str, db: Database, version: Version) -> None:
    files = migrations_of(service)
    before, after = version(files[:-1]), version(files)
    await migrate.upgrade(db, package=before)
    tables = await tables_of(db)
    await write(db, tables)
    there = await counted(db, tables)
    assert await migrate.upgrade(db, package=after)

    await migrate.check(db, package=before)
    assert not await migrate.upgrade(db, package=before), "a pod that is started again has nothing to do"
    assert await counted(db, tables) == there, "a migration loses no row"
    for table in tables:
        await use(db, table)


@pytest.mark.parametrize(
    "step",
    [
        "op.drop_table('policies')",
        "op.drop_column('policies', 'title')",
        "op.execute('CREATE UNIQUE INDEX one ON policies ((version > 0))')",
        "op.rename_table('policies', 'old'); op.create_table('policies', sa.Column('id', sa.Text(), primary_key=True))",
    ],
)
async def test_what_the_version_before_cannot_use_is_found(step: str, db: Database, version: Version) -> None:
    files = migrations_of("registry")[:1]
    await migrate.upgrade(db, package=version(files))
    (policies,) = [table for table in await tables_of(db) if table.name == "policies"]
    await use(db, policies)
    await migrate.upgrade(db, package=version(files, step))

    with pytest.raises((SQLAlchemyError, Conflict)):
        await use(db, policies)


async def test_a_schema_that_is_behind_is_told_from_one_that_is_ahead(db: Database, version: Version) -> None:
    files = migrations_of("registry")
    older, newer = version(files[:1]), version(files[:2])
    await migrate.upgrade(db, package=older)

    with pytest.raises(Unavailable, match="at schema 0001, this version needs 0002"):
        await migrate.check(db, package=newer)
