from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import delete, func, select, text

from shared.bus.embedded import EmbeddedBus
from shared.bus.kafka import KafkaBus, KafkaSettings
from shared.bus.port import MESSAGE_BYTES_MAX, Bus, BusUnavailable, Message
from shared.db import Database
from shared.kernel.errors import Conflict, Invalid, StaleVersion, Unavailable
from shared.outbox import Relay
from tests.support import tally
from tests.support.servers import KafkaServer, PostgresServer
from tests.support.tally import Counter, a_cause, raise_counter


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


async def unpublished(db: Database) -> int:
    async with db.reading() as tx:
        query = select(func.count()).select_from(tally.outbox).where(tally.outbox.c.published_at.is_(None))
        return int((await tx.execute(query)).scalar_one())


async def drained(db: Database, relay: Relay) -> None:
    relay.wake()
    async with asyncio.timeout(60):
        while await unpublished(db):
            await asyncio.sleep(0.02)


async def test_a_write_and_its_fact_are_kept_together_or_not_at_all(db: Database) -> None:
    with pytest.raises(RuntimeError):
        async with db.transaction(a_cause()) as tx:
            await raise_counter(tx, "a")
            raise RuntimeError("before the commit")

    async with db.reading() as tx:
        assert await tally.store.find(tx, "a") is None
    assert await unpublished(db) == 0


async def test_a_stale_aggregate_is_refused_and_leaves_no_fact(db: Database) -> None:
    async with db.transaction(a_cause()) as tx:
        first = await raise_counter(tx, "a")
        await raise_counter(tx, "a")

    with pytest.raises(StaleVersion):
        async with db.transaction(a_cause()) as tx:
            await tally.store.save(tx, first, tally.raised(first))

    assert await unpublished(db) == 2


async def test_adding_what_exists_is_a_conflict(db: Database) -> None:
    async with db.transaction(a_cause()) as tx:
        await raise_counter(tx, "a")

    with pytest.raises(Conflict):
        async with db.transaction(a_cause()) as tx:
            again = Counter("a", 0, 1)
            await tally.store.add(tx, again, tally.raised(again))


async def test_adding_what_has_the_id_of_something_else_says_so(db: Database) -> None:
    async with db.transaction(a_cause()) as tx:
        begun = Counter("a", 0, 1)
        await tally.store.add(tx, begun, tally.raised(begun))
        await tx.change(delete(tally.counters))

    with pytest.raises(Conflict, match="Something else of this service has this id") as refused:
        async with db.transaction(a_cause()) as tx:
            await tally.store.add(tx, begun, tally.raised(begun))

    assert refused.value.code == "id-taken"
    async with db.reading() as tx:
        assert await tx.rows(select(tally.counters)) == []


