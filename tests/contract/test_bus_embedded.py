"""What only the bus in a file promises: wake-ups, other processes on the same file, damage."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from shared.bus import embedded_log as log
from shared.bus.embedded import EmbeddedBus
from shared.bus.embedded_thread import DatabaseThread
from shared.bus.partitioner import partition_of, partitions_of
from shared.bus.port import Bus, BusUnavailable, Delivery, MembershipLost, Message
from tests.contract.bus_brokers import EmbeddedBroker, line_of, opened, process

TOPIC = "t"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bus.db"


def a_message(value: bytes = b"v", *, key: str = "k") -> Message:
    return Message(topic=TOPIC, key=key, value=value, headers={"a": "b"})


async def read_all(bus: Bus) -> list[Delivery]:
    subscription = await bus.subscribe([TOPIC], group="all", member="m")
    found: list[Delivery] = []
    while more := await subscription.fetch(max_messages=1000, timeout_s=0):
        found += more
    await subscription.close()
    return found


@given(key=st.text(), partitions=st.integers(1, 1000))
def test_the_partitioner_is_kafkas_own(key: str, partitions: int) -> None:
    everything = list(range(partitions))

    assert partition_of(key, partitions) == DefaultPartitioner()(key.encode(), everything, everything)


@given(
    keys=st.lists(st.text(max_size=40) | st.uuids().map(str) | st.text("ab", min_size=4, max_size=4)),
    partitions=st.integers(1, 50),
)
def test_many_keys_are_placed_as_each_alone(keys: list[str], partitions: int) -> None:
    assert partitions_of(keys, partitions) == [partition_of(key, partitions) for key in keys]


async def test_a_record_of_this_process_wakes_a_waiting_fetch_at_once(path: Path) -> None:
    bus = EmbeddedBus(path, poll_s=60)
    await bus.start()
    await bus.ensure_topics([TOPIC])
    subscription = await bus.subscribe([TOPIC], group="g", member="m")
    delays_s = []

    for _ in range(20):
        waiting = asyncio.create_task(subscription.fetch(max_messages=1, timeout_s=5))
        await asyncio.sleep(0.01)
        await bus.publish([a_message()])
        published = time.monotonic()
        assert len(await waiting) == 1
        delays_s.append(time.monotonic() - published)

    assert sorted(delays_s)[10] < 0.02
    assert max(delays_s) < 1
    await bus.close()


async def test_a_member_that_joins_wakes_the_others_to_share(path: Path) -> None:
    bus = EmbeddedBus(path, poll_s=60)
    await bus.start()
    await bus.ensure_topics([TOPIC], partitions=1)
    second = await bus.subscribe([TOPIC], group="g", member="b")
    waiting = asyncio.create_task(second.fetch(max_messages=1, timeout_s=5))
    await asyncio.sleep(0.05)

    first = await bus.subscribe([TOPIC], group="g", member="a")
    await bus.publish([a_message()])

    assert len(await first.fetch(max_messages=1, timeout_s=5)) == 1
    await first.close()
    assert len(await waiting) == 1  # not committed by the first, which left
    await bus.close()


async def test_records_of_another_process_arrive_while_this_one_waits_and_writes(path: Path) -> None:
    broker = EmbeddedBroker(str(path))
    async with opened(broker) as bus:
        await bus.ensure_topics([TOPIC])
        subscription = await bus.subscribe([TOPIC], group="g", member="m")

        async with process(broker, "publish", TOPIC, "200", "10") as child:
            found = await subscription.fetch(max_messages=500, timeout_s=10)
            assert found
            for _ in range(50):
                await bus.publish([a_message(key="other process")])
            assert await line_of(child) == "published"
            while len(found) < 250:
                found += await subscription.fetch(max_messages=500, timeout_s=2)

    assert [delivery.offset for delivery in found] == list(range(250))
    assert [int(d.value.strip(b".")) for d in found if d.value != b"v"] == list(range(200))


async def test_a_member_in_another_process_gets_its_share(path: Path) -> None:
    broker = EmbeddedBroker(str(path))
    async with opened(broker) as bus:
        await bus.ensure_topics([TOPIC], partitions=2)
        await bus.publish([a_message(key=str(number)) for number in range(50)])
        async with process(broker, "hold", TOPIC, "g", "other", "0") as child:
            await line_of(child)
            mine = await bus.subscribe([TOPIC], group="g", member="mine")
            shared = await mine.fetch(max_messages=100, timeout_s=1)
            child.kill()

            taken_over = await mine.fetch(max_messages=100, timeout_s=10)
            while {delivery.partition for delivery in taken_over} != {0, 1}:
                taken_over += await mine.fetch(max_messages=100, timeout_s=10)

    assert {delivery.partition for delivery in shared} == {0}


async def test_a_process_that_slept_through_its_expiry_is_fenced(path: Path) -> None:
    broker = EmbeddedBroker(str(path))
    async with opened(broker) as bus:
        await bus.ensure_topics([TOPIC], partitions=1)
        await bus.publish([a_message()])
        async with process(broker, "hold", TOPIC, "g", "sleeper", "0") as child:
            await line_of(child)
            child.send_signal(signal.SIGSTOP)
            heir = await bus.subscribe([TOPIC], group="g", member="the heir comes last")
            assert len(await heir.fetch(max_messages=1, timeout_s=10)) == 1

            child.send_signal(signal.SIGCONT)

            async with asyncio.timeout(10):
                assert await child.wait() == 1  # MembershipLost ends it


async def test_a_clock_set_back_makes_no_member_immortal(path: Path) -> None:
    now = [1_000_000.0]
    bus = EmbeddedBus(path, clock=lambda: now[0])
    await bus.start()
    await bus.ensure_topics([TOPIC])
    old = await bus.subscribe([TOPIC], group="g", member="old")
    now[0] -= 1000

    await bus.subscribe([TOPIC], group="g", member="new")

    with pytest.raises(MembershipLost):
        await old.fetch(max_messages=1, timeout_s=0)
    await bus.close()


async def test_publishers_of_one_moment_share_a_transaction(path: Path) -> None:
    statements: list[str] = []
    busy = threading.Event()

    def connect() -> sqlite3.Connection:
        connection = log.connect(path, busy_s=1)
        connection.set_trace_callback(statements.append)
        return connection

    writer = log.LogWriter()
    thread = DatabaseThread("traced", connect, begin="BEGIN IMMEDIATE")
    await thread.start()
    await thread.submit(lambda connection: log.create_topics(connection, [TOPIC], 1))
    statements.clear()

    first = thread.submit(lambda _: busy.wait(5))
    rest = [thread.submit(lambda connection: writer.append(connection, [a_message()])) for _ in range(100)]
    busy.set()

    assert await asyncio.gather(first, *rest) == [True, *[[True]] * 100]
    assert statements.count("COMMIT") <= 2
    await thread.close()


async def test_two_writers_number_their_records_as_one(path: Path) -> None:
    broker = EmbeddedBroker(str(path))
    async with opened(broker) as one, opened(broker) as two:
        await one.ensure_topics([TOPIC], partitions=1)

        for _ in range(5):
            await one.publish([a_message(b"1")] * 2)
            await two.publish([a_message(b"2")])

        found = await read_all(one)
    assert [delivery.offset for delivery in found] == list(range(15))
    assert b"".join(delivery.value for delivery in found) == b"112" * 5


async def test_a_member_that_joins_voids_what_was_fetched_before(path: Path) -> None:
    """Also for partitions that stay: they may have been elsewhere in between."""
    async with opened(EmbeddedBroker(str(path))) as bus:
        await bus.ensure_topics([TOPIC], partitions=1)
        await bus.publish([a_message()])
        first = await bus.subscribe([TOPIC], group="g", member="a")
        assert len(await first.fetch(max_messages=1, timeout_s=1)) == 1
        await bus.subscribe([TOPIC], group="g", member="b")

        with pytest.raises(MembershipLost):
            await first.commit({(TOPIC, 0): 1})


def test_a_commit_is_on_the_disk_and_not_in_its_cache(path: Path) -> None:
    with contextlib.closing(log.connect(path, busy_s=1)) as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL: flushed at every commit
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_a_cancelled_publish_is_appended_all_the_same_or_not_at_all(path: Path) -> None:
    async with opened(EmbeddedBroker(str(path))) as bus:
        await bus.ensure_topics([TOPIC])
        publishing = asyncio.create_task(bus.publish([a_message()] * 10))
        await asyncio.sleep(0)
        publishing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await publishing

        assert len(await read_all(bus)) in {0, 10}


async def test_a_message_that_cannot_be_written_spoils_no_other(path: Path) -> None:
    async with opened(EmbeddedBroker(str(path))) as bus:
        await bus.ensure_topics([TOPIC])
        bad = Message(topic=TOPIC, key="\ud800", value=b"", headers={})

        outcomes = await asyncio.gather(
            bus.publish([a_message()]), bus.publish([a_message(), bad]), bus.publish([a_message()]), return_exceptions=True
        )

        assert [isinstance(outcome, UnicodeEncodeError) for outcome in outcomes] == [False, True, False]
        assert [delivery.offset for delivery in await read_all(bus)] == [0, 1]


async def test_a_closed_bus_is_unavailable(path: Path) -> None:
    bus = EmbeddedBus(path)
    with pytest.raises(BusUnavailable):
        await bus.publish([a_message()])
    await bus.start()
    await bus.close()

    with pytest.raises(BusUnavailable):
        await bus.ping()


async def test_a_file_that_is_no_log_is_refused_with_its_reason(path: Path) -> None:
    path.write_bytes(os.urandom(20_000))

    with pytest.raises(BusUnavailable, match="not a database"):
        await EmbeddedBus(path).start()


async def test_a_log_locked_for_long_is_unavailable_and_then_goes_on(path: Path) -> None:
    bus = EmbeddedBus(path, busy_s=0.2)
    await bus.start()
    await bus.ensure_topics([TOPIC])
    await bus.publish([a_message()])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(BusUnavailable, match="locked"):
        await bus.publish([a_message()])

    other.execute("ROLLBACK")
    other.close()
    await bus.publish([a_message()])
    assert [delivery.offset for delivery in await read_all(bus)] == [0, 1]
    await bus.close()


async def test_a_full_disk_loses_nothing_that_was_acknowledged(path: Path) -> None:
    def connect() -> sqlite3.Connection:
        connection = log.connect(path, busy_s=1)
        connection.execute("PRAGMA max_page_count = 50")
        return connection

    writer = log.LogWriter()
    thread = DatabaseThread("small", connect, begin="BEGIN IMMEDIATE", on_rollback=writer.forget)
    await thread.start()
    await thread.submit(lambda connection: log.create_topics(connection, [TOPIC], 1))

    await thread.submit(lambda connection: writer.append(connection, [a_message()]))
    with pytest.raises(BusUnavailable, match="full"):
        await thread.submit(lambda connection: writer.append(connection, [a_message(b"v" * 1_000_000)]))
    await thread.submit(lambda connection: writer.append(connection, [a_message()]))

    await thread.close()
    async with opened(EmbeddedBroker(str(path))) as bus:
        assert [delivery.offset for delivery in await read_all(bus)] == [0, 1]


async def test_a_start_that_failed_may_be_tried_again(path: Path) -> None:
    bus = EmbeddedBus(path / "later" / "bus.db")
    with pytest.raises(BusUnavailable):
        await bus.start()
    (path / "later").mkdir(parents=True)

    await bus.start()

    await bus.ping()
    await bus.close()


async def test_what_fails_after_its_caller_was_cancelled_is_no_complaint_of_the_loop(path: Path) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    let_go = threading.Event()

    def refuse(_: sqlite3.Connection) -> None:
        let_go.wait()
        raise MembershipLost("too late")

    thread = DatabaseThread("late", lambda: sqlite3.connect(path, isolation_level=None), begin="BEGIN")
    await thread.start()
    waiting = asyncio.ensure_future(asyncio.shield(thread.submit(refuse)))
    waiting.cancel()
    let_go.set()
    await thread.close()
    await asyncio.sleep(0)
    gc.collect()

    assert waiting.cancelled()
    assert complaints == []


def cut(tail: bytes, size_bytes: int) -> bytes:
    return tail[:-size_bytes]


def garble(tail: bytes, size_bytes: int) -> bytes:
    return tail[:-size_bytes] + bytes(byte ^ 0xFF for byte in tail[-size_bytes:])


def smear(tail: bytes, size_bytes: int) -> bytes:
    """What an unfinished write of a bigger file may leave."""
    return tail + os.urandom(size_bytes)


@pytest.mark.parametrize("size_bytes", [1, 3000, 50_000, 300_000])
@pytest.mark.parametrize("damage", [cut, garble, smear])
async def test_a_damaged_tail_recovers_to_a_committed_prefix(
    path: Path, damage: Callable[[bytes, int], bytes], size_bytes: int
) -> None:
    broker = EmbeddedBroker(str(path))
    async with opened(broker) as bus:
        await bus.ensure_topics([TOPIC])
    async with process(broker, "publish", TOPIC, "100", "3000") as child:
        await line_of(child)
        child.kill()
    wal = path.with_name("bus.db-wal")
    wal.write_bytes(damage(wal.read_bytes(), size_bytes))

    async with opened(broker) as bus:
        numbers = [int(delivery.value.strip(b".")) for delivery in await read_all(bus)]
        await bus.publish([a_message(key="other process")])
        assert (await read_all(bus))[-1].offset == len(numbers)

    assert numbers == list(range(len(numbers)))
    assert len(numbers) == 100 if damage is smear else 0 < len(numbers) < 100


async def test_operators_can_read_the_log_with_any_sqlite(path: Path) -> None:
    async with opened(EmbeddedBroker(str(path))) as bus:
        await bus.ensure_topics([TOPIC], partitions=1)
        await bus.publish([a_message(b"x"), a_message(b"y")])

    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT * FROM log").fetchall()
    connection.close()

    assert rows == [(TOPIC, 0, 0, "k", '{"a":"b"}', b"x"), (TOPIC, 0, 1, "k", '{"a":"b"}', b"y")]
