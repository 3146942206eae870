"""A read model is made anew from the facts while new ones come in: it is what the facts say, and so it stays.

QSMO_RELIABILITY_LONG=1 takes a million facts, or QSMO_REBUILD_FACTS.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from pathlib import Path

import pytest

from services.adoption import tables
from services.adoption.commands.analytics import rebuild
from services.adoption.consumers import follow_own
from services.adoption.queries import analytics
from shared.db import insert_many
from shared.kernel.cause import Cause
from tests.reliability.ledger import Outcome
from tests.unit.adoption.builders import World, a_world
from tests.unit.adoption.generated_facts import Published, event_of, outbox_row, published

LONG = bool(os.environ.get("QSMO_RELIABILITY_LONG"))
FACTS = int(os.environ.get("QSMO_REBUILD_FACTS", "1000000" if LONG else "3000"))
REBUILDS = 3
AT_ONCE = 20
_CAUSE = Cause(actor="tester")


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(database_url, tmp_path) as world:
        yield world


async def recorded(world: World, facts: Iterator[Published], count: int, *, most: int = 5_000) -> list[Published]:
    given = list(islice(facts, count))
    async with world.db.transaction(_CAUSE) as tx:
        for start in range(0, count, most):
            await insert_many(tx, tables.outbox, [outbox_row(each) for each in given[start : start + most]])
    return given


async def told_all_along(world: World, facts: Iterator[Published], stop: asyncio.Event) -> int:
    """Recorded and brought by the bus, in turns; how many."""
    count = 0
    while not stop.is_set():
        given = await recorded(world, facts, AT_ONCE)
        async with world.db.transaction(_CAUSE) as tx:
            await follow_own(tx, [event_of(each) for each in given])
        count += len(given)
        await asyncio.sleep(0.01)
    return count


@pytest.mark.timeout(7_200)
async def test_a_read_model_rebuilt_while_facts_come_in_is_what_the_facts_say(world: World, database_url: str) -> None:
    facts, stop, took_s = published(FACTS * 10, seed=16), asyncio.Event(), []
    for _ in range(FACTS // 1_000):
        await recorded(world, facts, 1_000)

    telling = asyncio.create_task(told_all_along(world, facts, stop))
    for _ in range(REBUILDS):
        begun = time.monotonic()
        await rebuild(world.db, _CAUSE, keep=True)
        took_s.append(time.monotonic() - begun)
    stop.set()
    live = await telling
    async with world.db.reading() as tx:
        found = await analytics.verification(tx)

    kind = database_url.partition("+")[0]
    outcome = Outcome(
        name=f"a read model rebuilt from its facts while more come in ({kind}; recovery: a rebuild)",
        faults=f"{REBUILDS} rebuilds of {FACTS:,} facts",
        writes=live,
        lost=max(0, found.behind) + len(found.differences),
        duplicated=max(0, -found.behind),
        recoveries_s=took_s,
    )
    outcome.told()
    assert live >= AT_ONCE * REBUILDS
    assert found.facts >= FACTS + live
    assert outcome.holds, found.differences
