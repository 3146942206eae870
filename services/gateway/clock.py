"""The clock of test mode: runs as the world's does, and may be moved on."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from shared.kernel.errors import Invalid, RuleViolation
from shared.kernel.time import Clock, utc_now

STEPS_MAX = 2_000


class MovableClock:
    """Never goes back: facts keep the order of their times. `keep` is told how far ahead of the world's clock it is.

    `looks` look for what has come due; they do so after every step on the way, as they would have while time passed.
    """

    def __init__(self, *, ahead: timedelta, keep: Callable[[timedelta], None], world: Clock = utc_now) -> None:
        self.ahead = ahead
        self.looks: list[Callable[[], Awaitable[object]]] = []
        self._keep = keep
        self._world = world
        self._moving = asyncio.Lock()

    def __call__(self) -> datetime:
        return self._world() + self.ahead

    def steps(self, to: datetime, *, step: timedelta) -> int:
        """How many it takes. Raises RuleViolation for what has passed, Invalid for too many steps."""
        left = to - self()
        if left < timedelta(0):
            raise RuleViolation(f"It is {self().isoformat()} already, and this clock does not go back.")
        count = math.ceil(left / step)
        if count > STEPS_MAX:
            raise Invalid.at("/step_s", f"That takes {count:,} steps; {STEPS_MAX:,} at once are the most. Take longer ones.")
        return count

    async def move(self, to: datetime, *, step: timedelta) -> int:
        """Returns how many steps it took. Raises as `steps`."""
        async with self._moving:
            count = self.steps(to, step=step)
            for _ in range(count):
                self.ahead += max(min(step, to - self()), timedelta(0))
                self._keep(self.ahead)
                for look in self.looks:
                    await look()
            return count
