"""Engines and transactions: one writer at a time on SQLite, a pool on PostgreSQL."""

from __future__ import annotations

import asyncio
import math
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from typing import Any

import orjson
from sqlalchemy import CursorResult, Executable, event, make_url, text
from sqlalchemy.exc import DBAPIError, DisconnectionError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection

from shared.db.at_hand import IDLE_SINCE, TRUSTED_IDLE_S, AtHand, Taken
from shared.db.driver import Driver
from shared.db.engines import AsyncConnection, AsyncEngine, create_async_engine
from shared.db.statements import Statements
from shared.kernel.cause import Cause
from shared.kernel.errors import Conflict, Unavailable
from shared.kernel.time import Clock, utc_now

_SQLITE_READERS = 4
_SILENT_S = 5.0
# Connection lost, deadlock, resources used up, lock not to be had in time, statement too long, shutting down or starting up.
# Source: PostgreSQL, Appendix A, error codes.
_PASSING = ("08", "40", "53", "55P03", "57014", "57P")
_DUPLICATE = "23"
_REFUSED = "The database refused this: it would duplicate or break a reference."
_LOST = "The database connection was lost, or the database cannot serve now."
_CROWDED = "All connections to the database were in use for too long."
_SQLITE_ERROR = 1  # its number in sqlite3.h: a service of the cluster never loads the module
_TRY_LOCK = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
# A process that is stopped keeps its connections, and their locks, for as long as its kernel answers for it.
# The name is for operators: pg_stat_activity shows who holds the lock.
_HOLDER = text(
    "SELECT set_config('idle_session_timeout', :milliseconds, false), set_config('application_name', :holder, false)"
)
_LONGEST_APPLICATION_NAME = 63
_HOLDING = Cause(actor="holder", correlation_id="")
_SNAPSHOT, _SNAPSHOT_OF_SQLITE = "BEGIN ISOLATION LEVEL REPEATABLE READ", "BEGIN"

Row = Mapping[Any, Any]


class RollbackOnly(Exception):
    """Raised inside a transaction to leave nothing behind; `result` is what the caller wanted to see."""

    def __init__(self, result: Any) -> None:
        super().__init__("dry run")
        self.result = result


