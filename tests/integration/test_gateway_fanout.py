"""Streams that stand at the head together, over a real server."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from fastapi import FastAPI

from services.gateway.feed import fanout as fanout_module
from services.gateway.feed.live import Chunk
from services.gateway.feed.view import View
from shared.kernel.errors import Unavailable
from shared.web.draining import Draining
from tests.unit.gateway.builders import Harness, a_gateway, an_event, append, served


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
    async with a_gateway(url, tmp_path, stream_rotation_s=3_600) as harness:
        yield harness


class Reader:
    """A client that reads when told."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self._buffer = b""

    @classmethod
    async def at(cls, url: str, *, read_ahead: int = 1 << 16) -> Reader:
        """With little `read_ahead` the system, too, takes little until it is read."""
        at = urlsplit(url)
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, read_ahead)
        sock.settimeout(0)
        await asyncio.get_running_loop().sock_connect(sock, (at.hostname, at.port))
        reader, writer = await asyncio.open_connection(sock=sock, limit=read_ahead)
        writer.write(b"GET /v1/events/stream HTTP/1.1\r\nHost: gateway\r\n\r\n")
        found = cls(reader, writer)
        await found.until(b"retry:")
        return found

    async def until(self, wanted: bytes) -> None:
        async with asyncio.timeout(10):
            while wanted not in self._buffer:
                part = await self._reader.read(65_536)
                if not part:
                    raise EOFError(self._buffer[-200:])
                self._buffer += part

    async def rest(self) -> bytes:
        async with asyncio.timeout(10):
            return self._buffer + await self._reader.read()

    @property
    def seqs(self) -> list[int]:
        return [int(found) for found in re.findall(rb"(?:^|\n)id: (\d+)\n", self._buffer)]


def together(harness: Harness) -> int:
    return sum(len(group.members) for group in harness.gateway.fanout._groups.values())


def established(url: str) -> int:
    """Connections that the server's side holds."""
    port = urlsplit(url).port
    found = psutil.Process().net_connections(kind="tcp")
    return sum(1 for c in found if c.status == psutil.CONN_ESTABLISHED and c.laddr.port == port)


async def until_together(harness: Harness, count: int) -> None:
    async with asyncio.timeout(10):
        while together(harness) != count:
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("wrapped", [lambda app: app, lambda app: Draining(app, seconds=1)], ids=["embedded", "cluster"])
async def test_streams_with_the_same_view_stand_together_and_each_gets_everything_once(
    harness: Harness, wrapped: Callable[[FastAPI], Any]
) -> None:
    async with served(wrapped(harness.app)) as url:
        readers = [await Reader.at(url) for _ in range(20)]
        await until_together(harness, 20)
        for _ in range(50):
            await append(harness.gateway, an_event())
        for reader in readers:
            await reader.until(b"id: 50\n")
            assert reader.seqs == list(range(1, 51))
            reader.writer.close()
        await until_together(harness, 0)


async def test_one_that_takes_nothing_leaves_the_others_and_is_cut_in_the_end(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
    async with a_gateway(url, tmp_path, stream_slow_s=0.5) as harness, served(harness.app) as address:
        quick, slow = await Reader.at(address), await Reader.at(address, read_ahead=1_024)
        await until_together(harness, 2)
        big = b'{"title":"%b"}' % (b"x" * 200_000)
        for _ in range(60):
            await append(harness.gateway, an_event(data=big))
        await quick.until(b"id: 60\n")
        await until_together(harness, 1)
        begun = time.monotonic()
        while (at_server := await asyncio.to_thread(established, address)) > 1 and time.monotonic() - begun < 5:
            await asyncio.sleep(0.05)

        assert at_server == 1
        assert quick.seqs == list(range(1, 61))
        with contextlib.suppress(ConnectionResetError):
            assert not (await slow.rest()).endswith(b"0\r\n\r\n"), "an answer cut short does not look whole"
        slow.writer.close()
        quick.writer.close()


async def test_they_are_kept_alive_by_heartbeats(harness: Harness) -> None:
    harness.gateway.fanout._heartbeat_s = 0.2
    async with served(harness.app) as url:
        reader = await Reader.at(url)
        await reader.until(b": heartbeat\n\n")
        assert together(harness) == 1
        reader.writer.close()


async def test_they_rotate_with_a_whole_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout_module, "_SWEEP_S", 0.05)
    url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
    async with a_gateway(url, tmp_path, stream_rotation_s=0.3) as harness, served(harness.app) as address:
        reader = await Reader.at(address)
        await until_together(harness, 1)
        await reader.until(b"0\r\n\r\n")
        reader.writer.close()


async def test_all_end_whole_when_the_process_stops(harness: Harness) -> None:
    async with served(harness.app) as url:
        readers = [await Reader.at(url) for _ in range(5)]
        await until_together(harness, 5)
        harness.app.state.closing.set()
        for reader in readers:
            await reader.until(b"0\r\n\r\n")
            reader.writer.close()


async def test_a_failure_of_the_feed_costs_those_at_the_head_nothing(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[int] = []
    chunk = harness.gateway.live.chunk

    async def failing(view: View, cursor: int) -> Chunk:
        if not failures:
            failures.append(cursor)
            raise Unavailable("The database is not available.")
        return await chunk(view, cursor)

    async with served(harness.app) as url:
        reader = await Reader.at(url)
        await until_together(harness, 1)
        monkeypatch.setattr(harness.gateway.live, "chunk", failing)
        await append(harness.gateway, an_event())
        await reader.until(b"id: 1\n")
        await append(harness.gateway, an_event())
        await reader.until(b"id: 2\n")

        assert (failures, reader.seqs) == ([0], [1, 2])
        reader.writer.close()


async def test_views_do_not_mix(harness: Harness) -> None:
    async with served(harness.app) as url:
        public = await Reader.at(url)
        at = urlsplit(url)
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        token = harness.headers("auditor")["Authorization"].encode()
        writer.write(b"GET /v1/events/stream HTTP/1.1\r\nHost: g\r\nAuthorization: " + token + b"\r\n\r\n")
        auditor = Reader(reader, writer)
        await auditor.until(b"retry:")
        await until_together(harness, 2)
        await append(harness.gateway, an_event(visibility="restricted"), an_event())
        await public.until(b"id: 2\n")
        await auditor.until(b"id: 2\n")

        assert (public.seqs, auditor.seqs) == ([2], [1, 2])
        public.writer.close()
        writer.close()
