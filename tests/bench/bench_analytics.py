"""Figures over a million facts: how fast they are rebuilt while reads go on, and how fast dashboards are answered."""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import time
from collections.abc import AsyncIterator
from datetime import date, timedelta
from itertools import islice
from pathlib import Path

import pytest

from services.adoption import tables
from services.adoption.commands.analytics import rebuild
from shared.db import insert_many
from shared.kernel.cause import Cause
from shared.process import tune_interpreter
from tests.bench.figures import Figure
from tests.unit.adoption.builders import World, a_world
from tests.unit.adoption.generated_facts import AREAS, outbox_row, published

FACTS = int(os.environ.get("QSMO_BENCH_FACTS", "1000000"))
REBUILD_FACTS_PER_S = 10_000
GOALS_MS = {"sqlite": 150.0, "postgresql": 100.0}
ROUNDS = 100
CAUSE = Cause(actor="bench")
DASHBOARDS = {
    "funnel": "/v1/analytics/figures/funnel?area={area}",
    "heat map": "/v1/analytics/figures/coverage?area={area}&by_agency=true",
    "savings by year": "/v1/analytics/figures/savings?area={area}",
    "scorecard": "/v1/analytics/scorecard?area={area}",
}


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(database_url, tmp_path) as world:
        yield world


async def _p95_ms(world: World, path: str, rng: random.Random, *, dated: bool) -> float:
    taken = []
    for _ in range(ROUNDS):
        asked = path.format(area=rng.choice(AREAS))
        if dated:
            asked += f"&as_of={date(2019, 1, 1) + timedelta(rng.randrange(2_900))}"
        begun = time.perf_counter()
        answer = await world.api.get(asked, "omb")
        taken.append((time.perf_counter() - begun) * 1_000)
        assert answer.status_code == 200, answer.text
    return statistics.quantiles(taken, n=20)[-1]


async def _reads(world: World, stop: asyncio.Event) -> int:
    count = 0
    while not stop.is_set():
        assert (await world.api.get("/v1/analytics/figures/funnel", "omb")).status_code == 200
        count += 1
        await asyncio.sleep(0.02)
    return count


@pytest.mark.bench
@pytest.mark.timeout(3_600)
async def test_a_million_facts_are_rebuilt_and_asked(
    world: World, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = published(FACTS, seed=1)
    async with world.db.transaction(CAUSE) as tx:
        while batch := [outbox_row(each) for each in islice(facts, 5_000)]:
            await insert_many(tx, tables.outbox, batch)

    tune_interpreter()  # as every process of the system does when it has begun
    stop = asyncio.Event()
    reading = asyncio.create_task(_reads(world, stop))
    begun = time.perf_counter()
    count = await rebuild(world.db, CAUSE, keep=True)
    rate = count / (time.perf_counter() - begun)
    stop.set()
    reads = await reading
    rng, kind = random.Random(2), database_url.partition("+")[0]
    p95 = {
        (name, dated): await _p95_ms(world, path, rng, dated=dated)
        for name, path in DASHBOARDS.items()
        for dated in (False, True)
    }

    figures = [
        Figure(
            what=f"figures rebuilt from {FACTS:,} facts while read ({kind})",
            ours=rate,
            unit="facts/s",
            beside="what is asked",
            limit=REBUILD_FACTS_PER_S,
            share=rate / REBUILD_FACTS_PER_S,
            goal=1.0,
        ),
        *(_shown_in(ms, name, kind, dated=dated) for (name, dated), ms in p95.items()),
    ]
    assert reads > 0
    with capsys.disabled():
        for figure in figures:
            figure.told()
    assert [figure.what for figure in figures if not figure.is_met] == []


def _shown_in(ms: float, name: str, kind: str, *, dated: bool) -> Figure:
    what = f"{name}{' on a day' if dated else ''} of {FACTS:,} facts ({kind}), p95"
    goal = GOALS_MS[kind]
    return Figure(what=what, ours=ms, unit="ms", beside="what is asked", limit=goal, share=ms / goal, goal=1.0, is_cost=True)
