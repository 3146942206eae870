"""Facts on their way in great numbers: poisoned, slow, shared out again and again, late, out of time, out of disk.

QSMO_RELIABILITY_LONG=1 takes the numbers of the long form.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from shared.bus.embedded import EmbeddedBus
from shared.contracts.envelope import Event
from shared.db import Transaction
from shared.inbox import Consumer
from shared.kernel.time import utc_now
from tests.contract.bus_brokers import BROKERS
from tests.reliability.ledger import Outcome
from tests.reliability.line import Line, Poisoned, a_relay, running
from tests.support import tally
from tests.support.servers import PostgresServer
from tests.support.tally import a_cause, raise_counter

pytestmark = pytest.mark.timeout(7200)

LONG = bool(os.environ.get("QSMO_RELIABILITY_LONG"))
POISONED_FACTS = 100_000 if LONG else 5_000
LAGGING_FACTS = 1_000_000 if LONG else 20_000
WRITES_BESIDE_LONG_ONES = 400 if LONG else 20
STORM_S = 300.0 if LONG else 4.0
SKEWED_WRITES = 20_000 if LONG else 400


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    """On SQLite and the embedded bus."""
    bus = EmbeddedBus(tmp_path / "events.db")
    await bus.start()
    await bus.ensure_topics([tally.TOPIC, f"{tally.TOPIC}.dlq"])
    async with tally.opened(f"sqlite+aiosqlite:///{tmp_path}/tally.db") as db:
        yield Line(db, bus)
    await bus.close()


async def told(line: Line, name: str, faults: str, *recoveries_s: float) -> None:
    outcome = Outcome(
        name=name,
        faults=faults,
        writes=sum(line.written.values()),
        lag_max=line.lag_max,
        recoveries_s=recoveries_s,
        **await line.judged(),
    )
    outcome.told()
    assert outcome.holds


async def test_one_poison_event_in_a_hundred_holds_up_only_its_own_aggregate(line: Line) -> None:
    await line.fill(POISONED_FACTS, versions=10)
    chance = random.Random(9)
    poison = {(f"s{chance.randrange(POISONED_FACTS // 10)}", chance.randrange(1, 11)) for _ in range(POISONED_FACTS // 100)}
    handler = Poisoned(set(poison))
    consumer = tally.a_consumer(line.db, line.bus, otherwise=handler)

    async with running(a_relay(line.db, line.bus), consumer):
        took_s = await line.settled()
    _, applied, parked = await line.counted()
    handler.poison.clear()
    for subject in {subject for subject, _ in poison}:
        async with line.db.transaction(a_cause()) as tx:
            await consumer.retry_parked(tx, tally.TOPIC, subject)

    rate = POISONED_FACTS / took_s
    print(f"{applied:,} applied, {parked:,} parked in {took_s:.1f} s: {rate:,.0f}/s, {handler.calls:,} calls")
    await told(line, "1 % poison events, mended and retried (recovery: all others applied)", f"{len(poison):,} poison", took_s)


async def test_a_consumer_that_was_slow_catches_up(line: Line) -> None:
    await line.fill(LAGGING_FACTS, versions=10)
    pause_s = 0.5

    async def slow(tx: Transaction, events: Sequence[Event]) -> None:
        await asyncio.sleep(pause_s)
        await tally.record_effects(tx, events)

    async with running(a_relay(line.db, line.bus), tally.a_consumer(line.db, line.bus, otherwise=slow)):
        await line.settled(facts=LAGGING_FACTS // 10)
        pause_s = 0.0
        took_s = await line.settled()

    print(f"catch-up at {0.9 * LAGGING_FACTS / took_s:,.0f}/s")
    await told(line, "slow consumer, then catch-up (recovery: from the lag at its greatest to none)", "1", took_s)


@pytest.mark.postgres
async def test_transactions_that_stay_open_for_long_hold_nothing_up_and_lose_nothing(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    """Early ids commit late; and a reader of another database keeps old rows from being cleaned away."""
    name, elsewhere = f"long_{uuid4().hex}", f"other_{uuid4().hex}"
    url, other_url = postgres.create_database(name), postgres.create_database(elsewhere)
    chance, counts = random.Random(8), {"long": 0}
    bus = EmbeddedBus(tmp_path / "events.db")
    await bus.start()
    await bus.ensure_topics([tally.TOPIC, f"{tally.TOPIC}.dlq"])

    async def write(line: Line, writer: int) -> None:
        for n in range(WRITES_BESIDE_LONG_ONES):
            async with line.db.transaction(a_cause()) as tx:
                await raise_counter(tx, f"w{writer}-{n % 5}")
                if writer % 4 == 0 and not n % 10:
                    counts["long"] += 1
                    await asyncio.sleep(chance.uniform(0.5, 1.5))
            line.written[f"w{writer}-{n % 5}"] = line.written.get(f"w{writer}-{n % 5}", 0) + 1

    async with tally.opened(url) as db, tally.opened(other_url) as other:
        line = Line(db, bus)
        async with (
            other.transaction(a_cause()) as held,
            running(a_relay(db, bus), tally.a_consumer(db, bus)),
            asyncio.TaskGroup() as group,
        ):
            await raise_counter(held, "held")
            for writer in range(12):
                group.create_task(write(line, writer))
            await line.settled(facts=12 * WRITES_BESIDE_LONG_ONES)
        await told(line, "transactions open for 1.5 s beside short ones; one elsewhere open all along", f"{counts['long']}")
    await bus.close()
    for each in (name, elsewhere):
        postgres.drop_database(each)


# A member cancelled while it connects leaves aiokafka's connection behind: it is collected here, before the loop ends.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore:Unclosed AIOKafka:ResourceWarning")
@pytest.mark.parametrize("broker", ["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
async def test_members_that_come_and_go_all_the_time_apply_everything_once(
    broker: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Three names, taken over, left and joined again while facts come; who is fenced finds out at its next call."""
    place = str(tmp_path / "events.db") if broker == "embedded" else request.getfixturevalue("kafka").bootstrap
    chance, moves, bus = random.Random(11), 0, BROKERS[broker](place).connect()
    await bus.start()
    await bus.ensure_topics([tally.TOPIC, f"{tally.TOPIC}.dlq"])
    group = f"storm-{uuid4().hex}"
    async with tally.opened(f"sqlite+aiosqlite:///{tmp_path}/tally.db") as db:
        line = Line(db, bus)

        def member() -> Consumer:
            tables, name = tally.inbox, f"m{chance.randrange(3)}"
            return Consumer(
                name=group, db=db, bus=bus, topics=[tally.TOPIC], tables=tables, handlers={}, otherwise=mine, member=name
            )

        async def mine(tx: Transaction, events: Sequence[Event]) -> None:
            """The broker is shared: what others left on the topic is none of ours."""
            if ours := [event for event in events if event.subject.startswith(group)]:
                await tally.record_effects(tx, ours)

        begun = time.monotonic()
        async with running(a_relay(db, bus)), running(member()):
            while time.monotonic() < begun + STORM_S:
                moves += 1
                async with running(member()):
                    for _ in range(5):
                        await line.raise_one(f"{group}-{chance.randrange(20)}")
                    await asyncio.sleep(chance.uniform(0.05, 0.4))
        async with running(a_relay(db, bus), member()):
            took_s = await line.settled()
        await told(line, f"members that join, leave and take over names without end ({broker})", f"{moves} moves", took_s)
    await bus.close()
    gc.collect()
    await asyncio.sleep(0.1)


