"""Threads for searches: a few, so that those which take too long cannot take the process with them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from shared.kernel.errors import Unavailable

T = TypeVar("T")
_THREADS = 4
_WAITING = 60
_DEADLINE_S = 2.0


class Turns:
    """A search whose caller has given up keeps its thread until it ends: nothing can stop it there."""

    def __init__(self, *, threads: int = _THREADS, waiting: int = _WAITING, deadline_s: float = _DEADLINE_S) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="search")
        self._free = threading.Semaphore(threads + waiting)
        self._deadline_s = deadline_s

    async def in_time(self, answer: Awaitable[T]) -> T:
        """Raises Unavailable after the deadline; a statement that PostgreSQL is still busy with is cancelled there."""
        try:
            async with asyncio.timeout(self._deadline_s):
                return await answer
        except TimeoutError as err:
            raise Unavailable(f"This search took longer than {self._deadline_s:g} s; ask for less at once.") from err

    async def run(self, search: Callable[[], T]) -> T:
        """Raises Unavailable at once when as many as are allowed run or wait."""
        if not self._free.acquire(blocking=False):
            raise Unavailable("There are too many searches at once.", retry_after_s=1)
        running = self._executor.submit(search)
        running.add_done_callback(self._ended)
        return await asyncio.wrap_future(running)

    def _ended(self, _: Future[Any]) -> None:
        self._free.release()

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)
