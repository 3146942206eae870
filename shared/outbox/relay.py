"""Brings unpublished facts to the bus: one leader per service, by row id, marking only what is acknowledged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Table, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import telemetry
from shared.bus.port import Bus, BusUnavailable, Message
from shared.db import Database, Row
from shared.kernel.cause import Cause
from shared.kernel.errors import Unavailable

_BATCH = 500
_IDLE_POLL_S = 0.25
_REPORT_EVERY_S = 1.0
_RETRY_S = 0.5
_STANDBY_POLL_S = 1.0
# An import has the processor to itself, nearly, until its facts are this late.
_GIVE_WAY_S = 0.5
_GIVE_WAY_POLL_S = 0.02
_LATE = timedelta(seconds=60)
_CAUSE = Cause(actor="system:relay", correlation_id="relay")


class Relay:
    """Publishes the outbox of one service for as long as `run` runs.

    Why a scan of unpublished rows and not a cursor: a transaction that commits late would fall behind the cursor
    and be lost; and why one leader: several would invert the order within a key.

    While `importing` says so, full batches keep a distance of each other: telling of rows costs more than writing them,
    and whoever waits for an import waits for the writing.
    """

    def __init__(
        self, *, service: str, db: Database, outbox: Table, bus: Bus, importing: Callable[[], bool] = lambda: False
    ) -> None:
        self._service = service
        self._db = db
        self._outbox = outbox
        self._bus = bus
        self._importing = importing
        self._is_late = False
        self._reported_at = float("-inf")
        self._wake = asyncio.Event()
        self._log = telemetry.logger("relay").bind(service=service)
        db.on_commit.append(self.wake)

    def wake(self) -> None:
        """Something was committed: look at once."""
        self._wake.set()

    async def run(self) -> None:
        """Lead when nobody else does, until cancelled."""
        while True:
            try:
                async with self._db.session_lock(f"relay:{self._service}") as leader:
                    if leader is not None:
                        await self._lead(leader)
            except Unavailable as error:
                self._log.warning("relay_waits", reason=error.detail)
            await asyncio.sleep(_STANDBY_POLL_S)

    async def _lead(self, leader: AsyncConnection) -> None:
        while True:
            self._wake.clear()
            try:
                if drained := await self.drain_batch(leader):
                    await self._give_way(drained)
                    continue
            except BusUnavailable as error:
                self._log.warning("bus_away", reason=error.detail)
                await asyncio.sleep(_RETRY_S)
                continue
            if time.monotonic() - self._reported_at > _REPORT_EVERY_S:
                await self._report(leader)
            try:
                async with asyncio.timeout(_IDLE_POLL_S):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _give_way(self, drained: int) -> None:
        until = time.monotonic() + _GIVE_WAY_S
        while drained == _BATCH and not self._is_late and self._importing() and time.monotonic() < until:
            await asyncio.sleep(_GIVE_WAY_POLL_S)

    async def drain_batch(self, leader: AsyncConnection) -> int:
        """Publish the oldest unpublished rows, in order; returns how many are now marked.

        Raises BusUnavailable when the bus acknowledged none of them.
        """
        rows = await self._oldest_unpublished(leader)
        if not rows:
            return 0
        self._is_late = self._db.clock() - rows[0]["recorded_at"] > _LATE
        acknowledged = await self._bus.publish([_message(row) for row in rows])
        done = [row["id"] for row, ok in zip(rows, acknowledged, strict=True) if ok]
        if not done:
            raise BusUnavailable("The bus acknowledged nothing of a batch.")
        await self._mark(done)
        telemetry.PUBLISHED.labels(self._service).inc(len(done))
        return len(done)

    async def _oldest_unpublished(self, leader: AsyncConnection) -> Sequence[Row]:
        c = self._outbox.c
        query = (
            select(c.id, c.topic, c.key, c.headers, c.payload, c.recorded_at)
            .where(c.published_at.is_(None))
            .order_by(c.id)
            .limit(_BATCH)
        )
        rows = (await leader.execute(query)).mappings().all()
        await leader.rollback()
        return rows

    async def _mark(self, ids: Sequence[int]) -> None:
        async with self._db.transaction(_CAUSE) as tx:
            c = self._outbox.c
            # Ids of one batch are nearly contiguous: the range keeps the statement small and on the index.
            within = update(self._outbox).where(c.id.between(min(ids), max(ids)), c.published_at.is_(None))
            exact = within if len(ids) == max(ids) - min(ids) + 1 else within.where(c.id.in_(ids))
            await tx.execute(exact.values(published_at=tx.at))

    async def _report(self, leader: AsyncConnection) -> None:
        self._reported_at = time.monotonic()
        c = self._outbox.c
        query = select(func.count(), func.min(c.recorded_at)).where(c.published_at.is_(None))
        pending, oldest = (await leader.execute(query)).one()
        await leader.rollback()
        telemetry.OUTBOX_PENDING.labels(self._service).set(pending)
        age_s = (self._db.clock() - oldest).total_seconds() if isinstance(oldest, datetime) else 0.0
        telemetry.OUTBOX_AGE.labels(self._service).set(age_s)


def _message(row: Row) -> Message:
    return Message(topic=row["topic"], key=row["key"], headers=row["headers"], value=row["payload"].encode())
