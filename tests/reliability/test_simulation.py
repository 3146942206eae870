"""The whole embedded system simulated, seed by seed: QSMO_SEEDS says how many (200 in CI), of each part of a long run.

A seed that fails is printed; `PYTHONHASHSEED=0 python -m tests.reliability.simulation SEED SEED` runs it again, step by step
the same. Ranges of seeds can be run by themselves like that, by as many processes as there are cores to spare
(QSMO_SEED_PROCESSES), and told together: see tests/reliability/simulation/told.py.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.reliability.ledger import PART
from tests.reliability.simulation.told import failed, outcome, results

SEEDS = int(os.environ.get("QSMO_SEEDS", "200"))
FIRST = 1 + max(0, PART - 1) * SEEDS
PROCESSES = int(os.environ.get("QSMO_SEED_PROCESSES", "2"))
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
    return results(said.splitlines())


@pytest.mark.timeout(14_400)
async def test_no_seed_loses_doubles_or_inverts_anything() -> None:
    each, wanted = -(-SEEDS // PROCESSES), range(FIRST, FIRST + SEEDS)
    shards = [simulated(first, min(first + each, wanted.stop) - 1) for first in wanted[::each]]
    found = [result for shard in await asyncio.gather(*shards) for result in shard]

    assert [result["seed"] for result in found] == list(wanted)
    assert [result["seed"] for result in failed(found)] == []
    outcome(found).told()


async def test_a_seed_takes_the_same_steps_whatever_ran_before_it() -> None:
    alone, after_others = await asyncio.gather(simulated(4, 4), simulated(2, 4))

    assert alone[-1]["steps"] > 1_000
    assert alone[-1] == after_others[-1]
    assert len({result["digest"] for result in after_others}) == 3