async def test_clocks_that_are_an_hour_off_and_jump_change_nothing(tmp_path: Path) -> None:
    """Of writer, bus and consumer, each its own; the first run of a clock is an hour ahead, the next an hour behind."""
    chance, jumps = random.Random(12), {"count": 0}

    def a_clock() -> Callable[[], datetime]:
        def now() -> datetime:
            jumps["count"] += 1
            return utc_now() + timedelta(hours=chance.uniform(-1, 1))

        return now

    bus_clock, url = a_clock(), f"sqlite+aiosqlite:///{tmp_path}/tally.db"
    bus = EmbeddedBus(tmp_path / "events.db", clock=lambda: bus_clock().timestamp(), expiry_s=1.0)
    await bus.start()
    await bus.ensure_topics([tally.TOPIC, f"{tally.TOPIC}.dlq"])
    async with tally.opened(url) as db:
        db.clock = a_clock()
        line = Line(db, bus)
        async with running(a_relay(db, bus), tally.a_consumer(db, bus)):
            for n in range(SKEWED_WRITES):
                await line.raise_one(f"s{n % 20}")
            took_s = await line.settled()
        await told(line, "clocks of writer, bus and consumer that jump by up to ± 1 h", f"{jumps['count']:,} jumps", took_s)
    await bus.close()
