"""SQLite for asyncio with few turns of threads.

aiosqlite's dialect hands each step to the connection's thread: making a cursor, executing, fetching, closing. Each wakes a
thread and then the loop, and the rows of a result wait for the interpreter's lock one by one: under load that, not SQLite,
was nearly all of a write. Here a statement is one step, and one that is known to be short is done where it is asked for.
"""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import aiosqlite
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
    SQLiteDialect_aiosqlite,
)
from sqlalchemy.util.concurrency import await_

# What the loop may be kept from its other work for.
_SHORT_S = 0.001
_SHORT_ROWS = 16
_WEIGHT = 0.1
_STATEMENTS_MAX = 5_000
_BUSY_POLL_S = 0.005
_PATIENCE_S = 10.0

Executed = tuple[sqlite3.Cursor, Sequence[Any]]


class Costs:
    """How long each statement takes, as an average that follows the last few dozen."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    def is_short(self, sql: str) -> bool:
        """False for one that was never seen: it has to show it first."""
        return self._seconds.get(sql, _SHORT_S) < _SHORT_S

    def took(self, sql: str, seconds: float) -> None:
        known = self._seconds.get(sql)
        if known is None and len(self._seconds) >= _STATEMENTS_MAX:
            self._seconds.clear()
        self._seconds[sql] = seconds if known is None else known + _WEIGHT * (seconds - known)


def execute(connection: sqlite3.Connection, sql: str, parameters: Any, costs: Costs) -> Executed:
    begun = time.thread_time()  # not what this thread waits for the interpreter
    cursor = connection.execute(sql, parameters)
    rows = cursor.fetchall() if cursor.description else ()
    costs.took(sql, time.thread_time() - begun)
    return cursor, rows


def execute_patiently(connection: sqlite3.Connection, sql: str, parameters: Any, costs: Costs) -> Executed:
    """Another process writes: its turn ends soon."""
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return execute(connection, sql, parameters, costs)
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() > until:
                raise
        time.sleep(_BUSY_POLL_S)


def executemany(connection: sqlite3.Connection, sql: str, parameters: Any) -> sqlite3.Cursor:
    return connection.executemany(sql, parameters)


class Cursor(AsyncAdapt_aiosqlite_cursor):
    """Has sqlite3's own cursor once something was executed, and all of its rows."""

    __slots__ = ()
    _awaitable_cursor_close = False
    _adapt_connection: Connection

    def _aenter_cursor(self, cursor: Any) -> Any:
        return cursor

    def _make_new_cursor(self, _connection: Any) -> Any:
        return None

    def execute(self, operation: Any, parameters: Any = None) -> None:
        at = self._adapt_connection
        try:
            cursor, rows = await_(at.execution(operation, parameters or ()))
        except Exception as error:  # noqa: BLE001 - raised again, as what the dialect knows
            at._handle_exception(error)  # noqa: SLF001 - as the class this is made of
        self._cursor: Any = cursor
        self._rows = deque(rows)

    def executemany(self, operation: Any, seq_of_parameters: Any) -> None:
        at = self._adapt_connection
        try:
            self._cursor = await_(at.execution_of_many(operation, seq_of_parameters))
        except Exception as error:  # noqa: BLE001 - as above
            at._handle_exception(error)  # noqa: SLF001 - as above


class Connection(AsyncAdapt_aiosqlite_connection):
    """`_is_at_rest`: nothing of it is with its thread. Who stops waiting for a step does not stop the step."""

    __slots__ = ("_is_at_rest",)
    _cursor_cls = Cursor
    dbapi: Module

    def __init__(self, dbapi: Module, connection: Any) -> None:
        super().__init__(dbapi, connection)
        self._is_at_rest = True

    @property
    def in_transaction(self) -> bool:
        return bool(self._connection._connection and self._driver.in_transaction)  # noqa: SLF001 - None once it is closed

    async def execution(self, sql: str, parameters: Any) -> Executed:
        costs = self.dbapi.costs
        if self._may_be_here() and costs.is_short(sql):
            try:
                return execute(self._driver, sql, parameters, costs)
            except sqlite3.OperationalError as error:
                if not _is_busy(error):
                    raise
        step = execute_patiently if self.dbapi.does_short_ones_here else execute
        found: Executed = await self._in_turn(step, self._driver, sql, parameters, costs)
        return found

    async def execution_of_many(self, sql: str, rows: Any) -> Any:
        if self._may_be_here() and len(rows) <= _SHORT_ROWS:
            return executemany(self._driver, sql, rows)
        return await self._in_turn(executemany, self._driver, sql, rows)

    async def ending(self, how: str) -> None:
        """`commit` or `rollback`."""
        if not self._connection._connection:  # noqa: SLF001 - None once it is closed
            return
        if how == "rollback" and self._may_be_here():
            self._driver.rollback()
        else:
            await self._in_turn(getattr(self._driver, how))

    def commit(self) -> None:
        self._end("commit")

    def rollback(self) -> None:
        self._end("rollback")

    def _end(self, how: str) -> None:
        try:
            await_(self.ending(how))
        except Exception as error:  # noqa: BLE001 - raised again, as what the dialect knows
            self._handle_exception(error)

    @property
    def _driver(self) -> sqlite3.Connection:
        """Raises ValueError once it is closed."""
        found: sqlite3.Connection = self._connection._conn  # noqa: SLF001 - aiosqlite shows it to nobody
        return found

    def _may_be_here(self) -> bool:
        return self._is_at_rest and self.dbapi.does_short_ones_here

    async def _in_turn(self, step: Any, *arguments: Any) -> Any:
        self._is_at_rest = False
        try:
            done = await self._connection._execute(step, *arguments)  # noqa: SLF001 - as aiosqlite's own classes
        except Exception:
            self._is_at_rest = True
            raise
        self._is_at_rest = True  # and so is all that was before it
        return done


class Module(AsyncAdapt_aiosqlite_dbapi):
    """What the dialect takes for the driver."""

    does_short_ones_here = True

    def __init__(self, *modules: Any) -> None:
        super().__init__(*modules)
        self.costs = Costs()

    def connect(self, *arguments: Any, **options: Any) -> Any:
        made = options.pop("async_creator_fn", self.aiosqlite.connect)(*arguments, **options)
        made._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy has it: a process may end with a connection open
        return Connection(self, await_(made))


class Dialect(SQLiteDialect_aiosqlite):
    """`sqlite+turns:///file`."""

    driver = "turns"
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> Any:
        return Module(aiosqlite, sqlite3)


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


registry.register("sqlite.turns", __name__, "Dialect")
