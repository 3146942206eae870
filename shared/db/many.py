"""Many rows or keys in one statement, the same on SQLite and PostgreSQL.

Rows go to the driver past SQLAlchemy's handling of each row's parameters, which costs as much as the rest of an import.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from operator import itemgetter
from typing import Any, TypeVar

import orjson
from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Date,
    Dialect,
    Select,
    String,
    Table,
    any_,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from shared.db.database import Transaction

_STATEMENTS = 256
_DAYS = 20_000
V = TypeVar("V", str, int)
_Processor = Callable[[Any], Any]
_Compiled = tuple[str, tuple[str, ...], tuple[tuple[int, _Processor], ...]]


async def insert_many(tx: Transaction, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """All rows have the columns of the first; columns left out get what the database gives them."""
    if rows:
        await _execute(tx, table, rows, on_conflict=False)


async def insert_tuples(tx: Transaction, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    """As `insert_many`, of rows that have their values in the order of `columns`, which is that of the table.

    PostgreSQL takes them by COPY, at a third of what inserting costs it.
    """
    if not rows:
        return
    statement, names, processors = _compiled(table, tx.connection.dialect, columns, on_conflict=False)
    if names != columns:
        raise ValueError(f"The columns of {table.name} have the order {names}, not {columns}.")
    if tx.is_postgresql:
        driver: Any = (await tx.connection.get_raw_connection()).driver_connection
        await driver.copy_records_to_table(table.name, records=_processed(rows, processors), columns=columns)
    else:
        await tx.driver.many(statement, list(_processed(rows, processors)))


async def upsert(tx: Transaction, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows by primary key; a row that exists takes over every other column given. Keys must be distinct."""
    if rows:
        await _execute(tx, table, rows, on_conflict=True)


def among(tx: Transaction, column: Column[V], values: Collection[V]) -> ColumnElement[bool]:
    """`column IN (values)` with one parameter, however many values there are."""
    kind = _keys_type(column, is_postgresql=tx.is_postgresql)
    return _in(column, bindparam(None, keys(tx, values), type_=kind), is_postgresql=tx.is_postgresql)


def in_keys(column: Column[V], name: str, *, is_postgresql: bool) -> ColumnElement[bool]:
    """As `among`, for a statement that is built once; its parameter `name` is given as `keys`."""
    kind = _keys_type(column, is_postgresql=is_postgresql)
    return _in(column, bindparam(name, type_=kind), is_postgresql=is_postgresql)


def keys(tx: Transaction, values: Collection[V]) -> Any:
    """The values as the one parameter that the database at hand takes."""
    return list(values) if tx.is_postgresql else orjson.dumps(list(values)).decode()


def _keys_type(column: Column[V], *, is_postgresql: bool) -> TypeEngine[Any]:
    return postgresql.ARRAY(column.type) if is_postgresql else String()


def _in(column: Column[V], given: BindParameter[Any], *, is_postgresql: bool) -> ColumnElement[bool]:
    if is_postgresql:
        return column == any_(given)
    return column.in_(select(func.json_each(given).table_valued("value", name="given").c.value))


async def _execute(tx: Transaction, table: Table, rows: Sequence[Mapping[str, Any]], *, on_conflict: bool) -> None:
    in_one = tx.is_postgresql and len(rows) > 1
    compiled = _compiled_in_one if in_one else _compiled
    statement, names, processors = compiled(table, tx.connection.dialect, tuple(rows[0]), on_conflict=on_conflict)
    given = _tuples(rows, names, processors)
    if in_one:  # a list per column in one statement, at a third of what a statement per row costs both sides
        await tx.driver.change(statement, tuple(map(list, zip(*given, strict=True))))
    else:
        await tx.driver.many(statement, list(given))


def _tuples(
    rows: Sequence[Mapping[str, Any]], names: tuple[str, ...], processors: tuple[tuple[int, _Processor], ...]
) -> Iterator[tuple[Any, ...]]:
    pick = itemgetter(*names) if len(names) > 1 else lambda row: (row[names[0]],)
    return _processed(map(pick, rows), processors)


def _processed(rows: Iterable[tuple[Any, ...]], processors: tuple[tuple[int, _Processor], ...]) -> Iterator[tuple[Any, ...]]:
    if not processors:
        yield from rows
        return
    for row in rows:
        values = list(row)
        for position, process in processors:
            values[position] = process(values[position])
        yield tuple(values)


@lru_cache(maxsize=_STATEMENTS)
def _compiled(table: Table, dialect: Dialect, columns: tuple[str, ...], *, on_conflict: bool) -> _Compiled:
    """In the driver's own words: the statement, its columns in order, and what turns their values into the driver's."""
    statement = insert(table) if not on_conflict else _upserting(_own_insert(table, dialect), columns)
    compiled = statement.inline().compile(dialect=dialect, column_keys=list(columns))
    names = tuple(compiled.positiontup or ())
    return str(compiled), names, _processors(table, dialect, names)


@lru_cache(maxsize=_STATEMENTS)
def _compiled_in_one(table: Table, dialect: Dialect, columns: tuple[str, ...], *, on_conflict: bool) -> _Compiled:
    """As `_compiled`, for a list of values per column."""
    statement = _own_insert(table, dialect).from_select(columns, _given(table, dialect, columns), include_defaults=False)
    if on_conflict:
        statement = _upserting(statement, columns)
    return str(statement.compile(dialect=dialect)), columns, _processors(table, dialect, columns)


def _given(table: Table, dialect: Dialect, columns: tuple[str, ...]) -> Select[Any]:
    # Without its length: a cast to varchar(n) would cut what is too long, which the column itself refuses.
    kinds = [re.sub(r"\(.*\)", "", table.c[name].type.compile(dialect)) for name in columns]
    lists = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(kinds, start=1))
    names = ", ".join(f"c{n}" for n in range(len(columns)))
    return select(literal_column("*")).select_from(text(f"unnest({lists}) AS given({names})"))


def _processors(table: Table, dialect: Dialect, names: tuple[str, ...]) -> tuple[tuple[int, _Processor], ...]:
    found = [(n, _processor(table.c[name].type, dialect)) for n, name in enumerate(names)]
    return tuple((n, process) for n, process in found if process is not None)


def _processor(type_: TypeEngine[Any], dialect: Dialect) -> _Processor | None:
    """Days are few and rows are many: each day is written out once."""
    process = type_.dialect_impl(dialect).bind_processor(dialect)
    return lru_cache(maxsize=_DAYS)(process) if process is not None and isinstance(type_, Date) else process


def _own_insert(table: Table, dialect: Dialect) -> Any:
    # By name: a service of the cluster never loads SQLite.
    return import_module(f"sqlalchemy.dialects.{dialect.name}").insert(table)


def _upserting(statement: Any, columns: tuple[str, ...]) -> Any:
    keys = [column.name for column in statement.table.primary_key]
    if updated := {name: statement.excluded[name] for name in columns if name not in keys}:
        return statement.on_conflict_do_update(index_elements=keys, set_=updated)
    return statement.on_conflict_do_nothing(index_elements=keys)
