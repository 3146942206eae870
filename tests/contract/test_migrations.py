from __future__ import annotations

import ast
import re
from collections.abc import Iterable
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


# Name of a table → name of a column → its definition, as in `op.create_table`.
Shapes = dict[str, dict[str, ast.Call]]


def against_the_version_before(source: str, shapes: Shapes | None = None) -> list[str]:
    """Operations of a migration after the first that code of the version before would not survive; `shapes`: what it finds."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    made = {ast.unparse(call.args[0]) for call in calls if ast.unparse(call.func) == "op.create_table"}
    moved = [call.args for call in calls if ast.unparse(call.func) == "op.rename_table"]
    # A table may be put in the place of one that is moved aside, and that one go.
    aside = {ast.unparse(now) for before, now in moved if ast.unparse(before) in made}
    replaced = [call for call in calls if ast.unparse(call.func) == "op.create_table" and table_of(call) in (shapes or {})]
    found = [f"{call.lineno}: {ast.unparse(call.func)}" for call in calls if _breaks(call, made, aside)]
    return [*found, *(each for call in replaced for each in _lacks(call, (shapes or {})[table_of(call)]))]


def table_of(call: ast.Call) -> str:
    return str(ast.literal_eval(call.args[0]))


def columns_of(call: ast.Call) -> dict[str, ast.Call]:
    """Of `op.create_table` and `op.add_column`."""
    found = [each for each in call.args[1:] if isinstance(each, ast.Call) and ast.unparse(each.func) == "sa.Column"]
    return {table_of(each): each for each in found}


def shapes_after(sources: Iterable[str]) -> Shapes:
    """The tables that these migrations, in their order, lead to."""
    shapes: Shapes = {}
    for source in sources:
        calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
        for call in calls:
            if ast.unparse(call.func) == "op.create_table":
                shapes[table_of(call)] = columns_of(call)
            elif ast.unparse(call.func) == "op.add_column":
                shapes[table_of(call)] |= columns_of(call)
    return shapes


def _lacks(call: ast.Call, before: dict[str, ast.Call]) -> list[str]:
    """What a table that takes the place of one of its name has otherwise than code of the version before knows it."""
    after, place = columns_of(call), f"{call.lineno}: {table_of(call)}"
    gone = [f"{place}.{name} goes away" for name in before if name not in after]
    other = [
        f"{place}.{name} is another" for name, column in before.items() if name in after and not _same(column, after[name])
    ]
    asked = [f"{place}.{name} is asked for" for name, column in after.items() if name not in before and _is_asked_for(column)]
    return [*gone, *other, *asked]


def _same(before: ast.Call, after: ast.Call) -> bool:
    """Or wider: a longer text, a value that need not be given."""
    (kind, length), (kind_after, length_after) = _type_of(before), _type_of(after)
    return kind == kind_after and length <= length_after and (_is_asked_for(before) or not _is_asked_for(after))


def _type_of(column: ast.Call) -> tuple[str, int]:
    """`sa.String(length=8)` is a String of 8; what has no length has one of 0."""
    kind, _, length = ast.unparse(column.args[1]).partition("length=")
    return kind, int(length.rstrip(")") or 0)


def _is_asked_for(column: ast.Call) -> bool:
    """Whether a row without it is refused."""
    options = {each.arg: ast.unparse(each.value) for each in column.keywords}
    return options.get("nullable") != "True" and "server_default" not in options


def _breaks(call: ast.Call, made: set[str], aside: set[str]) -> bool:
    name = ast.unparse(call.func).removeprefix("op.")
    options = {each.arg: ast.unparse(each.value) for each in call.keywords}
    if name == "add_column":
        return any(map(_is_asked_for, columns_of(call).values()))
    if name == "create_index":
        return options.get("unique") == "True" and ast.unparse(call.args[1]) not in made
    if name in {"rename_table", "drop_table"}:
        return ast.unparse(call.args[-1]) not in aside
    if name == "execute":
        return bool(_IN_WORDS.search(ast.unparse(call)))
    return name in _TAKES_AWAY


@pytest.mark.parametrize("service", SERVICES)
def test_the_version_before_runs_on_what_each_migration_makes(service: str) -> None:
    files = sorted((ROOT / "services" / service / "migrations" / "versions").glob("[0-9]*.py"))
    sources = [file.read_text() for file in files]
    found = {
        files[count].name: against_the_version_before(sources[count], shapes_after(sources[:count]))
        for count in range(1, len(files))
    }
    assert found == {name: [] for name in found}
    assert found


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


TITLE = "sa.Column('title', sa.Text(), nullable=True)"
DUE = "sa.Column('due', sa.Date(), nullable=True)"
CODE = "sa.Column('code', sa.String(length=8), nullable=True)"
BEFORE = f"""
def upgrade():
    op.create_table('plans', sa.Column('id', sa.Text(), nullable=False), {TITLE}, {CODE})
    op.add_column('plans', {DUE})
"""
REPLACED = """
def upgrade():
    op.rename_table('plans', 'plans_before')
    op.create_table('plans', sa.Column('id', sa.Text(), nullable=False), {columns})
    op.drop_table('plans_before')
"""


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        (f"{TITLE}, {CODE}", ["4: plans.due goes away"]),
        (f"{TITLE.replace('Text()', 'Date()')}, {DUE}, {CODE}", ["4: plans.title is another"]),
        (f"{TITLE.replace('True', 'False')}, {DUE}, {CODE}", ["4: plans.title is another"]),
        (f"{TITLE}, {DUE}, {CODE}, {TITLE.replace('title', 'kind').replace('True', 'False')}", ["4: plans.kind is asked for"]),
        (f"{TITLE}, {DUE}, sa.Column('code', sa.String(length=7), nullable=True)", ["4: plans.code is another"]),
        (f"{DUE}, {TITLE}, sa.Column('code', sa.String(length=9), nullable=True)", []),
    ],
)
def test_a_table_that_replaces_one_of_its_name_has_its_columns(columns: str, found: list[str]) -> None:
    assert against_the_version_before(REPLACED.format(columns=columns), shapes_after([BEFORE])) == found
