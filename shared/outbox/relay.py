"""Brings unpublished facts to the bus: one leader per service, by row id, marking only what is acknowledged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from opentelemetry.trace import SpanKind
from sqlalchemy import Table

from shared import telemetry, tracing
from shared.bus.port import Bus, BusUnavailable
from shared.db import Database, Transaction
from shared.kernel.errors import Unavailable
from shared.outbox.backlog import Backlog, Fact

_BATCH = 500
_UNMARKED_MAX = 4 * _BATCH
_IDLE_POLL_S = 0.25
_REPORT_EVERY_S = 1.0
# A bus that was silent for long has cost the lead, which is to be had again at once.
_RETRY_S = 0.25
_STANDBY_POLL_S = 1.0
# An import has the processor to itself, nearly, until its facts are this late.
_GIVE_WAY_S = 0.5
_GIVE_WAY_POLL_S = 0.02
_LATE = timedelta(seconds=60)


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
        self._bus = bus
        self._importing = importing
        self._backlog = Backlog(db=db, outbox=outbox)
        self._ahead: list[Fact] = []
        self._marking: asyncio.Task[None] | None = None
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
                rest_s = _STANDBY_POLL_S
            except Unavailable as error:
                self._log.warning("relay_waits", reason=error.detail)
                rest_s = _RETRY_S
            finally:
                await self._leave()
            await asyncio.sleep(rest_s)

    async def _leave(self) -> None:
        self._ahead = []
        if self._marking is not None:
            self._marking.cancel()
            await asyncio.gather(self._marking, return_exceptions=True)
            self._marking = None

    async def _lead(self, leader: Transaction) -> None:
        while True:
            self._wake.clear()
            if self._backlog.mark_due_s <= 0:
                await self.mark()
            try:
                if await self.drain_batch(leader) == _BATCH:
                    await self._give_way()
                    continue
            except BusUnavailable as error:
                self._log.warning("bus_away", reason=error.detail)
                await asyncio.sleep(_RETRY_S)
                continue
            if time.monotonic() - self._reported_at > _REPORT_EVERY_S:
                await self._report(leader)
            try:
                async with asyncio.timeout(min(_IDLE_POLL_S, self._backlog.mark_due_s)):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _give_way(self) -> None:
        until = time.monotonic() + _GIVE_WAY_S
        while not self._is_late and self._importing() and time.monotonic() < until:
            await asyncio.sleep(_GIVE_WAY_POLL_S)

    async def drain_batch(self, leader: Transaction) -> int:
        """Publish the oldest unpublished rows, in order; returns how many are acknowledged.

        Raises BusUnavailable when the bus acknowledged none of them.
        """
        facts = self._ahead or await self._backlog.oldest(leader, most=_BATCH)
        self._ahead = []
        if not facts:
            return 0
        self._is_late = self._db.clock() - self._backlog.since > _LATE
        came_with = (fact.message.headers.get("ce_traceparent") for fact in facts)
        with tracing.each(f"send qsmo.{self._service}", came_with, kind=SpanKind.PRODUCER):
            acknowledged, ahead = await self._publish(leader, facts)
        done = [fact.id for fact, ok in zip(facts, acknowledged, strict=True) if ok]
        if not done:
            raise BusUnavailable("The bus acknowledged nothing of a batch.")
        self._backlog.published(done)
        if len(done) == len(facts):
            self._ahead = ahead
        else:
            self.wake()  # for the rest
        if self._backlog.unmarked >= _BATCH:
            await self._mark_meanwhile()
        telemetry.PUBLISHED.labels(self._service).inc(len(done))
        return len(done)

    async def mark(self) -> None:
        """Write down at once what is published; `run` does so by itself a moment later."""
        await self._backlog.mark()

    async def _publish(self, leader: Transaction, facts: Sequence[Fact]) -> tuple[list[bool], list[Fact]]:
        """What is acknowledged of these; and what comes behind a full batch, read meanwhile."""
        messages = [fact.message for fact in facts]
        if len(facts) < _BATCH:
            return await self._bus.publish(messages), []
        behind = self._backlog.oldest(leader, most=_BATCH, besides=[fact.id for fact in facts])
        reading = asyncio.create_task(behind, name=f"relay {self._service}: reading ahead")
        try:
            acknowledged = await self._bus.publish(messages)
        except asyncio.CancelledError:
            reading.cancel()
            raise
        finally:
            await asyncio.gather(reading, return_exceptions=True)  # the connection is of use to one at a time
        return acknowledged, reading.result()

    async def _mark_meanwhile(self) -> None:
        """Beside what is published next, and for several batches at once where the database is slower than the bus."""
        if self._marking is None or self._marking.done() or self._backlog.unmarked >= _UNMARKED_MAX:
            if self._marking is not None:
                await self._marking
            self._marking = asyncio.create_task(self._backlog.mark(), name=f"relay {self._service}: marks")

    async def _report(self, leader: Transaction) -> None:
        self._reported_at = time.monotonic()
        pending, age_s = await self._backlog.measured(leader)
        telemetry.OUTBOX_PENDING.labels(self._service).set(pending)
        telemetry.OUTBOX_AGE.labels(self._service).set(age_s)
