"""A SQLite connection on a thread of its own; jobs queued at one moment share a transaction."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from shared.bus.port import BusUnavailable

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]

_JOBS_PER_TRANSACTION = 256


class DatabaseThread:
    """Runs jobs in the order given. A job that refuses must do so before its first write."""

    def __init__(
        self,
        name: str,
        connect: Callable[[], sqlite3.Connection],
        *,
        begin: str,
        on_rollback: Callable[[], None] = lambda: None,
    ) -> None:
        self._connect = connect
        self._begin = begin
        self._on_rollback = on_rollback
        self._jobs: queue.SimpleQueue[_Queued[Any] | None] = queue.SimpleQueue()
        self._name = name
        self._accepts = False

    async def start(self) -> None:
        """Raises BusUnavailable when the connection cannot be made."""
        self._loop = asyncio.get_running_loop()
        opened: Future[None] = Future()
        self._thread = threading.Thread(target=self._main, args=(opened,), name=self._name, daemon=True)
        self._thread.start()
        await asyncio.wrap_future(opened)
        self._accepts = True

    async def close(self) -> None:
        """Finishes what is queued. Idempotent."""
        if self._accepts:
            self._accepts = False
            self._jobs.put(None)
            await asyncio.to_thread(self._thread.join)

    def submit(self, job: Job[T]) -> asyncio.Future[T]:
        """Settled after the commit of the transaction that ran the job; cancelling it does not stop the job."""
        if not self._accepts:
            raise BusUnavailable("the embedded bus is not running")
        queued = _Queued(job, self._loop.create_future())
        queued.done.add_done_callback(_heard)
        self._jobs.put(queued)
        return queued.done

    def _main(self, opened: Future[None]) -> None:
        try:
            connection = self._connect()
        except sqlite3.Error as err:
            opened.set_exception(_unavailable(err))
            return
        opened.set_result(None)
        try:
            while (group := self._next_group()) is not None:
                self._run(group, connection)
        finally:
            connection.close()

    def _next_group(self) -> list[_Queued[Any]] | None:
        group: list[_Queued[Any]] = []
        try:
            queued = self._jobs.get()
            while queued is not None:
                group.append(queued)
                if len(group) == _JOBS_PER_TRANSACTION:
                    return group
                queued = self._jobs.get_nowait()
        except queue.Empty:
            return group
        if group:
            self._jobs.put(None)
        return group or None

    def _run(self, group: list[_Queued[Any]], connection: sqlite3.Connection) -> None:
        try:
            connection.execute(self._begin)
            for queued in group:
                queued.attempt(connection)
            connection.execute("COMMIT")
        except sqlite3.Error as err:
            with contextlib.suppress(sqlite3.Error):  # SQLite may have rolled back by itself
                connection.execute("ROLLBACK")
            self._on_rollback()
            for queued in group:
                queued.error = _unavailable(err)
        self._loop.call_soon_threadsafe(_settle, group)


class _Queued(Generic[T]):
    __slots__ = ("done", "error", "job", "result")

    def __init__(self, job: Job[T], done: asyncio.Future[T]) -> None:
        self.job = job
        self.done = done
        self.result: T
        self.error: Exception | None = None

    def attempt(self, connection: sqlite3.Connection) -> None:
        try:
            self.result = self.job(connection)
        except sqlite3.Error:
            raise
        except Exception as err:  # noqa: BLE001 - belongs to whoever waits for this job
            self.error = err


def _settle(group: list[_Queued[Any]]) -> None:
    for queued in group:
        if queued.done.done():
            continue
        if queued.error is None:
            queued.done.set_result(queued.result)
        else:
            queued.done.set_exception(queued.error)


def _unavailable(err: sqlite3.Error) -> BusUnavailable:
    unavailable = BusUnavailable(f"the embedded log refuses: {err}")
    unavailable.__cause__ = err
    return unavailable


def _heard(done: asyncio.Future[Any]) -> None:
    """Whoever was cancelled while waiting will not look any more: no reason for the loop to complain."""
    if not done.cancelled():
        done.exception()
