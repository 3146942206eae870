from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from shared.bus.embedded import EmbeddedBus
from shared.bus.embedded_subscription import EmbeddedSubscription
from shared.bus.port import MESSAGE_BYTES_MAX, Bus, BusUnavailable, Delivery, Message
from shared.contracts.envelope import Event
from shared.db import Database, Transaction
from shared.inbox import Consumer
from shared.kernel.errors import Unavailable
from tests.support import tally
from tests.support.tally import a_cause, an_event


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with tally.opened(database_url) as opened:
        yield opened


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Bus]:
    bus = EmbeddedBus(tmp_path / "events.db")
    await bus.start()
    await bus.ensure_topics([tally.TOPIC, f"{tally.TOPIC}.dlq"])
    yield bus
    await bus.close()


def delivered(*events: Event) -> list[Delivery]:
    return [
        Delivery(topic=tally.TOPIC, partition=0, offset=n, key=event.subject, value=event.data, headers=event.headers())
        for n, event in enumerate(events)
    ]


async def parked(db: Database) -> list[tuple[str, int, bool]]:
    """(subject, version, resolved) of everything that was ever parked."""
    table = tally.inbox.parked
    async with db.reading() as tx:
        rows = await tx.rows(select(table).order_by(table.c.id))
    return [(row["subject"], row["version"], row["resolved_at"] is not None) for row in rows]


async def test_a_redelivered_event_has_no_second_effect(db: Database, bus: Bus) -> None:
    consumer = tally.a_consumer(db, bus)

    await consumer.process(delivered(an_event("a", 1), an_event("a", 2), an_event("a", 1), an_event("a", 2)))
    await consumer.process(delivered(an_event("a", 2), an_event("a", 3)))

    assert await tally.effects_by_subject(db) == {"a": [1, 2, 3]}


async def test_aggregates_of_two_services_may_have_the_same_id(db: Database, bus: Bus) -> None:
    consumer = tally.a_consumer(db, bus)
    elsewhere = replace(an_event("a", 1), type="qsmo.catalog.marketplace.planned.v1")

    await consumer.process(delivered(an_event("a", 1), elsewhere, an_event("a", 2)))

    assert await tally.effects_by_subject(db) == {"a": [1, 1, 2]}


async def test_a_gap_parks_the_aggregate_and_lets_others_pass(db: Database, bus: Bus) -> None:
    consumer = tally.a_consumer(db, bus)

    await consumer.process(delivered(an_event("a", 1), an_event("a", 3), an_event("b", 1), an_event("a", 4)))

    assert await tally.effects_by_subject(db) == {"a": [1], "b": [1]}
    assert await parked(db) == [("a", 3, False), ("a", 4, False)]


class Poison:
    """A handler that cannot take one event, until it is mended."""

    def __init__(self, subject: str, version: int) -> None:
        self.poison = (subject, version)
        self.mended = False

    async def __call__(self, tx: Transaction, events: Sequence[Event]) -> None:
        for event in events:
            if (event.subject, event.aggregate_version) == self.poison and not self.mended:
                raise ValueError("cannot take this")
        await tally.record_effects(tx, events)


async def poisoned(db: Database, bus: Bus) -> tuple[Consumer, Poison]:
    handler = Poison("a", 2)
    consumer = tally.a_consumer(db, bus, otherwise=handler)
    await consumer.process(delivered(an_event("a", 1), an_event("a", 2), an_event("b", 1), an_event("a", 3), an_event("b", 2)))
    return consumer, handler


async def test_poison_parks_its_aggregate_in_order_and_lets_others_pass(db: Database, bus: Bus) -> None:
    await poisoned(db, bus)

    assert await tally.effects_by_subject(db) == {"a": [1], "b": [1, 2]}
    assert await parked(db) == [("a", 2, False), ("a", 3, False)]


async def test_poison_costs_its_neighbours_few_transactions(db: Database, bus: Bus) -> None:
    handler = Poison("s7", 1)
    calls = 0

    async def counted(tx: Transaction, events: Sequence[Event]) -> None:
        nonlocal calls
        calls += 1
        await handler(tx, events)

    consumer = tally.a_consumer(db, bus, otherwise=counted)
    await consumer.process(delivered(*(an_event(f"s{n}", 1) for n in range(256))))

    assert calls <= 2 * 8 + 1  # halved eight times, of 256
    assert await parked(db) == [("s7", 1, False)]
    assert len(await tally.effects_by_subject(db)) == 255


async def test_poison_is_mirrored_to_the_dead_letter_topic(db: Database, bus: Bus) -> None:
    await poisoned(db, bus)

    subscription = await bus.subscribe([f"{tally.TOPIC}.dlq"], group="g", member="m")
    (mirrored,) = await subscription.fetch(max_messages=10, timeout_s=1)
    await subscription.close()
    assert mirrored.key == "a"
    assert "cannot take this" in mirrored.headers["reason"]


async def test_redelivery_does_not_park_twice(db: Database, bus: Bus) -> None:
    consumer, _ = await poisoned(db, bus)

    await consumer.process(delivered(an_event("a", 2), an_event("a", 3)))

    assert await parked(db) == [("a", 2, False), ("a", 3, False)]


async def test_retrying_applies_what_was_parked_in_order(db: Database, bus: Bus) -> None:
    consumer, handler = await poisoned(db, bus)
    handler.mended = True

    async with db.transaction(a_cause()) as tx:
        assert await consumer.retry_parked(tx, tally.TOPIC, "a") == 2
    await consumer.process(delivered(an_event("a", 4)))

    assert await tally.effects_by_subject(db) == {"a": [1, 2, 3, 4], "b": [1, 2]}
    assert await parked(db) == [("a", 2, True), ("a", 3, True)]


