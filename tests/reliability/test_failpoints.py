"""kill -9 at every labelled point of a fact's way: QSMO_FAILPOINT_ROUNDS says how many times each (1 in CI)."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.reliability.failing import POINTS
from tests.reliability.ledger import Outcome
from tests.reliability.load import books, under_load
from tests.support.installation import Installation
from tests.support.servers import free_port

ROUNDS = int(os.environ.get("QSMO_FAILPOINT_ROUNDS", "1"))
_REACHED_WITHIN_S = 60.0


@pytest.mark.timeout(7200)
async def test_a_kill_at_any_point_of_a_facts_way_loses_doubles_and_inverts_nothing(tmp_path: Path) -> None:
    armed = tmp_path / "armed"
    installation = Installation(tmp_path / "data", free_port(), serve=("serve", "--no-starter"))
    await asyncio.to_thread(installation.start)
    headers = installation.headers("coordinator")

    def url_of(service: str) -> str:
        return f"sqlite+aiosqlite:///{installation.data}/{service}.db"

    try:
        async with books(url_of) as book, book.watched():
            async with under_load(installation.url, headers, run="f", writers=4, pause_s=0.01) as journal:
                died = None
                for point in POINTS * ROUNDS:
                    await asyncio.to_thread(installation.kill)
                    installation.program = (sys.executable, "-m", "tests.reliability.failing", point, str(armed))
                    await asyncio.to_thread(installation.start)
                    if died is not None:
                        await book.recover(since=died)
                    armed.touch()
                    assert installation.process is not None
                    assert await asyncio.to_thread(installation.process.wait, _REACHED_WITHIN_S) == -signal.SIGKILL, point
                    died = time.monotonic()
                    armed.unlink()
                await asyncio.to_thread(installation.kill)
                await asyncio.to_thread(installation.start)
            judged = await book.judged(journal)
            facts = await book.fed()
    finally:
        installation.kill()
    outcome = Outcome(
        name="kill -9 at each labelled point: insert, commit, produce, acknowledgement, mark, effect, feed, offset",
        faults=f"{len(POINTS)} points",
        counted={"kills": len(POINTS) * ROUNDS},
        writes=facts,
        unknown=journal.failures,
        lag_max=book.lag_max,
        recoveries_s=book.recoveries_s,
        **judged,
    )
    outcome.told()
    assert outcome.holds