async def test_a_fact_that_no_bus_takes_is_refused_and_nothing_is_written(db: Database) -> None:
    large = Counter("a", 0, 1)
    for title in ("x" * MESSAGE_BYTES_MAX, "\N{EURO SIGN}" * (MESSAGE_BYTES_MAX // 3)):
        with pytest.raises(Invalid, match="larger than"):
            async with db.transaction(a_cause()) as tx:
                await tally.store.add(tx, large, tally.raised(large).model_copy(update={"title": title}))

    assert await unpublished(db) == 0


@pytest.mark.kafka
async def test_the_largest_fact_that_may_be_written_reaches_kafka(db: Database, kafka: KafkaServer) -> None:
    counter = Counter("a", 0, 1)
    chance = random.Random(7)
    title = "".join(chr(chance.randrange(0x20000, 0x2A000)) for _ in range((MESSAGE_BYTES_MAX - 1_000) // 4))
    async with db.transaction(a_cause()) as tx:
        await tally.store.add(tx, counter, tally.raised(counter).model_copy(update={"title": title}))
    async with db.reading() as tx:
        row = await tx.row(select(tally.outbox))
    assert row is not None
    topic = f"largest-{uuid4().hex}"
    message = Message(topic=topic, key="a", headers=row["headers"], value=row["payload"].encode())
    bus = KafkaBus(KafkaSettings(bootstrap=kafka.bootstrap, client_id="tests"))

    try:
        await bus.ensure_topics([topic])
        assert await bus.publish([message]) == [True]
    finally:
        await bus.close()
    assert message.size_bytes > 0.99 * MESSAGE_BYTES_MAX


async def test_a_batch_with_one_stale_member_writes_nothing(db: Database) -> None:
    async with db.transaction(a_cause()) as tx:
        a, b = await raise_counter(tx, "a"), await raise_counter(tx, "b")
        await raise_counter(tx, "b")

    with pytest.raises(StaleVersion):
        async with db.transaction(a_cause()) as tx:
            await tally.store.save_all(tx, [(a, tally.raised(a)), (b, tally.raised(b))])

    async with db.reading() as tx:
        assert (await tally.store.get(tx, "a")).version == 1


async def test_the_relay_publishes_everything_once_per_row_in_order(db: Database, bus: Bus) -> None:
    async with db.transaction(a_cause()) as tx:
        for _ in range(20):
            await raise_counter(tx, "a")
    relay = Relay(service="tests", db=db, outbox=tally.outbox, bus=bus)

    async with asyncio.TaskGroup() as group:
        running = group.create_task(relay.run())
        await drained(db, relay)
        running.cancel()

    subscription = await bus.subscribe([tally.TOPIC], group="g", member="m")
    seen = await subscription.fetch(max_messages=100, timeout_s=1)
    assert [delivery.headers["ce_aggregateversion"] for delivery in seen] == [str(n) for n in range(1, 21)]
    await subscription.close()


async def counted(db: Database, count: int) -> None:
    counters = [tally.Counter(str(n), 0, 0) for n in range(count)]
    async with db.transaction(a_cause()) as tx:
        await tally.store.add_all(tx, [(counter, tally.raised(counter)) for counter in counters])


async def test_facts_of_an_import_make_room_for_it_and_all_arrive_in_order(db: Database, bus: Bus) -> None:
    await counted(db, 1_200)
    asked: list[bool] = []

    def importing() -> bool:
        asked.append(len(asked) < 3)
        return asked[-1]

    relay = Relay(service="tests", db=db, outbox=tally.outbox, bus=bus, importing=importing)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(relay.run())
        await drained(db, relay)
        running.cancel()

    assert asked == [True, True, True, False, False], "asked again and again after the first full batch, once after the second"
    async with db.reading() as tx:
        assert (await tx.execute(select(func.count()).where(tally.outbox.c.published_at.is_(None)))).scalar_one() == 0


async def test_facts_that_are_late_wait_for_no_import(db: Database, bus: Bus) -> None:
    await counted(db, 600)
    now = db.clock() + timedelta(seconds=61)
    db.clock = lambda: now
    asked: list[bool] = []

    def importing() -> bool:
        asked.append(True)
        return True

    relay = Relay(service="tests", db=db, outbox=tally.outbox, bus=bus, importing=importing)

    async with asyncio.TaskGroup() as group:
        running = group.create_task(relay.run())
        await drained(db, relay)
        running.cancel()

    assert not asked


class FlakyBus:
    """Acknowledges only some of a batch, a prefix per key, as a broker that is going away does."""

    def __init__(self, inner: Bus, seed: int) -> None:
        self.inner = inner
        self.random = random.Random(seed)

    async def publish(self, messages: list[Message]) -> list[bool]:
        if self.random.random() < 0.2:
            raise BusUnavailable("away")
        cut = self.random.randint(1, len(messages))
        acknowledged = await self.inner.publish(messages[:cut])
        return [*acknowledged, *[False] * (len(messages) - cut)]


async def test_a_bus_that_acknowledges_in_parts_loses_and_inverts_nothing(db: Database, bus: Bus) -> None:
    async with db.transaction(a_cause()) as tx:
        for n in range(60):
            await raise_counter(tx, f"c{n % 3}")
    relay = Relay(service="tests", db=db, outbox=tally.outbox, bus=FlakyBus(bus, 7))  # type: ignore[arg-type]
    consumer = tally.a_consumer(db, bus)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(relay.run()), group.create_task(consumer.run())]
        await drained(db, relay)
        async with asyncio.timeout(30):
            while sum(map(len, (await tally.effects_by_subject(db)).values())) < 60:
                await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()

    assert await tally.effects_by_subject(db) == {f"c{n}": list(range(1, 21)) for n in range(3)}


async def write_with_delays(db: Database, writer: int, commits: int) -> None:
    chance = random.Random(writer)
    for _ in range(commits):
        while True:
            try:
                async with db.transaction(a_cause()) as tx:
                    await raise_counter(tx, f"c{chance.randrange(40)}")
                    if not db.is_sqlite:
                        await asyncio.sleep(chance.random() * 0.004)
                break
            except Conflict:
                continue


async def check_concurrent_writers(db: Database, bus: Bus, *, commits: int) -> None:
    """24 writers with delays inside their transactions: nothing lost, inverted or doubled."""
    relay = Relay(service="tests", db=db, outbox=tally.outbox, bus=bus)
    consumer = tally.a_consumer(db, bus)
    per_writer = -(-commits // 24)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(relay.run()), group.create_task(consumer.run())]
        async with asyncio.TaskGroup() as writers:
            for writer in range(24):
                writers.create_task(write_with_delays(db, writer, per_writer))
        await drained(db, relay)
        async with db.reading() as tx:
            final = {row["id"]: row["value"] for row in await tx.rows(select(tally.counters))}
        async with asyncio.timeout(60):
            while sum(map(len, (await tally.effects_by_subject(db)).values())) < sum(final.values()):
                await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
    assert sum(final.values()) == per_writer * 24
    assert await tally.effects_by_subject(db) == {id: list(range(1, value + 1)) for id, value in final.items()}


async def test_concurrent_writers_lose_invert_and_double_nothing(db: Database, bus: Bus) -> None:
    await check_concurrent_writers(db, bus, commits=1_200)


@pytest.mark.postgres
@pytest.mark.kafka
async def test_ten_thousand_concurrent_commits_on_postgres_and_kafka(
    postgres: object, kafka: object, request: pytest.FixtureRequest
) -> None:
    url = postgres.create_database("concurrent_writers")  # type: ignore[attr-defined]
    bus = KafkaBus(KafkaSettings(bootstrap=kafka.bootstrap, client_id="tests"))  # type: ignore[attr-defined]
    await bus.start()
    await bus.ensure_topics([tally.TOPIC, f"{tally.TOPIC}.dlq"])
    try:
        async with tally.opened(url) as db:
            await check_concurrent_writers(db, bus, commits=10_000)
    finally:
        await bus.close()
        postgres.drop_database("concurrent_writers")  # type: ignore[attr-defined]


async def test_only_one_relay_leads_on_postgres(db: Database) -> None:
    async with db.session_lock("relay:tests") as first, db.session_lock("relay:tests") as second:
        assert first is not None
        assert (second is None) is not db.is_sqlite

    async with db.session_lock("relay:tests") as again:
        assert again is not None
        await again.execute(text("SELECT 1"))


async def test_a_leader_that_is_silent_for_too_long_is_replaced(db: Database) -> None:
    if db.is_sqlite:
        return  # one process has the file
    with pytest.raises(Unavailable):
        async with db.session_lock("relay:tests", silence_s=0.2) as first:
            assert first is not None
            async with asyncio.timeout(10):
                while True:
                    async with db.session_lock("relay:tests") as second:
                        if second is not None:
                            break
                    await asyncio.sleep(0.05)
            await first.execute(text("SELECT 1"))


@pytest.mark.postgres
async def test_connections_that_the_server_has_closed_are_replaced_before_use(postgres: PostgresServer) -> None:
    name = f"closed_{uuid4().hex}"
    async with tally.opened(postgres.create_database(name)) as db:
        for _ in range(3):
            async with asyncio.TaskGroup() as group:
                for n in range(5):
                    group.create_task(_raised(db, f"c{n}"))
            postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
            await asyncio.sleep(0.1)
        await _raised(db, "c0")
        async with db.reading() as tx:
            assert (await tally.store.get(tx, "c0")).value == 4
    postgres.drop_database(name)


async def _raised(db: Database, id: str) -> None:
    async with db.transaction(a_cause()) as tx:
        await raise_counter(tx, id)


async def test_a_connection_that_is_not_to_be_had_in_time_passes(database_url: str) -> None:
    db = Database(database_url, pool_size=4, pool_wait_s=0.1)
    async with AsyncExitStack() as stack:
        for _ in range(4):
            await stack.enter_async_context(db.reading())
        with pytest.raises(Unavailable):
            await stack.enter_async_context(db.reading())
    await db.close()


@pytest.mark.parametrize("code", ["57P03", "57P01", "53300", "53100", "40P01", "55P03", "57014", "08006"])
@pytest.mark.postgres
async def test_what_a_database_says_while_it_starts_or_is_crowded_passes(postgres: PostgresServer, code: str) -> None:
    """A consumer must not take it for a poison event."""
    name = f"passing_{uuid4().hex}"
    db = Database(postgres.create_database(name))
    with pytest.raises(Unavailable):
        async with db.transaction(a_cause()) as tx:
            await tx.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{code}'; END $$"))
    await db.close()
    postgres.drop_database(name)