async def test_retrying_in_vain_leaves_everything_parked(db: Database, bus: Bus) -> None:
    consumer, _ = await poisoned(db, bus)

    with pytest.raises(ValueError, match="cannot take this"):
        async with db.transaction(a_cause()) as tx:
            await consumer.retry_parked(tx, tally.TOPIC, "a")

    assert await parked(db) == [("a", 2, False), ("a", 3, False)]


async def test_discarding_lets_the_aggregate_go_on_and_keeps_who_and_why(db: Database, bus: Bus) -> None:
    consumer, _ = await poisoned(db, bus)

    async with db.transaction(a_cause(actor="operator-1")) as tx:
        await consumer.discard_parked(tx, tally.TOPIC, "a", reason="known bad import")
    await consumer.process(delivered(an_event("a", 4)))

    assert await tally.effects_by_subject(db) == {"a": [1, 4], "b": [1, 2]}
    async with db.reading() as tx:
        row = await tx.row(select(tally.inbox.parked.c.resolution))
    assert row is not None
    assert row["resolution"] == "discarded by operator-1: known bad import"


async def test_a_record_that_is_no_event_is_parked_under_its_key(db: Database, bus: Bus) -> None:
    consumer = tally.a_consumer(db, bus)
    stray = Delivery(topic=tally.TOPIC, partition=0, offset=0, key="stray", value=b"\xff\x00hello", headers={})

    await consumer.process([stray, *delivered(an_event("a", 1))])

    assert await tally.effects_by_subject(db) == {"a": [1]}
    assert await parked(db) == [("stray", 0, False)]


async def test_a_record_that_is_no_event_is_parked_once_however_often_it_comes(db: Database, bus: Bus) -> None:
    consumer = tally.a_consumer(db, bus)
    stray = Delivery(topic=tally.TOPIC, partition=0, offset=0, key="stray", value=b"\xff\x00hello", headers={})

    await consumer.process([stray, stray._replace(value=b"another")])
    await consumer.process([stray])

    assert await parked(db) == [("stray", 0, False), ("stray", 0, False)]


class BrokenBus:
    """Publishes nothing."""

    async def publish(self, _messages: object) -> list[bool]:
        raise BusUnavailable("away")


async def test_nothing_is_parked_while_it_cannot_be_mirrored(db: Database) -> None:
    consumer = tally.a_consumer(db, BrokenBus(), otherwise=Poison("a", 1))  # type: ignore[arg-type]

    with pytest.raises(BusUnavailable):
        await consumer.process(delivered(an_event("a", 1)))

    assert await parked(db) == []


async def test_a_passing_failure_is_raised_for_another_try_and_parks_nothing(db: Database, bus: Bus) -> None:
    async def away(_tx: Transaction, _events: Sequence[Event]) -> None:
        raise Unavailable("away for now")

    consumer = tally.a_consumer(db, bus, otherwise=away)

    with pytest.raises(Unavailable):
        await consumer.process(delivered(an_event("a", 1)))

    assert await parked(db) == []


class Joined(EmbeddedBus):
    """Counts how often somebody joins a group."""

    times = 0

    async def subscribe(self, topics: Sequence[str], *, group: str, member: str) -> EmbeddedSubscription:
        self.times += 1
        return await super().subscribe(topics, group=group, member=member)


async def test_a_consumer_keeps_its_place_in_the_group_while_its_database_is_away(db: Database, tmp_path: Path) -> None:
    failures = iter(range(3))

    async def away(tx: Transaction, events: Sequence[Event]) -> None:
        if next(failures, None) is not None:
            raise Unavailable("away for now")
        await tally.record_effects(tx, events)

    bus = Joined(tmp_path / "events.db")
    await bus.start()
    await bus.ensure_topics([tally.TOPIC, f"{tally.TOPIC}.dlq"])
    event = an_event("a", 1)
    await bus.publish([Message(topic=tally.TOPIC, key="a", value=event.data, headers=event.headers())])

    running = asyncio.create_task(tally.a_consumer(db, bus, otherwise=away).run())
    async with asyncio.timeout(10):
        while not await tally.effects_by_subject(db):
            await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.wait((running,))
    await bus.close()

    assert await tally.effects_by_subject(db) == {"a": [1]}
    assert bus.times == 1


async def test_what_is_too_large_for_the_dead_letter_topic_is_parked_whole_and_mirrored_by_its_place(
    db: Database, bus: Bus
) -> None:
    async def talkative(_tx: Transaction, _events: Sequence[Event]) -> None:
        raise ValueError("x" * MESSAGE_BYTES_MAX)

    consumer = tally.a_consumer(db, bus, otherwise=talkative)
    large = delivered(an_event("a", 1))[0]._replace(value=b" " * MESSAGE_BYTES_MAX, offset=7)

    await consumer.process([large])

    assert await parked(db) == [("a", 1, False)]
    subscription = await bus.subscribe([f"{tally.TOPIC}.dlq"], group="g", member="m")
    (mirrored,) = await subscription.fetch(max_messages=10, timeout_s=1)
    await subscription.close()
    assert (mirrored.value, mirrored.headers["offset"], mirrored.headers["cut"]) == (b"", "7", "true")
    assert len(mirrored.headers["reason"]) <= 2_000
