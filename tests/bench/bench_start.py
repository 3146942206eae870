"""How soon `qsmo serve` is ready, and what an idle process holds, beside a FastAPI app with one route."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from tests.bench.figures import rates
from tests.support.cluster import REPOSITORY, SERVICES, a_cluster
from tests.support.installation import an_installation
from tests.support.servers import KafkaServer, PostgresServer, free_port

READY_GOAL_S = 3.0
IDLE_GOAL_MB = 120.0  # of a service; the four share one process when embedded
EMBEDDED_GOAL_MB = 180.0
CLUSTER_READY_GOAL_S = 1.5
EXIT_GOAL_S = 1.0
_STARTS = 5
_CLUSTER_STARTS = 3
_STREAMS = 100
_DRAIN_S = 2.0
_SETTLE_S = 3.0
_BARE = """
from fastapi import FastAPI
app = FastAPI()
@app.get("/")
async def root() -> dict[str, str]:
    return {}
"""


@pytest.mark.bench
@pytest.mark.timeout(300)
def test_a_start_after_set_up_is_quick_and_light(tmp_path: Path) -> None:
    with an_installation(tmp_path) as installation:
        seconds = [installation.started_in_s]
        for _ in range(_STARTS):
            installation.stop()
            installation.start()
            seconds.append(installation.started_in_s)
        time.sleep(_SETTLE_S)
        assert installation.process is not None
        held = _megabytes(installation.process.pid)
    bare_starts = [_bare_start(tmp_path) for _ in range(_STARTS)]
    bare, bare_mb = (statistics.median(side) for side in zip(*bare_starts, strict=True))

    later = statistics.median(seconds[1:])
    print(
        f"\nfirst start {seconds[0]:.2f} s, later {later:.2f} s, a bare FastAPI app {bare:.2f} s; all four hold {held:.0f} MB"
    )
    beside = "a FastAPI app with one route"
    rates("cold start, all four services", [(later, bare)], unit="s", beside=beside, goal=2.5, is_cost=True).told()
    rates("memory, all four services idle", [(held, bare_mb)], unit="MB", beside=beside, goal=2.5, is_cost=True).told()
    assert later < READY_GOAL_S
    assert held < EMBEDDED_GOAL_MB


@pytest.mark.bench
@pytest.mark.postgres
@pytest.mark.kafka
@pytest.mark.timeout(300)
async def test_an_idle_service_of_the_cluster_is_light(
    postgres: PostgresServer, kafka: KafkaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a restart, as a service runs that did not migrate its database itself, with what an image has installed."""
    monkeypatch.setenv("PYTHONNODEBUGRANGES", "1")  # as the image's bytecode is compiled
    with a_cluster(postgres, kafka, tmp_path, python=_deployed(tmp_path / "deployed")) as cluster:
        await cluster.ready()
        for service in SERVICES:
            cluster.kill(service)
            cluster.start(service)
        await cluster.ready()
        await asyncio.sleep(_SETTLE_S)
        held = {service: _megabytes(process.pid) for service, process in cluster.processes.items()}

    print("\n" + ", ".join(f"{service} {megabytes:.0f} MB" for service, megabytes in held.items()))
    assert max(held.values()) < IDLE_GOAL_MB


@pytest.mark.bench
@pytest.mark.postgres
@pytest.mark.kafka
@pytest.mark.timeout(300)
async def test_a_service_of_the_cluster_is_ready_soon(postgres: PostgresServer, kafka: KafkaServer, tmp_path: Path) -> None:
    """Each in turn, from the start of its process, on a schema that is there."""
    with a_cluster(postgres, kafka, tmp_path, python=_deployed(tmp_path / "deployed")) as cluster:
        await cluster.ready()
        took: dict[str, list[float]] = {service: [] for service in SERVICES}
        cpu: dict[str, list[float]] = {service: [] for service in SERVICES}
        for service in SERVICES * _CLUSTER_STARTS:
            cluster.processes[service].terminate()
            await asyncio.to_thread(cluster.processes[service].wait)
            begun = time.perf_counter()
            cluster.start(service)
            await cluster.answers(service, cluster.ports[service])
            took[service].append(time.perf_counter() - begun)
            spent = psutil.Process(cluster.processes[service].pid).cpu_times()
            cpu[service].append(spent.user + spent.system)

    medians = {service: statistics.median(seconds) for service, seconds in took.items()}
    told = (f"{service} {seconds:.2f} s (CPU {statistics.median(cpu[service]):.2f} s)" for service, seconds in medians.items())
    print("\n" + ", ".join(told))
    assert max(medians.values()) <= CLUSTER_READY_GOAL_S


@pytest.mark.bench
@pytest.mark.postgres
@pytest.mark.kafka
@pytest.mark.timeout(300)
async def test_a_gateway_with_open_streams_ends_soon_after_its_drain(
    postgres: PostgresServer, kafka: KafkaServer, tmp_path: Path
) -> None:
    with a_cluster(postgres, kafka, tmp_path, python=_deployed(tmp_path / "deployed")) as cluster:
        await cluster.ready()
        cluster.kill("gateway")
        cluster.processes["gateway"] = cluster.spawn("gateway", port=cluster.ports["gateway"], DRAIN_S=f"{_DRAIN_S:g}")
        await cluster.answers("gateway", cluster.ports["gateway"])
        streams = [await _stream(cluster.ports["gateway"]) for _ in range(_STREAMS)]
        begun = time.perf_counter()
        cluster.processes["gateway"].terminate()
        status = await asyncio.to_thread(cluster.processes["gateway"].wait)
        took_s = time.perf_counter() - begun
        ends = [await reader.read() for reader, _ in streams]
        for _, writer in streams:
            writer.close()

    print(f"\n{_STREAMS} streams: SIGTERM to exit {took_s:.2f} s, of which it drains for {_DRAIN_S:g} s; status {status}")
    assert all(b"retry:" in end for end in ends)
    assert took_s <= _DRAIN_S + EXIT_GOAL_S


async def _stream(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /v1/events/stream?after=0 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b" 200 " in await reader.readline()
    while await reader.readline() != b"\r\n":
        pass
    return reader, writer


def _deployed(folder: Path) -> Path:
    """The Python of an environment without the developers' tools, which services would load (rich, for one)."""
    command = [str(REPOSITORY / ".venv/bin/uv"), "sync", "--frozen", "--no-dev", "--quiet", "--compile-bytecode"]
    subprocess.run(command, cwd=REPOSITORY, env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(folder)}, check=True)
    return folder / "bin/python"


def _bare_start(folder: Path) -> tuple[float, float]:
    """Seconds until it answers, and megabytes then."""
    (folder / "bare.py").write_text(_BARE)
    port = free_port()
    begun = time.perf_counter()
    command = [sys.executable, "-m", "uvicorn", "bare:app", "--port", str(port), "--log-level", "error"]
    process = subprocess.Popen(command, cwd=folder)
    try:
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/").raise_for_status()
                return time.perf_counter() - begun, _megabytes(process.pid)
            except httpx.ConnectError:
                time.sleep(0.01)
    finally:
        process.terminate()
        process.wait()


def _megabytes(pid: int) -> float:
    return float(psutil.Process(pid).memory_info().rss) / 1e6
