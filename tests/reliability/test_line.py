"""Facts on their way in great numbers: poisoned, slow, shared out again and again, late, out of time, out of disk.

QSMO_RELIABILITY_LONG=1 takes the numbers of the long form.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from shared.bus.embedded import EmbeddedBus
from shared.contracts.envelope import Event
from shared.db import Transaction
from tests.reliability.ledger import Outcome
from tests.reliability.line import Line, Poisoned, a_relay, running
from tests.support import tally
from tests.support.tally import a_cause

pytestmark = pytest.mark.timeout(7200)

LONG = bool(os.environ.get("QSMO_RELIABILITY_LONG"))
POISONED_FACTS = 100_000 if LONG else 5_000
LAGGING_FACTS = 1_000_000 if LONG else 20_000


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
