"""Brings unpublished facts to the bus: one leader per service, by row id, marking only what is acknowledged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from opentelemetry.trace import SpanKind
from sqlalchemy import Table, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import telemetry, tracing
from shared.bus.port import Bus, BusUnavailable, Message
from shared.db import Database, Row, in_keys, keys
from shared.kernel.cause import Cause
from shared.kernel.errors import Unavailable

_BATCH = 500
_IDLE_POLL_S = 0.25
# A trickle's marks are written together: a transaction for each would cost as much as the facts' own.
_MARK_EVERY_S = 0.05
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
    and be lost; and why one leader: several would invert the order within a key. What was published and not marked when
    the leader ends is published again: consumers know it.

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
        self._unmarked: set[int] = set()
        self._mark_at = float("inf")
        self._wake = asyncio.Event()
        c = outbox.c
        columns = (c.id, c.topic, c.key, c.headers, c.payload, c.recorded_at)
        self._oldest = select(*columns).where(c.published_at.is_(None)).order_by(c.id).limit(bindparam("most"))
        marked = update(outbox).where(in_keys(c.id, "ids", is_postgresql=not db.is_sqlite))
        self._marked = marked.values(published_at=bindparam("at"))
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
            if time.monotonic() >= self._mark_at:
                await self._mark()
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
                async with asyncio.timeout(min(_IDLE_POLL_S, self._mark_at - time.monotonic())):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _give_way(self, drained: int) -> None:
        until = time.monotonic() + _GIVE_WAY_S
        while drained == _BATCH and not self._is_late and self._importing() and time.monotonic() < until:
            await asyncio.sleep(_GIVE_WAY_POLL_S)

    async def drain_batch(self, leader: AsyncConnection) -> int:
        """Publish the oldest unpublished rows, in order; returns how many are acknowledged.

        Raises BusUnavailable when the bus acknowledged none of them.
        """
        rows = await self._oldest_unpublished(leader)
        if not rows:
            return 0
        self._is_late = self._db.clock() - rows[0]["recorded_at"] > _LATE
        came_with = (row["headers"].get("ce_traceparent") for row in rows)
        with tracing.each(f"send qsmo.{self._service}", came_with, kind=SpanKind.PRODUCER):
            acknowledged = await self._bus.publish([_message(row) for row in rows])
        done = [row["id"] for row, ok in zip(rows, acknowledged, strict=True) if ok]
        if not done:
            raise BusUnavailable("The bus acknowledged nothing of a batch.")
        await self._note(done)
        telemetry.PUBLISHED.labels(self._service).inc(len(done))
        return len(done)

    async def _oldest_unpublished(self, leader: AsyncConnection) -> Sequence[Row]:
        rows = (await leader.execute(self._oldest, {"most": _BATCH + len(self._unmarked)})).mappings().all()
        await leader.rollback()
        return [row for row in rows if row["id"] not in self._unmarked][:_BATCH]

    async def _note(self, ids: Iterable[int]) -> None:
        if not self._unmarked:
            self._mark_at = time.monotonic() + _MARK_EVERY_S
        self._unmarked.update(ids)
        if len(self._unmarked) >= _BATCH:
            await self._mark()

    async def _mark(self) -> None:
        ids = sorted(self._unmarked)
        async with self._db.transaction(_CAUSE) as tx:
            await tx.execute(self._marked, {"ids": keys(tx, ids), "at": tx.at})
        self._unmarked.difference_update(ids)
        self._mark_at = float("inf")

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
