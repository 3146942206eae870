"""The feed under load: fan-out to many streams beside bare transports, appending with the chain, replay by cursor."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import httpx
import pytest
import uvloop

from shared.contracts.envelope import instant
from shared.kernel.cause import Cause
from tests.bench.figures import rates
from tests.unit.gateway.builders import a_gateway, an_event

CLIENTS = tuple(int(count) for count in os.environ.get("QSMO_FANOUT_CLIENTS", "2000,10000").split(","))
SECONDS = int(os.environ.get("QSMO_FANOUT_SECONDS", "10"))
# QSMO_FEED_EVENTS=1000000 for the long form.
EVENTS = int(os.environ.get("QSMO_FEED_EVENTS", "100000"))
REPLAYED = min(EVENTS, 100_000)
RATE = 10
P99_RATIO_GOAL = 4.0
BYTES_GOAL = 16 * 1024
_SPARE_FILES = 200
_SENT = b'"sent":'
_CONNECTING_AT_ONCE = 200


@dataclass
class World:
    """What the clients have seen together; `waited` in ns."""

    open: int = 0
    lost: int = 0
    waited: list[int] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)


class Client(asyncio.Protocol):
    """Takes what comes; notes when, and in which order."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rest = b""
        self._answered = False
        self.seqs: list[int] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by class
        self.transport.write(b"GET /v1/events/stream HTTP/1.1\r\nHost: gateway\r\n\r\n")

    def data_received(self, data: bytes) -> None:
        if not self._answered:
            self._answered = True
            self._world.open += 1
        now = time.monotonic_ns()
        *whole, self._rest = (self._rest + data).split(b"\n\n")
        for frame in whole:
            at = frame.find(_SENT)
            if at >= 0:
                id_at = frame.index(b"id: ") + 4
                self.seqs.append(int(frame[id_at : frame.index(b"\n", id_at)]))
                self._world.waited.append(now - int(frame[at + 7 : frame.index(b",", at)]))

    def connection_lost(self, exc: Exception | None) -> None:
        self._world.lost += 1


@dataclass
class Result:
    p50_ms: float
    p99_ms: float
    bytes_each: float
    cpu_ms_per_event: float
    exact: bool

    def __str__(self) -> str:
        return (
            f"p50 {self.p50_ms:.0f} ms, p99 {self.p99_ms:.0f} ms, {self.bytes_each / 1024:.1f} KiB a connection, "
            f"{self.cpu_ms_per_event:.0f} ms of CPU an event"
        )


_SAID = re.compile(r"done\n|[0-9.]+\n")


