"""SQLite without threads: real files and real SQL, each statement at a moment that the loop draws."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Self, cast

import aiosqlite
from sqlalchemy.dialects import registry

from shared.bus.embedded_thread import DatabaseThread, _Queued
from shared.db import Database, sqlite
from tests.reliability.simulation.loop import SimulatedLoop

_FAULTS = ((sqlite3.SQLITE_FULL, "database or disk is full"), (sqlite3.SQLITE_IOERR, "disk I/O error"))
_FALLIBLE = {"execute", "executemany", "commit"}
# In one thread a lock that is waited for in C is never released: the loop waits instead, as long as SQLite would.
_BUSY_POLL_S = 0.01
_BUSY_POLLS = 1_000


class Disk:
    """Every connection of the process at hand; `fault_rate` of the statements and commits fail before they do anything."""

    def __init__(self) -> None:
        self.fault_rate = 0.0
        self.faults = 0
        self._alive: list[sqlite3.Connection] = []
        self._on = True

    def begin(self, fault_rate: float) -> None:
        self.fault_rate, self._on = fault_rate, True

    def opened(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        if not self._on:
            connection.close()
            raise sqlite3.DatabaseError("the process is dead")
        self._alive.append(connection)
        return connection

    def power_off(self) -> None:
        """What was not committed is gone, and nobody of this process writes any more."""
        self.fault_rate, self._on = 0.0, False
        for connection in self._alive:
            with contextlib.suppress(sqlite3.ProgrammingError):  # closed already
                connection.rollback()  # closing alone keeps the lock for as long as a statement of it is in memory
                connection.close()
        self._alive.clear()

    def may_fail(self, chance: Any) -> None:
        if self.fault_rate and chance.random() < self.fault_rate:
            self.faults += 1
            code, words = chance.choice(_FAULTS)
            error = sqlite3.OperationalError(words)
            error.sqlite_errorcode = code
            raise error


DISK = Disk()


class _Queue:
    """What an aiosqlite connection hands to its thread, done by the loop instead: in order, one at a time."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Any, Callable[[], Any]]] = deque()
        self._patience = _BUSY_POLLS

    def put_nowait(self, job: tuple[asyncio.Future[Any] | None, Callable[[], Any]]) -> None:
        self._waiting.append(job)
        if len(self._waiting) == 1:
            _loop().later(self._work)

    def _work(self) -> None:
        future, function = self._waiting[0]
        loop = _loop()
        try:
            if getattr(getattr(function, "func", None), "__name__", "") in _FALLIBLE:
                DISK.may_fail(loop.chance)
            settle = partial(aiosqlite.core.set_result, future, function())
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY and self._patience:
                self._patience -= 1
                loop.call_later(_BUSY_POLL_S, self._work)
                return
            settle = partial(aiosqlite.core.set_exception, future, error)
        except Exception as error:  # noqa: BLE001 - belongs to who waits
            settle = partial(aiosqlite.core.set_exception, future, error)
        self._patience = _BUSY_POLLS
        if future is not None:
            loop.later(settle)  # done, and nobody knows yet: a kill may come between
        self._waiting.popleft()
        if self._waiting:
            loop.later(self._work)


class _Cursor(sqlite3.Cursor):
    def execute(self, sql: str, parameters: Any = ()) -> Self:
        return super().execute("PRAGMA busy_timeout=0" if sql.startswith("PRAGMA busy_timeout") else sql, parameters)


class _Impatient(sqlite3.Connection):
    """Never waits for a lock."""

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or _Cursor)


class _NoThread:
    daemon = True

    def start(self) -> None:
        return None


class _Connection(aiosqlite.Connection):
    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(lambda: DISK.opened(connector()), 64)
        self._tx = cast("Any", _Queue())
        self._thread = cast("Any", _NoThread())

    def __del__(self) -> None:
        """A killed process closes nothing."""


class _Module(sqlite.Module):
    does_short_ones_here = False  # each of them takes its time

    def connect(self, *arguments: Any, **options: Any) -> Any:
        def connection(*where: Any, **how: Any) -> _Connection:
            return _Connection(partial(sqlite3.connect, *where, factory=_Impatient, **{**how, "check_same_thread": False}))

        return super().connect(*arguments, async_creator_fn=connection, **options)


class Dialect(sqlite.Dialect):
    """`sqlite+simulated:///file`."""

    driver = "simulated"
    supports_statement_cache = True

    def __eq__(self, other: object) -> bool:
        """All alike, so that a statement is compiled once and not once in every life."""
        return type(other) is Dialect

    def __hash__(self) -> int:
        return hash(Dialect)

    @classmethod
    def import_dbapi(cls) -> Any:
        return _Module(aiosqlite, sqlite3)


_compiled: dict[Any, Any] = {}


def remember_statements(db: Database) -> None:
    """Engines made in every life anew share what they compiled."""
    for hand in (db._writer, db._reader):
        hand.engine.sync_engine._compiled_cache = _compiled  # a dict is what the annotation allows


registry.register("sqlite.simulated", __name__, "Dialect")


class BusFile(DatabaseThread):
    """The embedded log's thread, as work of the loop."""

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._connection = DISK.opened(self._connect())
        self._waiting: list[_Queued[Any]] = []
        self._accepts = True

    async def close(self) -> None:
        self._accepts = False
        self._work()

    def submit(self, job: Callable[[sqlite3.Connection], Any]) -> asyncio.Future[Any]:
        queued = _Queued(job, _loop().create_future())
        self._waiting.append(queued)
        if len(self._waiting) == 1:
            _loop().later(self._work)
        return queued.done

    def _work(self) -> None:
        group, self._waiting = self._waiting, []
        if group:
            self._run(group, self._connection)


def _loop() -> SimulatedLoop:
    return cast("SimulatedLoop", asyncio.get_event_loop())
