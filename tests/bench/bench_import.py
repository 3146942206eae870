"""The FedRAMP import embedded: rows per second end to end and memory of the server, for a file of 100,000 products."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import orjson
import psutil
import pytest
from sqlalchemy import text

from shared.db import Database
from tests.bench.figures import by_the_clock, rates
from tests.support.generated import write_marketplace
from tests.support.installation import an_installation

PRODUCTS = int(os.environ.get("QSMO_BENCH_PRODUCTS", "100000"))
RATE_GOAL = 3_000
MEMORY_GOAL_MIB = 400


@pytest.mark.bench
@pytest.mark.timeout(900)
async def test_the_import_of_many_products_is_fast_and_bounded(tmp_path: Path) -> None:
    file = tmp_path / "marketplace.json"
    size = write_marketplace(file, product_count=PRODUCTS)
    with an_installation(tmp_path) as installation:
        assert installation.process is not None
        server = psutil.Process(installation.process.pid)
        begun = time.perf_counter()
        sections = installation.imported("fedramp", file)
        applied_s = time.perf_counter() - begun
        parsing = time.perf_counter()
        orjson.loads(file.read_bytes())
        parsed_s = time.perf_counter() - parsing
        peak_mib = _peak_mib(server)
        facts = await _heard(installation.data, PRODUCTS)
        settled_s = time.perf_counter() - begun

    print(f"\n{PRODUCTS} products, {size >> 20} MiB: {PRODUCTS / applied_s:,.0f} rows/s applied in {applied_s:.1f} s,")
    print(f"all {facts} facts on the feed after {settled_s:.1f} s; server peak {peak_mib:.0f} MiB")
    pair = (PRODUCTS / applied_s, PRODUCTS / parsed_s)
    beside = "orjson parsing the file, and nothing else"
    rates("import of FedRAMP products", [pair], unit="rows/s", beside=beside, goal=0.2).told()
    by_the_clock("import of FedRAMP products", PRODUCTS / applied_s, unit="rows/s", goal=5_000).told()
    assert sections["products"]["created"] == PRODUCTS
    assert PRODUCTS / applied_s >= RATE_GOAL
    assert peak_mib < MEMORY_GOAL_MIB


def _peak_mib(server: psutil.Process) -> float:
    """VmHWM: what the kernel saw at most."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


async def _heard(data: Path, wanted: int) -> int:
    db = Database(f"sqlite+aiosqlite:///{data}/gateway.db")
    try:
        while True:
            async with db.reading() as tx:
                seq = (await tx.execute(text("SELECT seq FROM feed_head"))).scalar() or 0
            if seq >= wanted:
                return int(seq)
            await asyncio.sleep(0.5)
    finally:
        await db.close()
