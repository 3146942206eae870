"""An event loop that owns time and order: what runs next, and when, is drawn from a seed."""

from __future__ import annotations

import asyncio
import heapq
import random
from collections.abc import Callable
from typing import Any

_LATENCY_S = 0.002
_SLOW = 0.002
_SLOW_S = 0.5


class ProcessKilled(BaseException):
    """The process at hand died here, between two steps."""


class NothingLeft(Exception):
    """Every task waits for something that cannot come any more."""


class SimulatedLoop(asyncio.BaseEventLoop):
    """One step at a time; which of those that are ready is drawn. Time passes only when nobody is ready.

    Nothing here reads a clock or waits for a thread: the same seed takes the same steps.
    """

    def __init__(self, chance: random.Random, *, now_s: float, killed_after: int | None) -> None:
        super().__init__()
        self.chance = chance
        self.now_s = now_s
        self.steps = 0
        self.killed_after = killed_after
        self.tasks: list[asyncio.Task[Any]] = []
        self.set_task_factory(self._task)

    def _task(self, _loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
        """Remembered in the order of their making, which addresses in memory would not give."""
        task: asyncio.Task[Any] = asyncio.Task(work, loop=self, **options)
        self.tasks.append(task)
        return task

    def time(self) -> float:
        return self.now_s

    def latency_s(self) -> float:
        """How long something outside takes: mostly little, now and then long."""
        return self.chance.random() * (_SLOW_S if self.chance.random() < _SLOW else _LATENCY_S)

    def later(self, work: Callable[..., Any], *arguments: Any) -> None:
        """As something outside does it: after a while."""
        self.call_later(self.latency_s(), work, *arguments)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override] # narrower than the typeshed's
        """A thread's work, done in one go after a while."""
        done = self.create_future()

        def work() -> None:
            if done.cancelled():
                return
            try:
                done.set_result(func(*args))
            except Exception as error:  # noqa: BLE001 - belongs to who waits
                done.set_exception(error)

        self.later(work)
        return done

    def _run_once(self) -> None:
        ready, scheduled = self._ready, self._scheduled  # type: ignore[attr-defined] # asyncio's own, in 3.11
        while scheduled and scheduled[0]._cancelled:
            heapq.heappop(scheduled)._scheduled = False
        if not ready:
            if not scheduled:
                raise NothingLeft
            self.now_s = max(self.now_s, scheduled[0]._when)
        while scheduled and scheduled[0]._when <= self.now_s:
            timer = heapq.heappop(scheduled)
            timer._scheduled = False
            ready.append(timer)
        ready.rotate(-self.chance.randrange(len(ready)))
        handle = ready.popleft()
        if not handle._cancelled:
            self.steps += 1
            handle._run()
        if self.killed_after is not None and self.steps >= self.killed_after:
            self.killed_after = None
            raise ProcessKilled

    def _process_events(self, event_list: Any) -> None:
        """There is no network."""

    def _write_to_self(self) -> None:
        """There are no threads to be woken by."""