@dataclass(slots=True)
class Transaction:
    """One open transaction: what commands and queries execute against."""

    connection: AsyncConnection
    cause: Cause
    at: datetime
    driver: Driver
    statements: Statements
    # Keeps nothing, and on PostgreSQL has not begun anything that could be undone.
    is_view: bool = False
    after_commit: list[Callable[[], None]] = field(default_factory=list)
    # (service, aggregate) → the version that its newest fact of this transaction made.
    recorded: dict[tuple[str, str], int] = field(default_factory=dict)

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        """Anything, with all that SQLAlchemy knows of its result. `rows` and `change` cost a third of it."""
        if self.is_view and not statement.is_select:
            await self._begin_what_is_undone()
        return await self.connection.execute(statement, parameters)

    async def rows(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Sequence[Row]:
        plan = self.statements.plan(statement, parameters or {})
        if plan is None or (self.is_view and not statement.is_select):
            return (await self.execute(statement, parameters)).mappings().all()
        return plan.shape.rows(await self.driver.fetch(plan.shape.sql, plan.values(parameters or {})))

    async def row(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Row | None:
        found = await self.rows(statement, parameters)
        return found[0] if found else None

    async def change(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> int:
        """How many rows the statement met."""
        plan = None if self.is_view else self.statements.plan(statement, parameters or {})
        if plan is None:
            return (await self.execute(statement, parameters)).rowcount
        return await self.driver.change(plan.shape.sql, plan.values(parameters or {}))

    async def _begin_what_is_undone(self) -> None:
        if self.is_postgresql:
            await self.driver.control("BEGIN")
        self.is_view = False

    @property
    def is_postgresql(self) -> bool:
        return self.connection.dialect.name == "postgresql"

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """What is done inside is undone when the block raises; the transaction can go on.

        Raises Conflict when the database refuses a duplicate.
        """
        with _translated():
            async with self.connection.begin_nested():
                yield


class Database:
    """A service's database. Makes engines when built, connects when used, closes with `close`.

    PostgreSQL ends a statement after `statement_s`, also when whoever asked has gone: `Unavailable`. Each connection to it is
    made as the user that `url_now` then names, so that passwords can be rotated under a running process.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock = utc_now,
        pool_size: int = 10,
        pool_wait_s: float = 10.0,
        statement_s: float = 60.0,
        url_now: Callable[[], str] | None = None,
    ) -> None:
        self.url = url
        self.clock = clock
        self.is_sqlite = url.startswith("sqlite")
        # Told of transactions that recorded facts.
        self.on_commit: list[Callable[[], None]] = []
        self._write_lock = asyncio.Lock()
        if self.is_sqlite:
            writer = _sqlite_engine(url, pool_size=1, pool_wait_s=pool_wait_s, begin="BEGIN IMMEDIATE")
            reader = _sqlite_engine(url, pool_size=_SQLITE_READERS, pool_wait_s=pool_wait_s, begin="BEGIN")
            self._writer, self._reader = AtHand(writer, is_local=True), AtHand(reader, is_local=True)
        else:
            engine = _postgresql_engine(url, pool_size=pool_size, pool_wait_s=pool_wait_s, statement_s=statement_s)
            self._writer = self._reader = AtHand(engine, is_local=False)
            if url_now is not None:
                _log_in_as_now(engine, url_now)
        self._statements = {each: _statements(each.engine) for each in (self._writer, self._reader)}

    def connections_in_use(self) -> int:
        pools: dict[AtHand, Any] = {each: each.engine.pool for each in (self._writer, self._reader)}
        return sum(pool.checkedout() - each.idle() for each, pool in pools.items())

    @asynccontextmanager
    async def transaction(self, cause: Cause) -> AsyncIterator[Transaction]:
        """A read-write transaction, committed when the block ends without an error.

        Raises Conflict when the database refuses a duplicate, Unavailable when it is away.
        """
        with _translated():
            if self.is_sqlite:
                async with self._write_lock, self._opened(self._writer, cause, begin="BEGIN IMMEDIATE", keep=True) as tx:
                    yield tx
            else:
                async with self._opened(self._writer, cause, begin="BEGIN", keep=True) as tx:
                    yield tx
        for callback in (*tx.after_commit, *(self.on_commit if tx.recorded else ())):
            callback()

    @asynccontextmanager
    async def reading(self, cause: Cause | None = None, *, at_once: bool = False) -> AsyncIterator[Transaction]:
        """A read-only view; nothing done in it is kept.

        Each statement sees what was committed before it, but `at_once` all see what the first one saw.
        """
        snapshot = (_SNAPSHOT_OF_SQLITE if self.is_sqlite else _SNAPSHOT) if at_once else None
        cause = cause or Cause(actor="reader", correlation_id="")
        with _translated():
            async with self._opened(self._reader, cause, begin=snapshot, keep=False) as tx:
                yield tx

    @asynccontextmanager
    async def _opened(self, hand: AtHand, cause: Cause, *, begin: str | None, keep: bool) -> AsyncIterator[Transaction]:
        taken = await hand.take()
        driver, is_clean = taken.driver, False
        try:
            tx = Transaction(taken.connection, cause, self.clock(), driver, self._statements[hand], is_view=begin is None)
            if begin is not None:
                await driver.control(begin)
            yield tx
            if keep:
                await driver.commit()
            elif begin is not None or not tx.is_view:
                await driver.rollback()
            is_clean = True
        finally:
            if is_clean:
                await hand.give_back(taken)
            else:
                await _to_its_end(_abandoned(taken))

    @asynccontextmanager
    async def session_lock(self, name: str, *, silence_s: float = 3.0) -> AsyncIterator[Transaction | None]:
        """What the holder of the named lock reads with for as long as the block lasts, or None if another holds it.

        Each statement is by itself. On SQLite the one process that opened the file always holds it. On PostgreSQL a holder
        that leaves the connection unused for `silence_s` loses it, and the lock with it: `Unavailable` is what it finds at
        its next use.
        """
        with _translated():
            taken = await self._reader.take()
            async with aclosing(taken.connection) as connection:
                holder = Transaction(connection, _HOLDING, self.clock(), taken.driver, self._statements[self._reader])
                if self.is_sqlite:
                    yield holder
                    return
                is_held = await connection.scalar(_TRY_LOCK, {"name": name})
                try:
                    if is_held:
                        named = f"{name} {os.getpid()}@{socket.gethostname()}"
                        told = {"milliseconds": str(int(silence_s * 1000)), "holder": named[:_LONGEST_APPLICATION_NAME]}
                        await connection.execute(_HOLDER, told)
                    yield holder if is_held else None
                finally:
                    # A pooled connection must never carry the lock away: the session ends here.
                    await connection.invalidate()

    async def ping(self) -> None:
        """Raises Unavailable when the database cannot be reached."""
        async with self.reading() as tx:
            await tx.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self._writer.close()
        if self._reader is not self._writer:
            await self._reader.close()


async def _abandoned(taken: Taken) -> None:
    """What was begun on it is undone; where that cannot be, nobody gets this connection any more."""
    try:
        await taken.driver.rollback()
    except Exception:  # noqa: BLE001 - whatever it is, somebody was told of the error before it
        await taken.connection.invalidate()
    finally:
        await taken.connection.close()


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Also when whoever waits is cancelled meanwhile."""
    task, cancelled = asyncio.create_task(work), None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    task.result()


def _statements(engine: AsyncEngine) -> Statements:
    return Statements(engine.dialect, engine.sync_engine._compiled_cache)  # noqa: SLF001 - shared with SQLAlchemy's own way


class _translated:  # noqa: N801 - reads as a statement at its one use
    """Driver errors → the closed set of the kernel."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> None:
        match error:
            case IntegrityError():
                raise Conflict(_REFUSED, code="integrity") from error
            case OperationalError() | InterfaceError() if not _is_sqlite_logic_error(error):
                raise Unavailable("The database is not available.") from error
            case DBAPIError() if error.connection_invalidated or _is_passing(error):
                raise Unavailable(_LOST) from error
            case NoConnection():
                raise Unavailable(_CROWDED) from error
            case OSError():
                raise Unavailable("The database cannot be reached.") from error
            case Exception() if _sqlstate(error).startswith(_DUPLICATE):
                raise Conflict(_REFUSED, code="integrity") from error
            case Exception() if _sqlstate(error).startswith(_PASSING):
                raise Unavailable(_LOST) from error


def _is_passing(error: DBAPIError) -> bool:
    """Of PostgreSQL's errors those that trying again later may cure; its driver tells few of them apart."""
    return _sqlstate(error.orig).startswith(_PASSING)


def _sqlstate(error: object) -> str:
    """Of an error of PostgreSQL's driver, which rows that are copied raise as it is; empty for others."""
    return str(getattr(error, "sqlstate", None) or "")


def _is_sqlite_logic_error(error: DBAPIError) -> bool:
    """SQLite says OperationalError of wrong SQL as well as of a database that is locked or full."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code is not None and code & 0xFF == _SQLITE_ERROR


def _sqlite_engine(url: str, *, pool_size: int, pool_wait_s: float, begin: str) -> AsyncEngine:
    import_module("shared.db.sqlite")  # which names the dialect; a service of the cluster never loads it
    engine = create_async_engine(
        url.replace("sqlite+aiosqlite:", "sqlite+turns:"),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_wait_s,
        json_serializer=_dumps,
        json_deserializer=orjson.loads,
        connect_args={"check_same_thread": False},  # the loop's and the connection's own, in turns
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=0",  # whoever waits does so elsewhere: see shared.db.sqlite
            "cache_size=-8000",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Any) -> None:
        if not connection.connection.dbapi_connection.in_transaction:
            connection.exec_driver_sql(begin)

    return engine


def _postgresql_engine(url: str, *, pool_size: int, pool_wait_s: float, statement_s: float) -> AsyncEngine:
    engine = create_async_engine(
        url,
        isolation_level="AUTOCOMMIT",  # a transaction is begun and ended by who opens it, without asking SQLAlchemy
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_wait_s,
        json_serializer=_dumps,
        json_deserializer=orjson.loads,
        connect_args={
            "timeout": 10,
            "command_timeout": statement_s + _SILENT_S,  # for a server that does not answer
            "server_settings": {
                "lock_timeout": "10s",
                "statement_timeout": f"{statement_s * 1000:.0f}",
                # A plan kept from when a table was empty looks through all of it: a consumer did 930 events/s, not 27,000.
                "plan_cache_mode": "force_custom_plan",
            },
        },
    )
    _check_before_use(engine)
    return engine


def _log_in_as_now(engine: AsyncEngine, url_now: Callable[[], str]) -> None:
    @event.listens_for(engine.sync_engine, "do_connect")
    def _log_in(_dialect: Any, _record: Any, _args: Any, params: dict[str, Any]) -> None:
        url = make_url(url_now())
        params |= {name: value for name, value in (("user", url.username), ("password", url.password)) if value is not None}


def _check_before_use(engine: AsyncEngine) -> None:
    """What `pool_pre_ping` is for, without its three round trips before each transaction of a busy pool.

    A server that ends closes its connections, which is known here without asking; only one that was idle may be dead unseen.
    """

    @event.listens_for(engine.sync_engine, "checkin")
    def _note(_connection: Any, record: Any) -> None:
        record.info["used_at"] = record.info.pop(IDLE_SINCE, None) or time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def _check(connection: Any, record: Any, _proxy: Any) -> None:
        if connection.driver_connection.is_closed():
            raise DisconnectionError
        if time.monotonic() - record.info.get("used_at", math.inf) > TRUSTED_IDLE_S:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as err:
                raise DisconnectionError from err


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()
