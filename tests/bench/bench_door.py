"""What the door costs beside a Starlette route that returns the same bytes, in turns within one run.

A ratio is CPU of the route over CPU of the gateway's process, per request: 1.0 means as many requests a second from one core.
nginx passing on to the same route is there for reference, where it is installed.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvloop

from tests.bench.figures import rates
from tests.support.replicas import NginxServer
from tests.support.servers import free_port, nginx_available

ROUNDS = int(os.environ.get("QSMO_DOOR_ROUNDS", "7"))
REQUESTS = int(os.environ.get("QSMO_DOOR_REQUESTS", "3000"))
CONNECTIONS = 8
# Reached so far (see ADRs 91 and 93), and what is wanted.
FLOORS = {"kept item": 1.2, "kept page": 1.2, "kept page, 304": 1.2, "passed through": 0.25, "page of three": 0.12}
GOALS = {"kept item": 1.0, "kept page": 1.0, "kept page, 304": 1.4, "passed through": 0.3, "page of three": 0.12}
NGINX_CASE = "passed through by nginx (proxy_pass)"


@dataclass
class Server:
    """A server process: where it listens, and what it has used."""

    process: subprocess.Popen[str]
    port: int = 0

    def says(self, command: str = "") -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        if command:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@contextmanager
def a_server(*arguments: str, module: str = "tests.bench.door_server") -> Iterator[Server]:
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            server = Server(process)
            server.port = int(server.says())
            yield server
        finally:
            process.kill()


class Passing(NginxServer):
    """nginx before the route, told apart by what it has used."""

    def says(self, command: str) -> str:
        assert command == "cpu"
        assert self._process is not None
        return f"{int(Path(f'/proc/{self._process.pid}/schedstat').read_text().split()[0]) / 1e9}"


@dataclass
class Case:
    """A request to the gateway and the one it is compared with."""

    server: Server | Passing
    path: str
    beside: str
    status: int = 200
    headers: str = ""
    ratios: list[float] = field(default_factory=list)
    micros: list[float] = field(default_factory=list)


async def asked(port: int, path: str, *, status: int = 200, headers: str = "", count: int) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: gateway\r\n{headers}\r\n".encode()
    await asyncio.gather(*(_one_connection(port, request, status, count // CONNECTIONS) for _ in range(CONNECTIONS)))


async def _one_connection(port: int, request: bytes, status: int, count: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(count):
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert head.startswith(b"http/1.1 %d" % status), head
        if b"content-length: " in head:
            await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r", 1)[0]))
        else:
            assert status == 304, head
    writer.close()


async def micros(server: Server | Passing, path: str, *, status: int = 200, headers: str = "") -> float:
    """CPU of the server a request."""
    before = float(server.says("cpu"))
    await asked(server.port, path, status=status, headers=headers, count=REQUESTS)
    return (float(server.says("cpu")) - before) * 1e6 / REQUESTS


async def etag(port: int, path: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: gateway\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    writer.close()
    return head.partition("etag: ")[2].split("\r", 1)[0]


async def measured(cases: dict[str, Case], route: Server) -> None:
    for case in cases.values():
        await asked(case.server.port, case.path, status=case.status, headers=case.headers, count=500)
        await asked(route.port, case.beside, count=500)
    for _ in range(ROUNDS):
        for case in cases.values():
            beside = await micros(route, case.beside)
            ours = await micros(case.server, case.path, status=case.status, headers=case.headers)
            case.micros.append(ours)
            case.ratios.append(beside / ours)


@pytest.mark.bench
@pytest.mark.timeout(900)
def test_the_door_beside_a_starlette_route() -> None:
    overview = "/v1/offerings/x/overview"
    with ExitStack() as stack:
        route = stack.enter_context(a_server("upstream"))
        # Nothing concerns what is kept: they are asked for again only when their time is over.
        keeping = stack.enter_context(a_server("gateway", str(route.port), "3600"))
        asking = stack.enter_context(a_server("gateway", str(route.port), "0"))
        tag = uvloop.run(etag(keeping.port, overview))
        cases = {
            "kept item": Case(keeping, "/v1/organizations/x", "/v1/organizations/x"),
            "kept page": Case(keeping, overview, "/page/x"),
            "kept page, 304": Case(keeping, overview, "/page/x", status=304, headers=f"If-None-Match: {tag}\r\n"),
            "passed through": Case(asking, "/v1/organizations/x", "/v1/organizations/x"),
            "page of three": Case(asking, overview, "/page/x"),
        }
        if nginx_available() is None:
            nginx = stack.enter_context(Passing({"route": free_port()}, {"route": [route.port]}))
            cases[NGINX_CASE] = Case(nginx, "/v1/organizations/x", "/v1/organizations/x")
        uvloop.run(measured(cases, route))
    found = {name: statistics.median(case.ratios) for name, case in cases.items()}
    print()
    for name, case in cases.items():
        pairs = [(1e6 / ours, 1e6 / ours / ratio) for ours, ratio in zip(case.micros, case.ratios, strict=True)]
        beside = "a Starlette route returning the same bytes"
        rates(f"door: {name}", pairs, unit="/s of a core", beside=beside, goal=GOALS.get(name)).told()
    assert {name: found[name] for name, floor in FLOORS.items() if found[name] < floor} == {}
