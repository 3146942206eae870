"""What every bus does, on both adapters."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from typing import cast
from uuid import uuid4

import pytest

from shared.bus.partitioner import partition_of
from shared.bus.port import PARTITIONS_DEFAULT, Bus, BusUnavailable, Delivery, MembershipLost, Message, Subscription
from tests.contract.bus_brokers import Broker, EmbeddedBroker, KafkaBroker, line_of, opened, process
from tests.support.servers import KafkaServer

SOON_S = 10.0
PATIENT_S = 5.0


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def broker(request: pytest.FixtureRequest) -> Broker:
    if request.param == "kafka":
        return KafkaBroker(cast("KafkaServer", request.getfixturevalue("kafka")).bootstrap)
    return EmbeddedBroker(str(request.getfixturevalue("tmp_path") / "bus.db"))


@pytest.fixture
async def bus(broker: Broker) -> AsyncIterator[Bus]:
    async with opened(broker) as connected:
        yield connected


@pytest.fixture
async def topic(bus: Bus) -> str:
    name = f"test.{uuid4().hex}"
    await bus.ensure_topics([name])
    return name


@pytest.fixture
def group() -> str:
    return f"group.{uuid4().hex}"


def a_message(topic: str, *, key: str = "k", value: bytes = b"v", headers: dict[str, str] | None = None) -> Message:
    return Message(topic=topic, key=key, value=value, headers=headers or {})


def numbered(topic: str, keys: Iterable[str]) -> list[Message]:
    return [a_message(topic, key=key, value=str(number).encode()) for number, key in enumerate(keys)]


def values_per_key(deliveries: Sequence[Delivery]) -> dict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for delivery in deliveries:
        found[delivery.key].append(int(delivery.value))
    return found


def after(deliveries: Sequence[Delivery]) -> dict[tuple[str, int], int]:
    return {(delivery.topic, delivery.partition): delivery.offset + 1 for delivery in deliveries}


async def read(subscription: Subscription, count: int, *, max_messages: int = 1000) -> list[Delivery]:
    """At least `count` records, or what came within `SOON_S`."""
    found: list[Delivery] = []
    deadline = time.monotonic() + SOON_S
    while len(found) < count and time.monotonic() < deadline:
        found += await subscription.fetch(max_messages=max_messages, timeout_s=0.2)
    return found


async def fetch_for_ever(subscription: Subscription) -> None:
    while True:
        await subscription.fetch(max_messages=1, timeout_s=0.1)


async def drain(subscription: Subscription) -> list[Delivery]:
    """What there is, until nothing more comes."""
    found = await read(subscription, 1)
    while more := await subscription.fetch(max_messages=1000, timeout_s=0.5):
        found += more
    return found


async def read_all(bus: Bus, topic: str, count: int) -> list[Delivery]:
    subscription = await bus.subscribe([topic], group=f"all.{uuid4().hex}", member="m")
    found = await read(subscription, count)
    await subscription.close()
    return found


async def test_records_of_a_key_are_read_in_the_order_they_were_published(bus: Bus, topic: str) -> None:
    keys = [f"key {number * 7 % 11}" for number in range(330)]

    assert await bus.publish(numbered(topic, keys)) == [True] * 330

    found = values_per_key(await read_all(bus, topic, 330))
    assert sorted(found) == sorted(set(keys))
    assert all(values == sorted(values) and len(values) == 30 for values in found.values())


async def test_offsets_within_a_partition_rise_by_one(bus: Bus, topic: str) -> None:
    await bus.publish(numbered(topic, map(str, range(100))))
    await bus.publish(numbered(topic, map(str, range(100))))

    partitions: defaultdict[int, list[int]] = defaultdict(list)
    for delivery in await read_all(bus, topic, 200):
        partitions[delivery.partition].append(delivery.offset)

    assert all(offsets == list(range(len(offsets))) for offsets in partitions.values())


async def test_a_key_lies_in_the_partition_that_the_partitioner_says(bus: Bus, topic: str) -> None:
    keys = [*map(str, range(200)), "", "ünï¢ødé 🦉", "x" * 500]

    await bus.publish(numbered(topic, keys))

    found = await read_all(bus, topic, len(keys))
    assert {d.key: d.partition for d in found} == {key: partition_of(key, PARTITIONS_DEFAULT) for key in keys}


async def test_acknowledged_records_outlive_the_connection(broker: Broker, bus: Bus, topic: str) -> None:
    async with opened(broker) as other:
        await other.publish(numbered(topic, ["a", "b", "a"]))

    assert values_per_key(await read_all(bus, topic, 3)) == {"a": [0, 2], "b": [1]}


async def test_acknowledged_records_outlive_a_killed_publisher(broker: Broker, bus: Bus, topic: str) -> None:
    async with process(broker, "publish", topic, "50", "10") as child:
        assert await line_of(child) == "published"
        child.kill()

    assert [int(d.value.strip(b".")) for d in await read_all(bus, topic, 50)] == list(range(50))


async def test_headers_keys_and_values_come_back_as_they_were(bus: Bus, topic: str) -> None:
    value = bytes(range(256)) * 4
    headers = {"ce_type": "gov.qsmo.x.v1", "ce_subject": "Größe 🦉 \"'\\\n", "empty": ""}

    await bus.publish([a_message(topic, key="schlüssel", value=value, headers=headers), a_message(topic, value=b"")])

    found = {d.key: d for d in await read_all(bus, topic, 2)}
    assert found["schlüssel"].value == value
    assert found["schlüssel"].headers == headers
    assert (found["k"].value, found["k"].headers) == (b"", {})


async def test_publishing_nothing_acknowledges_nothing(bus: Bus) -> None:
    assert await bus.publish([]) == []


async def test_ten_thousand_messages_go_in_one_call(bus: Bus, topic: str) -> None:
    messages = [a_message(topic, key=f"k{number % 97}", value=str(number).encode()) for number in range(10_000)]

    assert all(await bus.publish(messages))

    found = values_per_key(await read_all(bus, topic, 10_000))
    assert sum(map(len, found.values())) == 10_000
    assert all(values == sorted(values) for values in found.values())


async def test_concurrent_publishers_keep_the_order_of_their_keys(bus: Bus, topic: str) -> None:
    async def publish_key(key: str) -> None:
        for start in range(0, 60, 3):
            batch = [a_message(topic, key=key, value=str(number).encode()) for number in range(start, start + 3)]
            assert all(await bus.publish(batch))

    await asyncio.gather(*(publish_key(f"key {number}") for number in range(10)))

    found = values_per_key(await read_all(bus, topic, 600))
    assert found == {f"key {number}": list(range(60)) for number in range(10)}


async def test_a_message_to_an_unknown_topic_is_not_acknowledged(bus: Bus, topic: str) -> None:
    assert await bus.publish([a_message(topic), a_message("no.such.topic")]) == [True, False]

    with pytest.raises(BusUnavailable):
        await bus.publish([a_message("no.such.topic")])
    assert await bus.publish([a_message(topic)]) == [True]


async def test_a_new_group_starts_at_the_earliest_record(bus: Bus, topic: str, group: str) -> None:
    await bus.publish(numbered(topic, "abc"))

    subscription = await bus.subscribe([topic], group=group, member="late")

    assert len(await read(subscription, 3)) == 3


async def test_groups_do_not_take_from_one_another(bus: Bus, topic: str) -> None:
    await bus.publish(numbered(topic, "abcdef"))
    one = await bus.subscribe([topic], group=f"one.{uuid4().hex}", member="m")
    two = await bus.subscribe([topic], group=f"two.{uuid4().hex}", member="m")

    read_by_one = await read(one, 6)
    await one.commit(after(read_by_one))

    assert len(read_by_one) == len(await read(two, 6)) == 6


async def test_one_subscription_reads_several_topics(bus: Bus, topic: str, group: str) -> None:
    second = f"{topic}.second"
    await bus.ensure_topics([second], partitions=2)
    await bus.publish([*numbered(topic, "abc"), *numbered(second, "abc")])

    subscription = await bus.subscribe([topic, second], group=group, member="m")

    assert Counter(d.topic for d in await read(subscription, 6)) == {topic: 3, second: 3}


async def test_a_fetch_gives_no_more_than_asked_for(bus: Bus, topic: str, group: str) -> None:
    await bus.publish(numbered(topic, map(str, range(50))))
    subscription = await bus.subscribe([topic], group=group, member="m")

    sizes: list[int] = []
    while sum(sizes) < 50:
        sizes.append(len(await subscription.fetch(max_messages=7, timeout_s=SOON_S)))

    assert max(sizes) == 7


async def test_a_fetch_with_nothing_to_read_ends_empty(bus: Bus, topic: str, group: str) -> None:
    subscription = await bus.subscribe([topic], group=group, member="m")
    started = time.monotonic()

    assert await subscription.fetch(max_messages=10, timeout_s=0.3) == []

    assert 0.25 < time.monotonic() - started < 2


async def test_a_waiting_fetch_is_woken_by_a_record(bus: Bus, topic: str, group: str) -> None:
    subscription = await bus.subscribe([topic], group=group, member="m")
    assert await subscription.fetch(max_messages=10, timeout_s=0.1) == []
    waiting = asyncio.create_task(subscription.fetch(max_messages=10, timeout_s=SOON_S))
    await asyncio.sleep(0.2)
    started = time.monotonic()

    await bus.publish([a_message(topic)])

    assert len(await waiting) == 1
    assert time.monotonic() - started < 1


async def test_a_cancelled_fetch_loses_nothing(bus: Bus, topic: str, group: str) -> None:
    subscription = await bus.subscribe([topic], group=group, member="m")
    for delay_s in (0, 0.001, 0.05):
        waiting = asyncio.create_task(subscription.fetch(max_messages=10, timeout_s=SOON_S))
        await asyncio.sleep(delay_s)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    await bus.publish(numbered(topic, "aaa"))

    assert values_per_key(await read(subscription, 3)) == {"a": [0, 1, 2]}


async def test_a_commit_is_where_the_next_member_starts(broker: Broker, bus: Bus, topic: str, group: str) -> None:
    await bus.publish(numbered(topic, ["a"] * 10))
    async with opened(broker) as first:
        subscription = await first.subscribe([topic], group=group, member="first")
        found = await read(subscription, 10)
        await subscription.commit(after(found[:4]))

    again = await bus.subscribe([topic], group=group, member="second")

    assert values_per_key(await read(again, 6)) == {"a": [4, 5, 6, 7, 8, 9]}


async def test_an_empty_commit_is_no_error(bus: Bus, topic: str, group: str) -> None:
    subscription = await bus.subscribe([topic], group=group, member="m")
    await subscription.fetch(max_messages=1, timeout_s=0.1)

    await subscription.commit({})


async def test_what_a_killed_member_did_not_commit_goes_to_another(broker: Broker, bus: Bus, topic: str, group: str) -> None:
    await bus.publish(numbered(topic, ["a"] * 10))
    async with process(broker, "hold", topic, group, "victim", "4") as child:
        assert await line_of(child) == "holding 10"
        child.kill()

    heir = await bus.subscribe([topic], group=group, member="heir")

    assert values_per_key(await read(heir, 6)) == {"a": [4, 5, 6, 7, 8, 9]}


async def test_a_killed_member_that_comes_back_reads_on_at_once(broker: Broker, bus: Bus, topic: str, group: str) -> None:
    await bus.publish(numbered(topic, ["a"] * 10))
    async with process(replace(broker, expiry_s=PATIENT_S), "hold", topic, group, "phoenix", "4") as child:
        await line_of(child)
        child.kill()
    started = time.monotonic()

    again = await bus.subscribe([topic], group=group, member="phoenix")

    assert len(await read(again, 6)) == 6
    assert time.monotonic() - started < PATIENT_S / 2


async def test_a_closed_member_leaves_its_partitions_to_the_others(broker: Broker, bus: Bus, topic: str, group: str) -> None:
    async with opened(replace(broker, expiry_s=PATIENT_S)) as patient:
        leaver = await patient.subscribe([topic], group=group, member="leaver")
        await leaver.fetch(max_messages=1, timeout_s=0.1)
        await leaver.close()
        await leaver.close()
    await bus.publish(numbered(topic, "abcdef"))
    started = time.monotonic()

    stayer = await bus.subscribe([topic], group=group, member="stayer")

    assert len(await read(stayer, 6)) == 6
    assert time.monotonic() - started < PATIENT_S / 2


async def settle(members: Sequence[Subscription]) -> None:
    """Until the members share the partitions: with no records, each sees its assignment by fetching."""
    for _ in range(8):
        await asyncio.gather(*(member.fetch(max_messages=1, timeout_s=0.2) for member in members))


async def test_two_members_share_the_partitions_and_read_each_record_once(bus: Bus, topic: str, group: str) -> None:
    one, two = [await bus.subscribe([topic], group=group, member=name) for name in ("one", "two")]
    await settle([one, two])
    await bus.publish(numbered(topic, map(str, range(300))))

    halves = [await drain(member) for member in (one, two)]
    for half, member in zip(halves, (one, two), strict=True):
        await member.commit(after(half))

    shares = [{d.partition for d in half} for half in halves]
    assert [len(share) for share in shares] == [3, 3]
    assert sorted(int(d.value) for half in halves for d in half) == list(range(300))


async def test_a_member_of_the_same_name_replaces_the_old(bus: Bus, topic: str, group: str) -> None:
    await bus.publish(numbered(topic, ["a"] * 5))
    old = await bus.subscribe([topic], group=group, member="m")
    found = await read(old, 5)

    new = await bus.subscribe([topic], group=group, member="m")

    with pytest.raises(MembershipLost):
        await old.commit(after(found))
    with pytest.raises(MembershipLost):
        await old.fetch(max_messages=1, timeout_s=0.1)
    assert len(await read(new, 5)) == 5
    await old.close()
    await new.commit(after(found))


async def test_a_replaced_member_learns_it_from_fetching_too(bus: Bus, topic: str, group: str) -> None:
    old = await bus.subscribe([topic], group=group, member="m")
    await old.fetch(max_messages=1, timeout_s=0.1)

    new = await bus.subscribe([topic], group=group, member="m")

    async with asyncio.timeout(SOON_S):
        with pytest.raises(MembershipLost):
            await fetch_for_ever(old)
    await bus.publish([a_message(topic)])
    assert len(await read(new, 1)) == 1


async def test_a_replacement_moves_no_partitions_of_others(bus: Bus, topic: str, group: str) -> None:
    one, two = [await bus.subscribe([topic], group=group, member=name) for name in ("one", "two")]
    await settle([one, two])
    await bus.publish(numbered(topic, map(str, range(60))))
    found = await drain(two)

    again = await bus.subscribe([topic], group=group, member="one")

    await two.commit(after(found))
    read_again = await drain(again)
    assert {d.partition for d in found} & {d.partition for d in read_again} == set()
    assert len(found) + len(read_again) == 60
    await one.close()


async def test_a_lost_member_may_join_again_and_again(bus: Bus, topic: str, group: str) -> None:
    await bus.publish(numbered(topic, ["a"] * 5))
    for _ in range(3):
        lost = await bus.subscribe([topic], group=group, member="m")
        found = await read(lost, 5)
        last = await bus.subscribe([topic], group=group, member="m")
        with pytest.raises(MembershipLost):
            await lost.commit(after(found))
        await lost.close()

    await last.commit(after(await read(last, 5)))
    assert not any((await last.lag()).values())


async def test_a_commit_of_what_another_member_reads_is_refused_whole(bus: Bus, topic: str, group: str) -> None:
    one, two = [await bus.subscribe([topic], group=group, member=name) for name in ("one", "two")]
    await settle([one, two])
    await bus.publish(numbered(topic, map(str, range(60))))
    own, foreign = await read(one, 10), await read(two, 10)

    with pytest.raises(MembershipLost):
        await one.commit(after(own) | after(foreign))

    await one.close()
    again = await bus.subscribe([topic], group=group, member="one")
    redelivered = await read(again, len(own))
    assert {(d.partition, d.offset) for d in own} <= {(d.partition, d.offset) for d in redelivered}


async def test_lag_counts_what_was_not_read_yet(bus: Bus, topic: str, group: str) -> None:
    subscription = await bus.subscribe([topic], group=group, member="m")
    await subscription.fetch(max_messages=1, timeout_s=0.2)
    assert await subscription.lag() == {(topic, partition): 0 for partition in range(PARTITIONS_DEFAULT)}

    await bus.publish(numbered(topic, map(str, range(20))))
    waiting = await subscription.lag()
    assert sum(waiting.values()) == 20

    found = Counter(each.partition for each in await subscription.fetch(max_messages=5, timeout_s=SOON_S))
    assert await subscription.lag() == {(topic, at): count - found[at] for (_, at), count in waiting.items()}


async def test_ensuring_topics_twice_changes_nothing(bus: Bus, topic: str) -> None:
    await bus.publish([a_message(topic)])

    await bus.ensure_topics([topic, topic], partitions=PARTITIONS_DEFAULT + 3)

    await bus.publish(numbered(topic, map(str, range(100))))
    found = await read_all(bus, topic, 101)
    assert len(found) == 101
    assert {d.partition for d in found} == set(range(PARTITIONS_DEFAULT))


async def test_subscribing_to_an_unknown_topic_is_unavailable(bus: Bus, group: str) -> None:
    with pytest.raises(BusUnavailable):
        await bus.subscribe(["no.such.topic"], group=group, member="m")


async def test_a_running_bus_answers_a_ping(bus: Bus) -> None:
    await bus.ping()


async def test_closing_twice_is_no_error(broker: Broker) -> None:
    bus = broker.connect()
    await bus.start()

    await bus.close()
    await bus.close()


async def test_whole_topics_are_read_in_order_without_a_group(bus: Bus, topic: str, group: str) -> None:
    other = f"{topic}.other"
    await bus.ensure_topics([other])
    keys = [f"key-{n % 7}" for n in range(2_500)]
    await bus.publish(numbered(topic, keys))
    await bus.publish(numbered(other, ["k"]))
    subscription = await bus.subscribe([topic], group=group, member="m")
    await subscription.commit(after(await read(subscription, len(keys))))

    found = [delivery for batch in [batch async for batch in bus.records([topic, other])] for delivery in batch]

    assert values_per_key([each for each in found if each.topic == topic]) == {
        key: [n for n, each in enumerate(keys) if each == key] for key in set(keys)
    }
    assert [each.value for each in found if each.topic == other] == [b"0"]
    assert await read_none(subscription)


async def read_none(subscription: Subscription) -> bool:
    """Whoever reads whole topics moves nobody's place."""
    return await subscription.fetch(max_messages=10, timeout_s=0.3) == []


async def test_whole_topics_that_hold_nothing_or_do_not_exist(bus: Bus, topic: str) -> None:
    assert [batch async for batch in bus.records([topic])] == []
    with pytest.raises(BusUnavailable):
        [batch async for batch in bus.records([topic, "test.no-such-topic"])]
