"""Reads topics as one member of a group and applies each event once, in the order of its aggregate."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from opentelemetry.trace import SpanKind

from shared import telemetry, tracing
from shared.bus.port import MESSAGE_BYTES_MAX, Bus, BusUnavailable, Delivery, Message, Subscription
from shared.contracts.envelope import Event, MalformedEvent
from shared.db import Database, Transaction
from shared.inbox.lateness import Lateness
from shared.inbox.ledger import Ledger, Verdict
from shared.inbox.reading import Reading
from shared.inbox.tables import InboxTables
from shared.kernel.cause import Cause
from shared.kernel.errors import RuleViolation, Unavailable

Handler = Callable[[Transaction, Sequence[Event]], Awaitable[None]]

# Why an event is parked that could be applied, were those before it.
BEHIND = "behind a parked event or a gap in its aggregate's versions"
_BATCH = 500
# In a flood a short wait makes batches that are worth their transaction; a trickle is taken at once. Of a backlog each batch is
# worth it, and what waits for it to end waits no longer than others of the process need.
_CROWD, _WORTH = 40, 200
_GATHER_S = 0.05
_BETWEEN_S = 0.002
_REPORT_EVERY_S = 1.0
_REASON_CHARS_MAX = 2_000
_LOGGED_ABOVE = _BATCH // 2  # its halves fail for the same reason; what is parked in the end says why
# What is away is looked for every second: whoever waits for longer adds it to every recovery.
_BACKOFF_S = (0.1, 0.5, 1.0)
_AGAIN_S = 0.25
_PATIENCE_S = 30.0


class _Record(NamedTuple):
    """A delivery with its event, or with what is wrong with it."""

    delivery: Delivery
    event: Event | None
    fault: str = ""


class Consumer:
    """Applies events to a service's own tables. One transaction per batch; one by one after a failure.

    A handler gets a run of consecutive events of its type. It must be safe to run again after a rollback; that is all:
    duplicates, gaps and poison are dealt with here. `otherwise` handles every type that `handlers` does not name.
    """

    def __init__(
        self,
        *,
        name: str,
        db: Database,
        bus: Bus,
        topics: Sequence[str],
        tables: InboxTables,
        handlers: Mapping[str, Handler],
        otherwise: Handler | None = None,
        member: str = "0",
        rest_s: float = 0.05,
    ) -> None:
        self.name = name
        self._db = db
        self._bus = bus
        self.topics = tuple(topics)
        self._handlers = dict(handlers)
        self._otherwise = otherwise
        self._member = member
        self._rest_s = rest_s
        self.tables = tables
        self._ledger = Ledger(consumer=name, tables=tables)
        self._reported_at = float("-inf")
        self._lateness = Lateness()
        self._read_at = time.monotonic()
        self._log = telemetry.logger("consumer").bind(consumer=name)

    async def run(self) -> None:
        """Consume until cancelled; a passing failure is retried for as long as it lasts."""
        failures = 0
        while True:
            try:
                reading = Reading(await self._bus.subscribe(self.topics, group=self.name, member=self._member))
                try:
                    while True:
                        taken = await self._take(reading)
                        failures, self._read_at = 0, time.monotonic()
                        await self._report(reading.subscription)
                        if taken:
                            await asyncio.sleep(self._pause_s(taken))
                finally:
                    await reading.close()
            except (Unavailable, OSError, TimeoutError) as error:
                self._waits(error)
                await asyncio.sleep(_BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)])
                failures += 1

    def _pause_s(self, taken: int) -> float:
        if taken >= _WORTH:
            return _BETWEEN_S
        return _GATHER_S if taken >= _CROWD else self._rest_s

    async def _take(self, reading: Reading) -> int:
        """Fetch and apply one batch; returns how many records it held. Raises Unavailable."""
        deliveries = await reading.fetch(max_messages=_BATCH)
        if deliveries:
            await self._process_in_time(deliveries)
            reading.applied(deliveries)
        return len(deliveries)

    async def _process_in_time(self, deliveries: Sequence[Delivery]) -> None:
        """A database that is away for a moment costs no place in the group: joining again takes longer than all else."""
        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return await self.process(deliveries)
            except BusUnavailable:
                raise
            except Unavailable as error:
                if time.monotonic() > until:
                    raise
                self._waits(error)
            await asyncio.sleep(_AGAIN_S)

    def _waits(self, error: Exception) -> None:
        self._log.warning("consumer_waits", reason=str(error))
        telemetry.LAG_AGE.labels(self.name).set(time.monotonic() - self._read_at)

    async def _report(self, subscription: Subscription) -> None:
        now = time.monotonic()
        if now - self._reported_at < _REPORT_EVERY_S:
            return
        self._reported_at = now
        await self._report_parked()
        waiting = await subscription.lag()
        telemetry.LAG.labels(self.name).set(sum(waiting.values()))
        telemetry.LAG_AGE.labels(self.name).set(max(0.0, self._lateness.seconds(waiting, now=self._db.clock())))

    async def _report_parked(self) -> None:
        try:
            async with self._db.reading() as tx:
                telemetry.PARKED.labels(self.name).set(await self._ledger.parked_count(tx))
        except Unavailable:
            return  # which whoever waits for an effect is told of

    async def process(self, deliveries: Sequence[Delivery]) -> None:
        """Apply a batch in one transaction, or one by one if that fails for good. Raises Unavailable."""
        records = [_decode(delivery) for delivery in deliveries]
        for record in records:
            if record.event is not None:
                self._lateness.read((record.delivery.topic, record.delivery.partition), record.event.time)
        await self._apply_or_park(records)

    async def _apply_batch(self, events: Sequence[Event]) -> None:
        with tracing.each(f"process {self.name}", (event.traceparent for event in events), kind=SpanKind.CONSUMER):
            async with self._db.transaction(Cause(actor=f"consumer:{self.name}")) as tx:
                await self._apply(tx, events)

    async def _apply_or_park(self, records: Sequence[_Record]) -> None:
        """What cannot pass together is halved, so that a poison event costs its neighbours few transactions."""
        events = [record.event for record in records if record.event is not None]
        try:
            if len(events) == len(records):
                await self._apply_batch(events)
                return
            fault = next(record.fault for record in records if record.event is None)
            raise MalformedEvent(fault)
        except (Unavailable, OSError, TimeoutError):
            raise
        except Exception as error:  # noqa: BLE001 - the process edge: a poison event must not stop other aggregates
            reason = repr(error)
        if len(records) == 1:
            await self._park(records[0], reason=reason)
            return
        if len(records) > _LOGGED_ABOVE:
            self._log.warning("batch_failed", reason=reason, records=len(records))
        half = len(records) // 2
        await self._apply_or_park(records[:half])
        await self._apply_or_park(records[half:])

    async def _apply(self, tx: Transaction, events: Sequence[Event]) -> None:
        judged = await self._ledger.judge(tx, events)
        fresh, behind = _told_apart(judged)
        for handler, run in groupby(fresh, key=self._handler_for):
            if handler is not None:
                await handler(tx, list(run))
        await self._ledger.advance(tx, fresh)
        for event in behind:
            await self._ledger.park(tx, event, reason=BEHIND)
        for outcome, count in (("applied", len(fresh)), ("parked", len(behind))):
            telemetry.CONSUMED.labels(self.name, outcome).inc(count)
        telemetry.CONSUMED.labels(self.name, "duplicate").inc(len(judged) - len(fresh) - len(behind))

    def _handler_for(self, event: Event) -> Handler | None:
        return self._handlers.get(event.type, self._otherwise)

    async def _park(self, record: _Record, *, reason: str) -> None:
        delivery = record.delivery
        place = {"subject": delivery.key, "topic": delivery.topic, "offset": delivery.offset}
        self._log.error("event_parked", reason=reason, **place, **_ids(record.event))
        await self._bus.publish([_mirrored(delivery, reason)])  # first: once it is parked, it is not delivered again
        async with self._db.transaction(Cause(actor=f"consumer:{self.name}")) as tx:
            await self._ledger.park_delivery(tx, delivery, reason=reason)
        telemetry.CONSUMED.labels(self.name, "parked").inc()

    async def applied(self, tx: Transaction, topic: str, subject: str) -> int | None:
        """The version of an aggregate that was applied last, 0 before the first; None for a topic not read here."""
        return await self._ledger.applied(tx, topic, subject) if topic in self.topics else None

    async def heard(self, tx: Transaction) -> int:
        """How many events were ever applied, by whichever member of the group."""
        return await self._ledger.heard(tx)

    async def retry_parked(self, tx: Transaction, topic: str, subject: str) -> int:
        """Apply every parked event of one aggregate, in order; raises what the handler raises, and nothing is applied.

        Raises RuleViolation for a record that is no event.
        """
        parked = await self._ledger.parked(tx, topic, subject)
        for row_id, event in parked:
            if event is None:
                raise RuleViolation("One of these records is no event of ours: it can only be discarded.")
            handler = self._handler_for(event)
            if handler is not None:
                await handler(tx, [event])
            await self._ledger.advance(tx, [event])
            await self._ledger.resolve(tx, row_id, "retried")
        return len(parked)

    async def discard_parked(self, tx: Transaction, topic: str, subject: str, *, reason: str) -> int:
        """Give up every parked event of one aggregate; the rows stay, with the reason and who said so."""
        parked = await self._ledger.parked(tx, topic, subject)
        for row_id, event in parked:
            if event is not None:
                await self._ledger.advance(tx, [event])
            await self._ledger.resolve(tx, row_id, f"discarded by {tx.cause.actor}: {reason}")
        return len(parked)


def _told_apart(judged: Sequence[tuple[Event, Verdict]]) -> tuple[list[Event], list[Event]]:
    """What is to be applied, and what is to be parked."""
    apply = Verdict.APPLY  # asking the class for it takes longer than the rest, and batches are large
    fresh = [event for event, verdict in judged if verdict is apply]
    if len(fresh) == len(judged):
        return fresh, []
    return fresh, [event for event, verdict in judged if verdict in {Verdict.PARKED, Verdict.GAP}]


def _mirrored(delivery: Delivery, reason: str) -> Message:
    """For the dead-letter topic, and small enough for it: what does not fit stands in the table of what is parked."""
    said = {"reason": reason[:_REASON_CHARS_MAX]}
    whole = Message(topic=f"{delivery.topic}.dlq", key=delivery.key, value=delivery.value, headers={**delivery.headers, **said})
    if whole.size_bytes <= MESSAGE_BYTES_MAX:
        return whole
    place = {"topic": delivery.topic, "partition": str(delivery.partition), "offset": str(delivery.offset)}
    return Message(topic=whole.topic, key=delivery.key[:_REASON_CHARS_MAX], value=b"", headers={**place, **said, "cut": "true"})


def _ids(event: Event | None) -> dict[str, str]:
    """For a log line about it, which belongs to no request at hand."""
    if event is None:
        return {}
    ids = {"event_id": event.id, "correlation_id": event.correlation_id}
    return ids if event.traceparent is None else {**ids, "trace_id": event.traceparent.split("-")[1]}


def _decode(delivery: Delivery) -> _Record:
    try:
        return _Record(delivery, Event.from_headers(delivery.headers, delivery.value))
    except MalformedEvent as error:
        return _Record(delivery, None, str(error))
