"""How soon `qsmo serve` and each service of a cluster are ready, and what they hold idle, beside a bare FastAPI app."""

from __future__ import annotations

import asyncio
import http.client
import os
import statistics
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import psutil
import pytest

from tests.bench.figures import rates
from tests.support.cluster import REPOSITORY, SERVICES, Cluster, a_cluster
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
_ASK_EVERY_S = 0.005
_BESIDE = "a FastAPI app with one route"
_GOAL = 2.5
_BARE = """
from fastapi import FastAPI
app = FastAPI()
@app.get("/")
async def root() -> dict[str, str]:
    return {}
"""


@dataclass(frozen=True, slots=True)
class _Bare:
    """A FastAPI app with one route, in the environment of what it is compared with."""

    python: Path
    folder: Path

    def started(self, *, settle_s: float = 0.0) -> tuple[float, float]:
        """Seconds until it answers, and the megabytes that it holds then or later."""
        (self.folder / "bare.py").write_text(_BARE)
        port = free_port()
        begun = time.perf_counter()
        command = (str(self.python), "-m", "uvicorn", "bare:app", "--port", str(port), "--log-level", "warning")
        process = subprocess.Popen(command, cwd=self.folder)
        try:
            _until_answered(port, "/", process)
            took_s = time.perf_counter() - begun
            time.sleep(settle_s)
            return took_s, _megabytes(process.pid)
        finally:
            process.terminate()
            process.wait()


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The Python of an environment without the developers' tools, which services and FastAPI would load (rich, for one)."""
    folder = tmp_path_factory.mktemp("deployed")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONNODEBUGRANGES", "1")  # as the image's bytecode is compiled
        command = [str(REPOSITORY / ".venv/bin/uv"), "sync", "--frozen", "--no-dev", "--quiet", "--compile-bytecode"]
        subprocess.run(command, cwd=REPOSITORY, env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(folder)}, check=True)
        yield folder / "bin/python"


@pytest.mark.bench
@pytest.mark.timeout(300)
def test_a_start_after_set_up_is_quick_and_light(deployed: Path, tmp_path: Path) -> None:
    bare = _Bare(deployed, tmp_path)
    starts: list[tuple[float, float]] = []
    with an_installation(tmp_path, program=(deployed.parent / "qsmo",)) as installation:
        first = installation.started_in_s
        for _ in range(_STARTS):
            installation.stop()
            installation.start()
            starts.append((installation.started_in_s, bare.started()[0]))
        time.sleep(_SETTLE_S)
        assert installation.process is not None
        held = _megabytes(installation.process.pid)

    print(f"\nfirst start {first:.2f} s")
    later = rates("cold start, all four services", starts, unit="s", beside=_BESIDE, goal=_GOAL, is_cost=True)
    later.told()
    memory = [(held, bare.started(settle_s=_SETTLE_S)[1])]
    rates("memory, all four services idle", memory, unit="MB", beside=_BESIDE, goal=_GOAL, is_cost=True).told()
    assert later.ours < READY_GOAL_S
    assert held < EMBEDDED_GOAL_MB


@pytest.mark.bench
@pytest.mark.postgres
@pytest.mark.kafka
@pytest.mark.timeout(300)
async def test_a_service_of_the_cluster_is_ready_soon_and_light(
    deployed: Path, postgres: PostgresServer, kafka: KafkaServer, tmp_path: Path
) -> None:
    """Each in turn with a bare app, from the start of its process, on a schema that is there."""
    bare = _Bare(deployed, tmp_path)
    starts: dict[str, list[tuple[float, float]]] = {service: [] for service in SERVICES}
    cpu: dict[str, list[float]] = {service: [] for service in SERVICES}
    with a_cluster(postgres, kafka, tmp_path, python=deployed) as cluster:
        await cluster.ready()
        for service in SERVICES * _CLUSTER_STARTS:
            took_s, spent_s = await asyncio.to_thread(_started_anew, cluster, service)
            starts[service].append((took_s, (await asyncio.to_thread(bare.started))[0]))
            cpu[service].append(spent_s)
        await asyncio.sleep(_SETTLE_S)
        held = {service: _megabytes(process.pid) for service, process in cluster.processes.items()}
        _, bare_mb = await asyncio.to_thread(bare.started, settle_s=_SETTLE_S)

    print("\nCPU of a start: " + ", ".join(f"{service} {statistics.median(spent):.2f} s" for service, spent in cpu.items()))
    for service, pairs in starts.items():
        rates(f"cold start, {service}", pairs, unit="s", beside=_BESIDE, goal=_GOAL, is_cost=True).told()
        memory = [(held[service], bare_mb)]
        rates(f"memory, {service} idle", memory, unit="MB", beside=_BESIDE, goal=_GOAL, is_cost=True).told()
    assert max(statistics.median(took for took, _ in pairs) for pairs in starts.values()) <= CLUSTER_READY_GOAL_S
    assert max(held.values()) < IDLE_GOAL_MB


def _started_anew(cluster: Cluster, service: str) -> tuple[float, float]:
    """Seconds until it is ready, and those of its processor's time."""
    cluster.processes[service].terminate()
    cluster.processes[service].wait()
    begun = time.perf_counter()
    cluster.start(service)
    process = cluster.processes[service]
    _until_answered(cluster.ports[service], "/readyz", process)
    took_s = time.perf_counter() - begun
    spent = psutil.Process(process.pid).cpu_times()
    return took_s, spent.user + spent.system


@pytest.mark.bench
@pytest.mark.postgres
@pytest.mark.kafka
@pytest.mark.timeout(300)
async def test_a_gateway_with_open_streams_ends_soon_after_its_drain(
    deployed: Path, postgres: PostgresServer, kafka: KafkaServer, tmp_path: Path
) -> None:
    with a_cluster(postgres, kafka, tmp_path, python=deployed) as cluster:
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


def _until_answered(port: int, path: str, process: subprocess.Popen[bytes]) -> None:
    while True:
        assert process.poll() is None, "it has ended"
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == HTTPStatus.OK:
                return
        except (ConnectionError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(_ASK_EVERY_S)


def _megabytes(pid: int) -> float:
    return float(psutil.Process(pid).memory_info().rss) / 1e6
