"""Streams whose clients come and go, or stop reading, of a gateway that is killed: each sees every event once, in order.

QSMO_RELIABILITY_LONG=1 takes 10,000 of them, or QSMO_STREAMS.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import resource
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import httpx
import pytest
import uvloop

from tests.reliability.ledger import Outcome
from tests.reliability.load import Books, books, under_load
from tests.support.installation import QSMO, Installation
from tests.support.servers import free_port

LONG = bool(os.environ.get("QSMO_RELIABILITY_LONG"))
STREAMS = int(os.environ.get("QSMO_STREAMS", "10000" if LONG else "300"))
KILLS = 3 if LONG else 1
BETWEEN_S = 20.0 if LONG else 1.0
# About ten events a second in the long form: three for each round of a writer, with two pauses.
WRITERS, PAUSE_S = (2, 0.3) if LONG else (4, 0.005)
SLOW_S = 2.0
RECOVERY_GOAL_S = 180.0 if LONG else 60.0
_SPARE_FILES = 200
_AT_ONCE = 200
_READ_AHEAD = 4_096
_ID = re.compile(rb"(?:^|\n)id: (\d+)\n")


@dataclass
class World:
    """What the clients have seen together."""

    port: int
    clients: list[Client] = field(default_factory=list)
    lost: int = 0
    again: int = 0
    reconnects: int = 0
    is_over: bool = False
    chance: random.Random = field(default_factory=lambda: random.Random(14))
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def connect(self, client: Client) -> None:
        task = asyncio.get_running_loop().create_task(self._connected(client))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _connected(self, client: Client) -> None:
        """Tried until it is."""
        loop = asyncio.get_running_loop()
        while not self.is_over:
            async with self.turns:
                with contextlib.suppress(OSError):
                    await loop.create_connection(lambda: client, sock=await self._socket(client))
                    return
            await asyncio.sleep(self.chance.uniform(0.1, 0.5))

    async def _socket(self, client: Client) -> socket.socket:
        made = socket.socket()
        made.settimeout(0)
        if client.is_slow:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _READ_AHEAD)
        try:
            await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", self.port))
        except BaseException:  # also when nobody waits for it any longer
            made.close()
            raise
        return made

    def reached(self, seq: int, *, but_slow: bool = False) -> bool:
        return all(client.last >= seq for client in self.clients if not (but_slow and client.is_slow))


class Client(asyncio.Protocol):
    """Goes on after the last event it has seen whole, whenever its connection ends."""

    def __init__(self, world: World, *, is_slow: bool) -> None:
        self._world = world
        self.is_slow = is_slow
        self.last = 0
        self.transport: asyncio.Transport | None = None
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by class
        self._rest = b""
        after = b"Last-Event-ID: %d\r\n" % self.last if self.last else b""
        self.transport.write(b"GET /v1/events/stream?after=0 HTTP/1.1\r\nHost: gateway\r\n%b\r\n" % after)

    def data_received(self, data: bytes) -> None:
        whole, end, self._rest = (self._rest + data).rpartition(b"\n\n")
        for found in _ID.findall(whole + end):
            seq = int(found)
            self._world.lost += max(0, seq - self.last - 1)
            self._world.again += seq <= self.last
            self.last = max(self.last, seq)
        if self.is_slow and self.last and self.transport is not None:
            self.transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._world.reconnects += 1
        if not self._world.is_over:
            asyncio.get_running_loop().call_later(self._world.chance.uniform(0.01, 0.3), self._world.connect, self)

    def read_on(self) -> None:
        self.is_slow = False
        if self.transport is not None:
            self.transport.resume_reading()


async def until(check: Callable[[], bool], *, timeout_s: float) -> None:
    async with asyncio.timeout(timeout_s):
        while not check():
            await asyncio.sleep(0.02)


async def open_at_the_server(url: str) -> int:
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        text = (await client.get("/metrics")).text
    found = re.search(r"^qsmo_sse_clients_connections (\S+)$", text, re.MULTILINE)
    assert found is not None
    return int(float(found[1]))


@asynccontextmanager
async def coming_and_going(world: World) -> AsyncIterator[None]:
    """One in a hundred each second."""

    async def churn() -> None:
        while True:
            for client in world.chance.sample(world.clients, max(1, len(world.clients) // 1_000)):
                if client.transport is not None:
                    client.transport.abort()
            await asyncio.sleep(0.1)

    churning = asyncio.create_task(churn())
    try:
        yield
    finally:
        churning.cancel()


async def slow_ones_are_cut(world: World, url: str, book: Books) -> None:
    """… while all others see what has been written meanwhile."""
    wanted = len(world.clients) - sum(client.is_slow for client in world.clients)
    async with asyncio.timeout(90):
        while await open_at_the_server(url) != wanted:
            await asyncio.sleep(0.25)
    head = await book.fed()
    await until(lambda: world.reached(head, but_slow=True), timeout_s=RECOVERY_GOAL_S)
    for client in world.clients:
        if client.is_slow:
            client.read_on()


@asynccontextmanager
async def a_world(port: int) -> AsyncIterator[World]:
    world = World(port)
    world.clients = [Client(world, is_slow=n % 100 == 0) for n in range(STREAMS)]
    for client in world.clients:
        world.connect(client)
    try:
        yield world
    finally:
        world.is_over = True
        if world.tasks:
            await asyncio.wait(world.tasks, timeout=10)
        for client in world.clients:
            if client.transport is not None:
                client.transport.abort()
        await asyncio.sleep(0.1)


async def all_caught_up(world: World, book: Books) -> None:
    head = await book.fed()
    await until(lambda: world.reached(head), timeout_s=RECOVERY_GOAL_S)


async def story(installation: Installation, url_of: Callable[[str], str]) -> Outcome:
    recoveries_s = []
    headers = await asyncio.to_thread(installation.headers, "coordinator")
    async with books(url_of) as book, a_world(installation.port) as world:
        async with under_load(installation.url, headers, run="streams", writers=WRITERS, pause_s=PAUSE_S) as journal:
            await until(lambda: world.reached(1), timeout_s=RECOVERY_GOAL_S)
            await slow_ones_are_cut(world, installation.url, book)
            async with coming_and_going(world):
                for _ in range(KILLS):
                    await asyncio.sleep(BETWEEN_S)
                    begun = time.monotonic()
                    await asyncio.to_thread(installation.kill)
                    await asyncio.to_thread(installation.start)
                    await all_caught_up(world, book)
                    recoveries_s.append(time.monotonic() - begun)
                await asyncio.sleep(BETWEEN_S)
        await book.settled()
        await all_caught_up(world, book)
    return Outcome(
        name=f"{STREAMS:,} event streams: clients come, go and stop reading; kill -9 of the server (recovery: all caught up)",
        faults=f"{KILLS} kills, {world.reconnects:,} reconnects, {STREAMS // 100} stopped reading",
        writes=sum(journal.acknowledged.values()),
        lost=world.lost,
        duplicated=world.again,
        unknown=journal.failures,
        recoveries_s=recoveries_s,
    )


@pytest.mark.timeout(900)
def test_every_stream_sees_every_event_once_and_in_order(tmp_path: Path) -> None:
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert allowed >= STREAMS + _SPARE_FILES, f"{STREAMS} streams need more than {allowed} open files (ulimit -n)"
    program = ("env", f"QSMO_GATEWAY_STREAM_SLOW_S={SLOW_S}", QSMO)
    installation = Installation(tmp_path / "data", free_port(), program=program, serve=("serve", "--no-starter"))
    installation.start()
    try:
        outcome = uvloop.run(story(installation, lambda service: f"sqlite+aiosqlite:///{installation.data}/{service}.db"))
    finally:
        installation.kill()

    outcome.told()
    assert outcome.holds
