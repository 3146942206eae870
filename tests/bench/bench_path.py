"""The way of a fact on PostgreSQL, step by step: written, relayed, applied; each beside the same done by the bare driver."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from sqlalchemy import select, text

from shared.bus.kafka import KafkaBus, KafkaSettings
from shared.bus.port import Delivery
from shared.db import Database, Transaction, insert_many
from shared.outbox import Relay
from tests.bench.figures import by_the_clock, in_turns, rates
from tests.support import tally
from tests.support.servers import KafkaServer, PostgresServer
from tests.support.tally import Counter, a_cause, raise_counter

pytestmark = [pytest.mark.bench, pytest.mark.postgres, pytest.mark.timeout(900)]

ROUNDS = int(os.environ.get("QSMO_BENCH_ROUNDS", "5"))
WRITERS = 8
WRITES = 1_600
FACTS = 15_000
RELAYED_PER_S_GOAL = 30_000
EFFECTS_PER_S_GOAL = 5_000
_UPSERT = """INSERT INTO inbox(consumer, subject, version, event_id) SELECT 'raw', s, v, e
    FROM unnest($1::text[], $2::int[], $3::text[]) AS t(s, v, e)
    ON CONFLICT (consumer, subject) DO UPDATE SET version = excluded.version, event_id = excluded.event_id"""
_EFFECTS = "INSERT INTO effects(subject, version) SELECT s, v FROM unnest($1::text[], $2::int[]) AS t(s, v)"
_UPDATE = "UPDATE counters SET version = version + 1, value = value + 1 WHERE id = $1 AND version = $2"
# As a store does it: the row of the outbox is made of the row that was changed.
_UPDATE_AND_OUTBOX = f"""WITH changed AS ({_UPDATE} RETURNING id)
    INSERT INTO outbox(event_id, topic, key, aggregate_version, headers, payload, recorded_at)
    SELECT $3, $4, $5, $6, $7, $8, now() FROM changed"""


@asynccontextmanager
async def a_database(postgres: PostgresServer) -> AsyncIterator[tuple[Database, asyncpg.Pool]]:
    name = f"path_{uuid4().hex}"
    url = postgres.create_database(name)
    async with (
        tally.opened(url) as db,
        asyncpg.create_pool(url.replace("+asyncpg", ""), min_size=WRITERS, max_size=WRITERS) as raw,
    ):
        async with db.transaction(a_cause()) as tx:
            for n in range(WRITERS):
                await raise_counter(tx, f"s{n}")
        yield db, raw
    postgres.drop_database(name)


async def test_a_write_with_its_fact(postgres: PostgresServer) -> None:
    async with a_database(postgres) as (db, raw):
        row = await raw.fetchrow("SELECT topic, headers, payload FROM outbox LIMIT 1")

        async def ours(writer: int) -> None:
            async with db.transaction(a_cause()) as tx:
                await raise_counter(tx, f"s{writer}")

        async def plain(writer: int, *, outbox: bool) -> None:
            async with raw.acquire() as connection, connection.transaction():
                found = await connection.fetchrow("SELECT id, version, value FROM counters WHERE id = $1", f"s{writer}")
                if not outbox:
                    await connection.execute(_UPDATE, f"s{writer}", found["version"])
                    return
                version = found["version"] + 1_000_000
                fact = (str(uuid4()), row["topic"], f"s{writer}", version, row["headers"], row["payload"])
                await connection.execute(_UPDATE_AND_OUTBOX, f"s{writer}", found["version"], *fact)

        async def rate(write: object, **options: bool) -> float:
            async def writer(n: int) -> None:
                for _ in range(WRITES // WRITERS):
                    await write(n, **options)  # type: ignore[operator] # either of the two above

            begun = time.perf_counter()
            await asyncio.gather(*map(writer, range(WRITERS)))
            return WRITES / (time.perf_counter() - begun)

        pairs = await in_turns(lambda: rate(ours), lambda: rate(plain, outbox=False), rounds=ROUNDS)
        outbox = await in_turns(lambda: rate(plain, outbox=True), lambda: rate(plain, outbox=False), rounds=ROUNDS)
    beside = "the same transaction in raw asyncpg, without outbox"
    rates("write with its fact, 8 writers", pairs, unit="/s", beside=beside, goal=0.6).told()
    rates("an outbox row, by itself", outbox, unit="/s", beside="asyncpg without it", goal=0.95).told()


@pytest.mark.kafka
async def test_the_relay(postgres: PostgresServer, kafka: KafkaServer) -> None:
    bus = KafkaBus(KafkaSettings(bootstrap=kafka.bootstrap, client_id="bench"))
    await bus.ensure_topics([tally.TOPIC])
    plain = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, enable_idempotence=True, compression_type="lz4", max_batch_size=131_072
    )
    await plain.start()
    async with a_database(postgres) as (db, _):
        relay = Relay(service="bench", db=db, outbox=tally.outbox, bus=bus)
        await filled(db)
        async with db.reading() as tx:
            rows = await tx.rows(select(tally.outbox))
        unpublished = [{name: row[name] for name in row if name != "published_at"} for row in rows]
        sends = [
            (row["topic"], row["payload"].encode(), row["key"].encode(), [(k, v.encode()) for k, v in row["headers"].items()])
            for row in rows
        ]

        async def ours() -> float:
            async with db.transaction(a_cause()) as tx:
                await tx.execute(text("TRUNCATE outbox"))
                for start in range(0, len(unpublished), 1_000):
                    await insert_many(tx, tally.outbox, unpublished[start : start + 1_000])
            async with db.session_lock("bench") as leader:
                assert leader is not None
                begun = time.perf_counter()
                while await relay.drain_batch(leader):
                    pass
                await relay.mark()
                return len(sends) / (time.perf_counter() - begun)

        async def produced() -> float:
            begun = time.perf_counter()
            for start in range(0, len(sends), 500):
                some = sends[start : start + 500]
                await asyncio.gather(*[await plain.send(t, value, key, headers=headers) for t, value, key, headers in some])
            return len(sends) / (time.perf_counter() - begun)

        pairs = await in_turns(ours, produced, rounds=ROUNDS)
    await plain.stop()
    await bus.close()
    figure = rates("relay, PostgreSQL to Kafka", pairs, unit="events/s", beside="aiokafka producing the same bytes", goal=0.5)
    figure.told()
    by_the_clock(figure.what, figure.ours, unit="events/s", goal=30_000).told()


async def filled(db: Database) -> None:
    for start in range(0, FACTS, 1_000):
        counters = [Counter(f"f{n}", 0, 1) for n in range(start, start + 1_000)]
        async with db.transaction(a_cause()) as tx:
            await tally.store.add_all(tx, [(counter, tally.raised(counter)) for counter in counters])


async def test_the_effects_of_a_consumer(postgres: PostgresServer) -> None:
    """Ours from deliveries as the bus gives them: decoded, judged by version, then written. The driver only writes."""
    runs = 0
    async with a_database(postgres) as (db, raw):

        async def apply(tx: Transaction, events: Sequence[object]) -> None:
            await tally.record_effects(tx, events)  # type: ignore[arg-type] # events they are

        consumer = tally.a_consumer(db, None, otherwise=apply)  # type: ignore[arg-type] # no bus is asked

        def made() -> list[list[Delivery]]:
            nonlocal runs
            runs += 1
            events = [tally.an_event(f"r{runs}-{n}", 1) for n in range(FACTS)]
            found = [
                Delivery(topic=tally.TOPIC, partition=0, offset=n, key=e.subject, value=e.data, headers=e.headers())
                for n, e in enumerate(events)
            ]
            return [found[start : start + 500] for start in range(0, FACTS, 500)]

        async def ours() -> float:
            batches = made()
            begun = time.perf_counter()
            for batch in batches:
                await consumer.process(batch)
            return FACTS / (time.perf_counter() - begun)

        async def plain() -> float:
            batches = made()
            begun = time.perf_counter()
            for batch in batches:
                subjects, ids = [d.key for d in batch], [d.headers["ce_id"] for d in batch]
                async with raw.acquire() as connection, connection.transaction():
                    await connection.execute(_UPSERT, subjects, [1] * len(batch), ids)
                    await connection.execute(_EFFECTS, subjects, [1] * len(batch))
            return FACTS / (time.perf_counter() - begun)

        pairs = await in_turns(ours, plain, rounds=ROUNDS)
    figure = rates("effects of a consumer", pairs, unit="/s", beside="the same upserts in raw asyncpg batches", goal=0.5)
    figure.told()
    by_the_clock(figure.what, figure.ours, unit="/s", goal=5_000).told()
