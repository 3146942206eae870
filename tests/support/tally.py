"""A tiny owner service for tests of outbox and inbox: counters that rise, and another service that adds them up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from sqlalchemy import Column, Integer, MetaData, String, Table, select

from shared.bus.port import Bus
from shared.contracts.envelope import Event
from shared.contracts.registry import PolicyRecorded
from shared.db import Database, Transaction, insert_many
from shared.inbox import Consumer, InboxTables, inbox_tables
from shared.kernel.cause import Cause
from shared.outbox import AggregateStore, outbox_table
from shared.web.idempotency import idempotency_table

TOPIC = "qsmo.registry"
metadata = MetaData()
outbox = outbox_table(metadata)
idempotency = idempotency_table(metadata)
counters = Table(
    "counters",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("value", Integer, nullable=False),
)
inbox: InboxTables = inbox_tables(metadata)
effects = Table(
    "effects",
    metadata,
    Column("n", Integer, primary_key=True, autoincrement=True),
    Column("subject", String(64), nullable=False),
    Column("version", Integer, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Counter:
    id: str
    version: int
    value: int


store = AggregateStore(
    source="/registry",
    name="counter",
    table=counters,
    outbox=outbox,
    to_row=lambda counter: {"value": counter.value},
    from_row=lambda row: Counter(**row),
)


def raised(counter: Counter) -> PolicyRecorded:
    """Any published fact will do."""
    return PolicyRecorded(policy=counter.id, title=str(counter.value), issuer="tests", issued_on=date(2019, 4, 26))


def a_cause(**changes: str) -> Cause:
    return replace(Cause(actor="tests", correlation_id="c-1"), **changes)


def an_event(subject: str, version: int, *, title: str = "x") -> Event:
    fact = PolicyRecorded(policy=subject, title=title, issuer="tests", issued_on=date(2019, 4, 26))
    return Event(
        id=f"{subject}-{version}",
        source="/registry",
        type=fact.TYPE,
        subject=subject,
        time=datetime(2026, 1, 1, tzinfo=UTC).isoformat(),
        data=fact.to_json().encode(),
        aggregate_version=version,
        actor="tests",
        correlation_id="c-1",
    )


async def raise_counter(tx: Transaction, id: str) -> Counter:
    """One write: the counter one higher, and the fact of it."""
    counter = await store.find(tx, id)
    if counter is None:
        begun = Counter(id, 0, 1)
        return await store.add(tx, begun, raised(begun))
    higher = replace(counter, value=counter.value + 1)
    return await store.save(tx, higher, raised(higher))


async def record_effects(tx: Transaction, events: Sequence[Event]) -> None:
    rows = [{"subject": event.subject, "version": event.aggregate_version} for event in events]
    await insert_many(tx, effects, rows)


async def effects_by_subject(db: Database) -> dict[str, list[int]]:
    """Subject → versions in the order in which they took effect."""
    found: dict[str, list[int]] = {}
    async with db.reading() as tx:
        for row in await tx.rows(select(effects).order_by(effects.c.n)):
            found.setdefault(row["subject"], []).append(row["version"])
    return found


def a_consumer(db: Database, bus: Bus, *, name: str = "tally", **handlers: object) -> Consumer:
    handler = handlers.get("otherwise", record_effects)
    return Consumer(name=name, db=db, bus=bus, topics=[TOPIC], tables=inbox, handlers={}, otherwise=handler)  # type: ignore[arg-type]


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    db = Database(url, pool_size=30)
    try:
        async with db.transaction(a_cause()) as tx:
            await tx.connection.run_sync(metadata.create_all)
        yield db
    finally:
        await db.close()
