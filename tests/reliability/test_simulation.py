"""The whole embedded system simulated, seed by seed: QSMO_SEEDS says how many (200 in CI).

A seed that fails is printed; `PYTHONHASHSEED=0 python -m tests.reliability.simulation SEED SEED` runs it again, step by step
the same.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.reliability.ledger import Outcome

SEEDS = int(os.environ.get("QSMO_SEEDS", "200"))
PROCESSES = 2
REPOSITORY = Path(__file__).resolve().parents[2]


async def simulated(first: int, last: int) -> list[dict[str, Any]]:
    """In a process of its own, since a simulation owns the clock."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("QSMO_")}
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "ignore", "-m", "tests.reliability.simulation", str(first), str(last)),
        stdout=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
        env={**inherited, "PYTHONHASHSEED": "0"},
    )
    said, _ = await child.communicate()
    return [orjson.loads(line) for line in said.splitlines()]


@pytest.mark.timeout(14_400)
async def test_no_seed_loses_doubles_or_inverts_anything() -> None:
    each = -(-SEEDS // PROCESSES)
    shards = [simulated(first, min(first + each - 1, SEEDS)) for first in range(1, SEEDS + 1, each)]
    found = [result for shard in await asyncio.gather(*shards) for result in shard]
    failed = [result for result in found if result["faults"]]
    for result in failed:
        print(f"seed {result['seed']}:", *result["faults"], sep="\n")

    assert [result["seed"] for result in found] == list(range(1, SEEDS + 1))
    assert [result["seed"] for result in failed] == []
    kills, steps = (sum(result[name] for result in found) for name in ("kills", "steps"))
    Outcome(
        name="simulation of the embedded system: kills, slow commits, errors of disk and bus, deliveries again, clock ± 1 h",
        faults=f"{SEEDS:,} seeds, {kills:,} kills, {steps:,} steps",
        lag_max=max(result["lag_max"] for result in found),
        recoveries_s=[seconds for result in found for seconds in result["recoveries_s"]],
        **{name: sum(result[name] for result in found) for name in ("writes", "lost", "duplicated", "reordered", "unknown")},
    ).told()


async def test_a_seed_takes_the_same_steps_whatever_ran_before_it() -> None:
    alone, after_others = await asyncio.gather(simulated(4, 4), simulated(2, 4))

    assert alone[-1]["steps"] > 1_000
    assert alone[-1] == after_others[-1]
    assert len({result["digest"] for result in after_others}) == 3
