from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from shared.db import Database, migrate
from shared.db.revise import difference
from shared.kernel.cause import Cause
from shared.kernel.errors import Unavailable

SERVICES = ("registry", "catalog", "adoption", "gateway")


@pytest.mark.parametrize("service", SERVICES)
async def test_migrations_lead_to_exactly_the_tables_of_the_code(service: str, database_url: str) -> None:
    db = Database(database_url)
    try:
        assert await migrate.upgrade(db, package=f"services.{service}.migrations")
        assert not await migrate.upgrade(db, package=f"services.{service}.migrations"), "a second run finds nothing to do"
        metadata = import_module(f"services.{service}.tables").metadata
        async with db.transaction(Cause(actor="tests")) as tx:
            body, _ = await tx.connection.run_sync(difference, metadata)
        assert body == "pass", 'run `python -m shared.db.revise <service> "what changes"`'
    finally:
        await db.close()


async def test_a_database_without_the_newest_schema_is_not_ready(database_url: str) -> None:
    db = Database(database_url)
    try:
        with pytest.raises(Unavailable, match="qsmo migrate"):
            await migrate.check(db, package="services.registry.migrations")
    finally:
        await db.close()


async def test_a_migration_that_fails_leaves_nothing_behind(database_url: str) -> None:
    db = Database(database_url)
    try:
        async with db.transaction(Cause(actor="tests")) as tx:
            await tx.execute(text("CREATE TABLE organizations (id INTEGER)"))  # in the way of the first schema

        with pytest.raises(Exception, match="organizations"):
            await migrate.upgrade(db, package="services.registry.migrations")

        async with db.reading() as tx:
            tables = await tx.connection.run_sync(lambda connection: inspect(connection).get_table_names())
        assert tables == ["organizations"]
    finally:
        await db.close()


ROOT = Path(__file__).resolve().parents[2]
# What the version before still reads or writes goes away, or asks for what it does not write.
_TAKES_AWAY = {"drop_column", "alter_column", "create_unique_constraint", "create_check_constraint"}
_IN_WORDS = re.compile(r"\b(DROP|SET NOT NULL|ALTER TABLE)\b", re.IGNORECASE)


def against_the_version_before(source: str) -> list[str]:
    """Operations of a migration after the first that code of the version before would not survive."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    made = {ast.unparse(call.args[0]) for call in calls if ast.unparse(call.func) == "op.create_table"}
    moved = [call.args for call in calls if ast.unparse(call.func) == "op.rename_table"]
    # A table may be put in the place of one that is moved aside, and that one go.
    aside = {ast.unparse(now) for before, now in moved if ast.unparse(before) in made}
    return [f"{call.lineno}: {ast.unparse(call.func)}" for call in calls if _breaks(call, made, aside)]


def _breaks(call: ast.Call, made: set[str], aside: set[str]) -> bool:
    name = ast.unparse(call.func).removeprefix("op.")
    options = {each.arg: ast.unparse(each.value) for each in call.keywords}
    if name == "add_column":
        column = {each.arg: ast.unparse(each.value) for each in getattr(call.args[1], "keywords", ())}
        return column.get("nullable") != "True" and "server_default" not in column
    if name == "create_index":
        return options.get("unique") == "True" and ast.unparse(call.args[1]) not in made
    if name in {"rename_table", "drop_table"}:
        return ast.unparse(call.args[-1]) not in aside
    if name == "execute":
        return bool(_IN_WORDS.search(ast.unparse(call)))
    return name in _TAKES_AWAY


@pytest.mark.parametrize("service", SERVICES)
def test_the_version_before_runs_on_what_each_migration_makes(service: str) -> None:
    files = sorted((ROOT / "services" / service / "migrations" / "versions").glob("[0-9]*.py"))[1:]
    assert files
    assert {file.name: found for file in files if (found := against_the_version_before(file.read_text()))} == {}


@pytest.mark.parametrize(
    "step",
    [
        "op.drop_column('plans', 'title')",
        "op.drop_table('plans')",
        "op.rename_table('plans', 'schemes')",
        "op.alter_column('plans', 'title', nullable=False)",
        "op.add_column('plans', sa.Column('kind', sa.Text(), nullable=False))",
        "op.create_index('one', 'plans', ['title'], unique=True)",
        "op.create_unique_constraint('one', 'plans', ['title'])",
        "op.execute('ALTER TABLE plans ALTER title SET NOT NULL')",
    ],
)
def test_what_the_version_before_would_not_survive_is_found(step: str) -> None:
    assert against_the_version_before(f"def upgrade():\n    {step}\n")


def test_what_only_adds_passes() -> None:
    steps = (
        "op.create_table('a', sa.Column('id', sa.Text(), nullable=False))",
        "op.create_index('one', 'a', ['id'], unique=True)",
        "op.add_column('plans', sa.Column('kind', sa.Text(), nullable=True))",
        "op.add_column('plans', sa.Column('kind', sa.Text(), nullable=False, server_default='x'))",
        "op.execute('INSERT INTO a SELECT id FROM plans')",
    )
    assert against_the_version_before("def upgrade():\n" + "".join(f"    {step}\n" for step in steps)) == []
