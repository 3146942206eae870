"""The test servers are real: what they acknowledged survives kill -9, and a pause is a pause."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg  # ships no types
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer  # ships no types
from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # ships no types
from sqlalchemy import text

from shared.db.engines import create_async_engine
from tests.support.servers import ServerDidNotStart, StatementFailed, free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.servers import KafkaServer, PostgresServer

DEADLINE_S = 30


def test_ports_found_one_after_another_are_not_the_same() -> None:
    found = [free_port() for _ in range(100)]

    assert len(set(found)) == 100


async def connect(postgres: PostgresServer) -> asyncpg.Connection:
    return await asyncpg.connect(postgres.url("postgres").replace("+asyncpg", ""), timeout=DEADLINE_S)


async def a_topic(kafka: KafkaServer) -> str:
    name = f"test.{uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name=name, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()
    return name


async def produce(kafka: KafkaServer, topic: str, values: list[bytes]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, acks="all", enable_idempotence=True) as producer:
        for value in values:
            await producer.send_and_wait(topic, value)


async def consume(kafka: KafkaServer, topic: str, count: int) -> list[bytes]:
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=kafka.bootstrap, group_id=uuid4().hex, auto_offset_reset="earliest"
    ) as consumer:
        async with asyncio.timeout(DEADLINE_S):
            return [(await consumer.getone()).value for _ in range(count)]


@pytest.fixture
async def connection(postgres: PostgresServer) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(postgres)
    yield connection
    connection.terminate()


async def test_the_database_url_reaches_an_empty_database(database_url: str) -> None:
    engine = create_async_engine(database_url)

    async with engine.begin() as transaction:
        await transaction.execute(text("CREATE TABLE facts (seq integer PRIMARY KEY)"))
        await transaction.execute(text("INSERT INTO facts VALUES (1)"))
        count = await transaction.scalar(text("SELECT count(*) FROM facts"))
    await engine.dispose()

    assert count == 1


async def test_postgres_keeps_commits_through_kill_9(postgres: PostgresServer, connection: asyncpg.Connection) -> None:
    await connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS seq")

    postgres.kill()
    assert not postgres.running
    postgres.start()

    after = await connect(postgres)
    assert await after.fetchval("SELECT count(*) FROM kept") == 1000
    await after.execute("DROP TABLE kept")
    await after.close()


async def test_postgres_is_durable_and_takes_200_connections(
    connection: asyncpg.Connection,
) -> None:
    assert await connection.fetchval("SHOW fsync") == "on"
    assert await connection.fetchval("SHOW max_connections") == "200"


async def test_a_paused_postgres_answers_only_after_it_is_resumed(
    postgres: PostgresServer, connection: asyncpg.Connection
) -> None:
    postgres.pause()
    answer = asyncio.create_task(connection.fetchval("SELECT 1"))
    done, _ = await asyncio.wait([answer], timeout=0.3)

    postgres.resume()

    assert not done
    assert await asyncio.wait_for(answer, DEADLINE_S) == 1


def test_a_paused_postgres_can_be_stopped_and_restarted(postgres: PostgresServer) -> None:
    postgres.pause()

    postgres.restart()

    postgres.execute("SELECT 1")


def test_a_refused_statement_says_why(postgres: PostgresServer) -> None:
    with pytest.raises(StatementFailed, match='database "nowhere" does not exist'):
        postgres.execute("DROP DATABASE nowhere")


def test_a_server_that_cannot_start_shows_its_log(postgres: PostgresServer) -> None:
    port = postgres.port
    postgres.stop()
    postgres.port = 1_000_000

    try:
        with pytest.raises(ServerDidNotStart, match="1000000 is outside the valid range"):
            postgres.start()
    finally:
        postgres.port = port


async def test_kafka_keeps_acknowledged_records_through_kill_9(kafka: KafkaServer) -> None:
    topic = await a_topic(kafka)
    values = [str(n).encode() for n in range(100)]
    await produce(kafka, topic, values)

    kafka.kill()
    assert not kafka.running
    kafka.start()

    assert await consume(kafka, topic, 100) == values


async def test_kafka_keeps_records_through_an_orderly_restart(kafka: KafkaServer) -> None:
    topic = await a_topic(kafka)
    await produce(kafka, topic, [b"before"])

    kafka.restart()
    await produce(kafka, topic, [b"after"])

    assert await consume(kafka, topic, 2) == [b"before", b"after"]


async def test_a_paused_kafka_acknowledges_only_after_it_is_resumed(kafka: KafkaServer) -> None:
    topic = await a_topic(kafka)
    await produce(kafka, topic, [b"before"])

    kafka.pause()
    sending = asyncio.create_task(produce(kafka, topic, [b"during"]))
    done, _ = await asyncio.wait([sending], timeout=1)
    kafka.resume()
    await asyncio.wait_for(sending, DEADLINE_S)

    assert not done
    assert await consume(kafka, topic, 2) == [b"before", b"during"]


async def test_kafka_creates_no_topic_by_itself(kafka: KafkaServer) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    await admin.describe_topics(["never.created"])

    topics = await admin.list_topics()
    await admin.close()

    assert "never.created" not in topics
