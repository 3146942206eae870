"""What the databases of an installation, and its bus, have of the facts; read in stretches, so that memory is bounded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import MetaData, func, select

from services.gateway import tables as gateway
from shared.bus.port import Bus
from shared.contracts.envelope import Event, MalformedEvent
from shared.db import Database, Transaction, among
from shared.inbox import inbox_tables
from shared.inbox.consumer import BEHIND
from shared.outbox import outbox_table
from shared.service import SERVICES, TOPICS

_STRETCH = 2_000
# Alike in every owner.
outbox = outbox_table(MetaData())
inbox = inbox_tables(MetaData())


@dataclass(frozen=True, slots=True)
class Follower:
    """A consumer: where its inbox is, its name, and what it reads."""

    service: str
    consumer: str
    topics: tuple[str, ...]


FOLLOWERS = (
    Follower("registry", "registry", ("qsmo.adoption",)),
    Follower("catalog", "catalog", ("qsmo.registry", "qsmo.adoption")),
    Follower("adoption", "adoption", TOPICS),
    Follower("gateway", "gateway-feed", TOPICS),
)


@dataclass(frozen=True, slots=True)
class Missing:
    """A fact that was published and that a follower has not applied; `row_id` is that of its service's outbox."""

    service: str
    row_id: int
    subject: str
    version: int


@dataclass(frozen=True, slots=True)
class Ahead:
    """A follower has applied versions of an object that its owner has no record of."""

    topic: str
    subject: str
    recorded: int
    applied: int


def owner_of(topic: str) -> str:
    """The service whose facts these are."""
    return topic.removeprefix("qsmo.")


async def on_the_feed(dbs: Mapping[str, Database]) -> AsyncIterator[list[Event]]:
    """The owners' facts that the feed holds, in its order."""
    c, after = gateway.feed.c, 0
    while True:
        async with dbs["gateway"].reading() as tx:
            rows = (await tx.execute(select(c.seq, c.event).where(c.seq > after).order_by(c.seq).limit(_STRETCH))).all()
        if not rows:
            return
        after = rows[-1].seq
        yield [event for row in rows if (event := Event.from_structured(row.event.encode())).topic in TOPICS]


async def on_the_bus(bus: Bus) -> AsyncIterator[list[Event]]:
    """The facts that the topics hold; what is no fact of ours is left out."""
    async for deliveries in bus.records(TOPICS):
        events = []
        for delivery in deliveries:
            try:
                events.append(Event.from_headers(delivery.headers, delivery.value))
            except MalformedEvent:
                continue
        yield events


async def unknown_to_owners(dbs: Mapping[str, Database], events: Sequence[Event]) -> list[Event]:
    """Those of the events that the outbox of their own service does not have."""
    found: list[Event] = []
    for service in SERVICES:
        of_it = [event for event in events if owner_of(event.topic) == service]
        async with dbs[service].reading() as tx:
            asked = select(outbox.c.event_id).where(among(tx, outbox.c.event_id, [event.id for event in of_it]))
            recorded = set((await tx.execute(asked)).scalars())
        found += [event for event in of_it if event.id not in recorded]
    return found


async def missing_at(dbs: Mapping[str, Database], follower: Follower) -> AsyncIterator[Missing]:
    """What it has not applied, but for what waits there behind an event that cannot be applied."""
    for topic in follower.topics:
        async for last in _last_versions(dbs[owner_of(topic)]):
            async with dbs[follower.service].reading() as tx:
                applied = await versions_applied(tx, follower, topic, list(last))
                stuck = await stuck_at(tx, follower, topic, list(last))
            behind = {key: applied.get(key, 0) for key, version in last.items() if version > applied.get(key, 0)}
            async for found in _published_after(dbs[owner_of(topic)], owner_of(topic), behind):
                if found.subject not in stuck:
                    yield found


async def _last_versions(db: Database) -> AsyncIterator[dict[str, int]]:
    c, after = outbox.c, ""
    while True:
        last = func.max(c.aggregate_version).label("last")
        query = select(c.key, last).where(c.key > after).group_by(c.key).order_by(c.key).limit(_STRETCH)
        async with db.reading() as tx:
            found = {row.key: int(row.last) for row in await tx.execute(query)}
        if not found:
            return
        yield found
        after = list(found)[-1]


async def versions_applied(tx: Transaction, follower: Follower, topic: str, keys: Sequence[str]) -> dict[str, int]:
    """By object: the version that was applied last; those it never heard of are left out."""
    c, prefix = inbox.positions.c, f"{topic}:"
    of_these = among(tx, c.subject, [prefix + key for key in keys])
    rows = await tx.execute(select(c.subject, c.version).where(c.consumer == follower.consumer, of_these))
    return {row.subject.removeprefix(prefix): row.version for row in rows}


async def stuck_at(tx: Transaction, follower: Follower, topic: str, keys: Sequence[str]) -> set[str]:
    """The objects that wait behind an event that cannot be applied."""
    c = inbox.parked.c
    unresolved = (c.consumer == follower.consumer, c.topic == topic, c.resolved_at.is_(None), among(tx, c.subject, keys))
    return set((await tx.execute(select(c.subject).where(*unresolved, c.reason != BEHIND).distinct())).scalars())


async def _published_after(db: Database, service: str, behind: Mapping[str, int]) -> AsyncIterator[Missing]:
    if not behind:
        return
    c = outbox.c
    async with db.reading() as tx:
        of_these = (among(tx, c.key, list(behind)), c.published_at.is_not(None))
        rows = (await tx.execute(select(c.id, c.key, c.aggregate_version).where(*of_these).order_by(c.id))).all()
    for row in rows:
        if row.aggregate_version > behind[row.key]:
            yield Missing(service, row.id, row.key, row.aggregate_version)


async def ahead_at(dbs: Mapping[str, Database], follower: Follower) -> AsyncIterator[Ahead]:
    """The objects of which it has applied more than their owner has recorded."""
    for topic in follower.topics:
        async for applied in positions(dbs[follower.service], follower, topic):
            async with dbs[owner_of(topic)].reading() as tx:
                c = outbox.c
                last = func.max(c.aggregate_version).label("last")
                query = select(c.key, last).where(among(tx, c.key, list(applied))).group_by(c.key)
                recorded = {row.key: int(row.last) for row in await tx.execute(query)}
            for key, version in applied.items():
                if version > recorded.get(key, 0):
                    yield Ahead(topic, key, recorded.get(key, 0), version)


async def positions(db: Database, follower: Follower, topic: str) -> AsyncIterator[dict[str, int]]:
    """Of every object the version that was applied last, in stretches."""
    c, prefix, after = inbox.positions.c, f"{topic}:", ""
    while True:
        of_topic = (c.consumer == follower.consumer, c.subject.startswith(prefix, autoescape=True), c.subject > after)
        query = select(c.subject, c.version).where(*of_topic).order_by(c.subject).limit(_STRETCH)
        async with db.reading() as tx:
            rows = (await tx.execute(query)).all()
        if not rows:
            return
        yield {row.subject.removeprefix(prefix): row.version for row in rows}
        after = rows[-1].subject
