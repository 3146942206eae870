"""What only the bus on Kafka must get right: a broker that hangs, dies and comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from uuid import uuid4

import pytest
from aiokafka import TopicPartition

from shared.bus.kafka import KafkaBus, KafkaSecurity, KafkaSettings
from shared.bus.kafka_internals import Watch
from shared.bus.kafka_producer import prefix_per_key
from shared.bus.kafka_subscription import KafkaSubscription
from shared.bus.port import BusUnavailable, Delivery, MembershipLost, Message, Subscription
from tests.support.servers import KafkaServer

TIMEOUT_S = 3.0


def a_message(topic: str, number: int = 0, *, key: str = "k") -> Message:
    return Message(topic=topic, key=key, value=str(number).encode(), headers={})


@pytest.fixture
async def bus(kafka: KafkaServer) -> AsyncIterator[KafkaBus]:
    settings = KafkaSettings(bootstrap=kafka.bootstrap, client_id="suite", timeout_s=TIMEOUT_S, session_timeout_s=1.5)
    connected = KafkaBus(settings)
    await connected.start()
    yield connected
    await connected.close()


@pytest.fixture
async def topic(bus: KafkaBus) -> str:
    """Waits for a broker: one that starves is fenced by its controller until it sends a heartbeat again."""
    name = f"test.{uuid4().hex}"
    async with asyncio.timeout(40):
        while True:
            try:
                await bus.ensure_topics([name])
            except BusUnavailable:
                await asyncio.sleep(0.2)
            else:
                return name


async def keep_publishing(bus: KafkaBus, message: Message) -> None:
    """As the relay does it."""
    async with asyncio.timeout(40):
        while True:
            try:
                await bus.publish([message])
            except BusUnavailable:
                await asyncio.sleep(0.1)
            else:
                return


async def fetch_for_ever(subscription: Subscription) -> None:
    while True:
        await subscription.fetch(max_messages=1, timeout_s=0.05)


async def tasks_left() -> set[asyncio.Task[object]]:
    """What is still running after those that were cancelled have had the time to end."""
    await asyncio.sleep(0.05)
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}


async def numbers(subscription: Subscription, last: int) -> list[int]:
    """The numbers of the key `k` until `last` was read, each where it came first."""
    found: list[Delivery] = []
    async with asyncio.timeout(40):
        while last not in (seen := [int(delivery.value) for delivery in found if delivery.key == "k"]):
            try:
                found += await subscription.fetch(max_messages=100, timeout_s=0.5)
            except BusUnavailable:
                await asyncio.sleep(0.1)
    return list(dict.fromkeys(seen))


@pytest.mark.parametrize(
    ("keys", "acknowledged", "flags"),
    [
        pytest.param("aba", [True, True, True], [True, True, True], id="all"),
        pytest.param("aba", [False, True, True], [False, True, False], id="behind a failed one"),
        pytest.param("aba", [True], [True, False, False], id="never sent"),
        pytest.param("", [], [], id="nothing"),
    ],
)
def test_acknowledged_messages_are_a_prefix_per_key(keys: str, acknowledged: Sequence[bool], flags: list[bool]) -> None:
    messages = [a_message("t", key=key) for key in keys]

    assert prefix_per_key(messages, acknowledged) == flags


def test_a_password_is_not_shown() -> None:
    security = KafkaSecurity(protocol="SASL_PLAINTEXT", username="u", password="hunter2")

    assert "hunter2" not in repr(KafkaSettings(bootstrap="b", client_id="c", security=security))
    assert security.options()["sasl_plain_password"] == "hunter2"


def test_tls_checks_the_broker_against_the_given_authority(tmp_path: Path) -> None:
    missing = KafkaSecurity(protocol="SSL", ca_file=tmp_path / "no.pem")

    with pytest.raises(FileNotFoundError):
        missing.options()
    assert KafkaSecurity(protocol="SASL_SSL").options()["ssl_context"].check_hostname


class StandsStill:
    """A consumer as it was seen upstream: no error, no records, though there are some."""

    place = TopicPartition("t", 0)

    async def getmany(self, *, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[object]]:
        await asyncio.sleep(timeout_ms / 1000)
        return {} if max_records else {self.place: []}

    def assignment(self) -> set[TopicPartition]:
        return {self.place}

    async def end_offsets(self, places: set[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, 5)

    async def position(self, place: TopicPartition) -> int:
        return 3 if place == self.place else 0


@pytest.mark.parametrize(
    ("consumer", "watch", "why"),
    [
        pytest.param(StandsStill(), {}, "stands still", id="records wait and none comes"),
        pytest.param(StandsStill(), {"rebalancing_since": 0.0}, "does not end", id="a rebalance without end"),
        pytest.param(StandsStill(), {"crashed": True}, "has crashed", id="a dead coordination task"),
    ],
)
async def test_a_client_that_wedges_counts_as_lost(consumer: StandsStill, watch: dict[str, object], why: str) -> None:
    state = SimpleNamespace(**{"fenced": False, "crashed": False, "rebalancing_since": None, **watch})
    settings = KafkaSettings(bootstrap="b", client_id="c", session_timeout_s=0.05)
    subscription = KafkaSubscription(settings, consumer, cast("Watch", state))

    async with asyncio.timeout(2):
        with pytest.raises(MembershipLost, match=why):
            await fetch_for_ever(subscription)


async def test_a_broker_that_is_not_there_is_unavailable_within_the_deadline() -> None:
    bus = KafkaBus(KafkaSettings(bootstrap="127.0.0.1:1", client_id="suite", timeout_s=TIMEOUT_S))
    started = time.monotonic()

    for attempt in (bus.ping(), bus.publish([a_message("t")]), bus.subscribe(["t"], group="g", member="m")):
        with pytest.raises(BusUnavailable):
            await attempt

    assert time.monotonic() - started < 3 * TIMEOUT_S
    await bus.close()


async def test_a_broker_that_hangs_is_unavailable_within_the_deadline(bus: KafkaBus, topic: str, kafka: KafkaServer) -> None:
    await bus.publish([a_message(topic, 0)])
    many = [replace(a_message(topic), key=str(number), value=b"1".zfill(1000)) for number in range(3000)]
    kafka.pause()
    started = time.monotonic()

    for attempt in (bus.publish(many), bus.ping()):  # more than one batch a partition
        with pytest.raises(BusUnavailable):
            await attempt

    assert time.monotonic() - started < 2 * TIMEOUT_S + 10.5  # and twice the time to give a client up
    assert await tasks_left() == set()
    kafka.resume()
    await keep_publishing(bus, a_message(topic, 1))
    await keep_publishing(bus, a_message(topic, 2))
    subscription = await bus.subscribe([topic], group=topic, member="m")
    assert await numbers(subscription, 2) == [0, 1, 2]


async def test_everyone_goes_on_after_a_broker_was_killed(bus: KafkaBus, topic: str, kafka: KafkaServer) -> None:
    subscription = await bus.subscribe([topic], group=topic, member="m")
    await bus.publish([a_message(topic, 0)])
    assert await numbers(subscription, 0) == [0]

    kafka.kill()
    with pytest.raises(BusUnavailable):
        await bus.publish([a_message(topic, 1)])
    publishing = asyncio.create_task(keep_publishing(bus, a_message(topic, 1)))
    await asyncio.to_thread(kafka.start)
    await publishing
    await keep_publishing(bus, a_message(topic, 2))

    try:
        found = await numbers(subscription, 2)
    except MembershipLost:
        await subscription.close()
        subscription = await bus.subscribe([topic], group=topic, member="m")
        found = await numbers(subscription, 2)
    assert found in ([0, 1, 2], [1, 2])


async def test_a_broker_that_is_gone_is_asked_for_ten_times_a_second_at_most(
    bus: KafkaBus, topic: str, kafka: KafkaServer, caplog: pytest.LogCaptureFixture
) -> None:
    """One that ends in good order first says that no partition has a leader."""
    await keep_publishing(bus, a_message(topic))
    begun, stopping = time.monotonic(), asyncio.create_task(asyncio.to_thread(kafka.stop))

    with pytest.raises(BusUnavailable):
        while True:
            await bus.publish([a_message(topic)])
    await stopping

    asked = sum("Unable to update metadata" in record.getMessage() for record in caplog.records)
    assert 1 <= asked <= 1 + 10 * (time.monotonic() - begun)


async def test_a_quiet_fetch_says_that_the_broker_is_gone(bus: KafkaBus, topic: str, kafka: KafkaServer) -> None:
    subscription = await bus.subscribe([topic], group=topic, member="m")
    await subscription.fetch(max_messages=1, timeout_s=0.1)
    kafka.kill()

    async with asyncio.timeout(20):
        with pytest.raises((BusUnavailable, MembershipLost)):
            await fetch_for_ever(subscription)


async def test_closing_does_not_wait_for_a_broker_that_hangs(bus: KafkaBus, topic: str, kafka: KafkaServer) -> None:
    await bus.publish([a_message(topic)])
    await bus.subscribe([topic], group=topic, member="m")
    kafka.pause()

    async with asyncio.timeout(30):
        await bus.close()

    assert await tasks_left() == set()


async def test_more_than_fits_one_batch_of_a_partition_keeps_its_order(bus: KafkaBus, topic: str) -> None:
    messages = [Message(topic=topic, key=f"k{n % 3}", value=b"%06d" % n * 1_000, headers={}) for n in range(300)]

    assert all(await bus.publish(messages))

    subscription = await bus.subscribe([topic], group=uuid4().hex, member="m")
    read: dict[str, list[bytes]] = {}
    async with asyncio.timeout(40):
        while sum(map(len, read.values())) < len(messages):
            for delivery in await subscription.fetch(max_messages=500, timeout_s=1):
                read.setdefault(delivery.key, []).append(delivery.value)
    assert read == {key: [m.value for m in messages if m.key == key] for key in ("k0", "k1", "k2")}


async def test_a_message_that_no_broker_takes_stops_its_own_key_alone(bus: KafkaBus, topic: str) -> None:
    keys = [f"k{n}" for n in range(60)]
    around = [[a_message(topic, number, key=key) for key in keys] for number in (0, 1)]
    huge = Message(topic=topic, key="k7", value=b"x" * 1_100_000, headers={})

    acknowledged = await bus.publish([*around[0], huge, *around[1]])

    assert acknowledged[: len(keys)] == [True] * len(keys)
    assert not acknowledged[len(keys)]
    behind = dict(zip(keys, acknowledged[len(keys) + 1 :], strict=True))
    assert not behind["k7"]
    assert sum(behind.values()) > len(keys) // 2
    assert await bus.publish(around[1]) == [True] * len(keys)