class Server:
    """A server process and what it says."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def says(self, command: str = "") -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if command:
            self._process.stdin.write(command + "\n")
            self._process.stdin.flush()
        while (line := self._process.stdout.readline()) and not _SAID.fullmatch(line):
            print(line, end="")  # of the log
        return line.strip()


@contextmanager
def a_server(mode: str) -> Iterator[Server]:
    command = [sys.executable, "-m", "tests.bench.fanout_server", mode]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Server(process)
        finally:
            process.kill()


async def connected(world: World, port: int, count: int) -> None:
    loop = asyncio.get_running_loop()
    for start in range(0, count, _CONNECTING_AT_ONCE):
        some = range(min(_CONNECTING_AT_ONCE, count - start))
        made = await asyncio.gather(*(loop.create_connection(lambda: Client(world), "127.0.0.1", port) for _ in some))
        world.clients += [client for _, client in made]
    async with asyncio.timeout(120):
        while world.open < count:
            await asyncio.sleep(0.05)
    await asyncio.sleep(2)


async def measured(mode: str, count: int) -> Result:
    with a_server(mode) as server:
        port, world = int(server.says()), World()
        before = int(server.says("memory"))
        await connected(world, port, count)
        held = (int(server.says("memory")) - before) / count
        cpu = float(server.says("cpu"))
        going = threading.Thread(target=server.says, args=(f"go {RATE} {SECONDS}",))
        going.start()
        async with asyncio.timeout(SECONDS * 6 + 30):
            while len(world.waited) < count * RATE * SECONDS and not world.lost:
                await asyncio.sleep(0.1)
        going.join()
        cpu_ms = (float(server.says("cpu")) - cpu) * 1_000 / (RATE * SECONDS)
        whole = list(range(1, RATE * SECONDS + 1))
        exact = not world.lost and all(client.seqs == whole for client in world.clients)
        for client in world.clients:
            client.transport.abort()
        await asyncio.sleep(0.5)
    waited = sorted(world.waited)
    return Result(waited[len(waited) // 2] / 1e6, waited[len(waited) * 99 // 100] / 1e6, held, cpu_ms, exact)


@pytest.mark.bench
@pytest.mark.timeout(900)
@pytest.mark.parametrize("count", CLIENTS)
def test_fan_out_to_many_streams_beside_bare_transports(count: int) -> None:
    """10 events a second to every client; each server in a process of its own, the clients in this one."""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if count + _SPARE_FILES > allowed:
        pytest.skip(f"{count} clients need more than the {allowed} open files that are allowed here")
    bare = uvloop.run(measured("bare", count))
    ours = uvloop.run(measured("gateway", count))
    ratio = ours.p99_ms / bare.p99_ms
    print(f"\n{count} clients, {RATE} events/s for {SECONDS} s: p99 ratio {ratio:.2f}\n  bare: {bare}\n  gateway: {ours}")
    beside, pair = "writing to the bare transports", (ours.p99_ms, bare.p99_ms)
    what = f"SSE to {count:,} clients, p99"
    rates(what, [pair], unit="ms", beside=beside, goal=P99_RATIO_GOAL, is_cost=True).told()
    assert bare.exact
    assert ours.exact, "a client lost an event, or saw one twice or out of order"
    assert ratio <= P99_RATIO_GOAL
    assert ours.bytes_each <= BYTES_GOAL


@pytest.mark.bench
@pytest.mark.timeout(1_800)
async def test_appending_and_replay(database_url: str, tmp_path: Path) -> None:
    """Batches as the consumer brings them, each event chained; then everything again, page by page."""
    total, batch = EVENTS, 500
    async with a_gateway(database_url, tmp_path, rate_anonymous_per_s=0) as harness:
        took_s = cpu_s = 0.0
        for _ in range(total // batch):
            # Of now: what is older than a day is covered by a checkpoint at once.
            events = [an_event(time=instant(datetime.now(UTC))) for _ in range(batch)]
            begun, spent = time.perf_counter(), time.process_time()
            async with harness.gateway.db.transaction(Cause(actor="bench")) as tx:
                await harness.gateway.writer.append(tx, events)
            took_s += time.perf_counter() - begun
            cpu_s += time.process_time() - spent
        appended = total / took_s
        async with harness.client() as client:
            begun, spent, seen = time.perf_counter(), time.process_time(), 0
            for after in range(0, REPLAYED, 1_000):
                page = await client.get("/v1/events", params={"after": after, "limit": 1_000})
                seen += page.content.count(b'"specversion"')
            paged, paging_cpu_s = seen / (time.perf_counter() - begun), time.process_time() - spent
            begun = time.perf_counter()
            exported = (await client.get(f"/v1/exports?resource=events&after={total - REPLAYED}")).content.count(b"\n") - 2
            exporting = exported / (time.perf_counter() - begun)
            anywhere = [await _page_ms(client, after) for after in range(0, total, total // 200)]
    p95, cpu_p95 = (statistics.quantiles(each, n=20)[18] for each in zip(*anywhere, strict=True))
    print(f"\n{database_url.partition('+')[0]}, {total:,} events")
    print(f"  {appended:,.0f}/s appended ({total / cpu_s:,.0f}/s of CPU)")
    print(f"  replay {paged:,.0f}/s by pages ({seen / paging_cpu_s:,.0f}/s of CPU), {exporting:,.0f}/s exported")
    print(f"  a page anywhere: p95 {p95:.1f} ms ({cpu_p95:.1f} ms of CPU)")
    assert seen == exported == REPLAYED
    assert appended >= 10_000
    assert paged >= 20_000
    assert p95 <= 20


async def _page_ms(client: httpx.AsyncClient, after: int) -> tuple[float, float]:
    """As the clock says, and in CPU of this process."""
    begun, spent = time.perf_counter(), time.process_time()
    await client.get("/v1/events", params={"after": after})
    return (time.perf_counter() - begun) * 1_000, (time.process_time() - spent) * 1_000
