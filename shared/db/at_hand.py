"""Connections kept out of their pool for whoever comes next: SQLAlchemy's way in and out of it costs what a short read does."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from shared.db.driver import Driver, driver_of
from shared.db.engines import AsyncConnection, AsyncEngine

TRUSTED_IDLE_S = 1.0
# In the notes on a pooled connection: since when it has been idle, where that is before it came back to its pool.
IDLE_SINCE = "idle_since"


@dataclass(frozen=True, slots=True)
class Taken:
    """A connection and its driver's own."""

    connection: AsyncConnection
    driver: Driver


class AtHand:
    """Of one engine; whoever needs a connection of it takes it here, so that none lies idle while somebody waits for one."""

    def __init__(self, engine: AsyncEngine, *, is_local: bool) -> None:
        self.engine = engine
        self._trusted_s = float("inf") if is_local else TRUSTED_IDLE_S
        self._idle: list[tuple[Taken, float]] = []
        self._waiting = 0
        self._is_closed = False

    async def take(self) -> Taken:
        """The one used last, or one from the pool, which looks at those that were idle for long."""
        while self._idle:
            taken, since = self._idle.pop()
            if time.monotonic() - since < self._trusted_s and not taken.driver.is_closed():
                return taken
            await self._pooled(taken, since)
        self._waiting += 1
        try:
            connection = await self.engine.connect()
        finally:
            self._waiting -= 1
        return Taken(connection, driver_of(connection))

    async def give_back(self, taken: Taken) -> None:
        """One on which nothing is under way."""
        if self._is_closed or self._is_missed() or taken.connection.in_transaction():
            await taken.connection.close()
        else:
            self._idle.append((taken, time.monotonic()))

    def _is_missed(self) -> bool:
        """Whether somebody waits for one that is taken, not for a new one."""
        pool: Any = self.engine.pool
        return self._waiting > 0 and pool.checkedout() >= pool.size()

    def idle(self) -> int:
        return len(self._idle)

    async def close(self) -> None:
        self._is_closed = True
        while self._idle:
            await self._pooled(*self._idle.pop())
        await self.engine.dispose()

    async def _pooled(self, taken: Taken, since: float) -> None:
        assert taken.connection.sync_connection is not None
        taken.connection.sync_connection.info[IDLE_SINCE] = since
        await taken.connection.close()
