"""The disk is full: no file of the serving process may grow. Writes are refused, reads go on; then it goes on by itself."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from pathlib import Path

import httpx
import psutil
import pytest

from tests.reliability.ledger import Outcome
from tests.reliability.load import books, under_load
from tests.support.installation import Installation
from tests.support.servers import free_port

TIMES = 20 if os.environ.get("QSMO_RELIABILITY_LONG") else 2
_FULL_S = 2.0


@pytest.mark.timeout(1800)
async def test_a_full_disk_refuses_writes_and_costs_nothing_when_there_is_room_again(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "data", free_port(), serve=("serve", "--no-starter"))
    await asyncio.to_thread(installation.start)
    assert installation.process is not None
    process = psutil.Process(installation.process.pid)
    read: list[int] = []

    def url_of(service: str) -> str:
        return f"sqlite+aiosqlite:///{installation.data}/{service}.db"

    try:
        headers = installation.headers("coordinator")
        async with books(url_of) as book, httpx.AsyncClient(base_url=installation.url) as reader, book.watched():
            async with under_load(installation.url, headers, run="full", writers=4, pause_s=0.01) as journal:
                for n in range(TIMES):
                    await asyncio.sleep(1)
                    # At the length of the shortest file of any database, or in the midst of what is there.
                    process.rlimit(resource.RLIMIT_FSIZE, (4_096 << (n % 6), resource.RLIM_INFINITY))
                    failures = journal.failures
                    await asyncio.sleep(_FULL_S)
                    read.append((await reader.get("/v1/organizations?limit=1")).status_code)
                    assert journal.failures > failures, "writes go on as if there were room"
                    process.rlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
                    await book.recover(since=time.monotonic())
                    await asyncio.sleep(1)
            judged = await book.judged(journal)
    finally:
        installation.kill()

    outcome = Outcome(
        name="disk full under writes (recovery: from there being room again)",
        faults=f"{TIMES} of {_FULL_S:g} s",
        writes=sum(journal.acknowledged.values()),
        unknown=journal.failures,
        lag_max=book.lag_max,
        recoveries_s=book.recoveries_s,
        **judged,
    )
    outcome.told()
    assert outcome.holds
    assert set(read) == {200}
