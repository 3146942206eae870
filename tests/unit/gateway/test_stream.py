from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson

from services.gateway.feed.entry import Entry
from services.gateway.feed.stream import EventStream
from services.gateway.feed.view import View
from shared.auth import ANONYMOUS
from tests.unit.gateway.builders import Harness, a_gateway, an_event, append


def an_entry(event: bytes) -> Entry:
    return Entry(7, "qsmo.catalog.offering.listed.v1", "s", "a", None, None, "public", event)


def test_a_frame_has_id_type_and_the_event_with_its_seq() -> None:
    frame = an_entry(b'{"id":"x","data":{}}').frame

    assert frame == b'id: 7\nevent: qsmo.catalog.offering.listed.v1\ndata: {"seq":7,"id":"x","data":{}}\n\n'


def test_line_ends_within_an_event_cannot_end_its_frame() -> None:
    frame = an_entry(b'{"id":"x",\r\n"data":\r{\n}}').frame

    lines = frame.decode().split("\n")
    assert lines[-2:] == ["", ""]
    data = "\n".join(line.removeprefix("data: ") for line in lines if line.startswith("data: "))
    assert orjson.loads(data) == {"seq": 7, "id": "x", "data": {}}
    assert frame.count(b"\n\n") == 1
    assert b"\r" not in frame


class Channel:
    """The server's side of an ASGI exchange; `blocked` stands for a client that takes nothing."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.gone = asyncio.Event()
        self.blocked = False

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if self.blocked:
            await asyncio.sleep(60)
        self.sent.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def ended(self) -> bool:
        return bool(self.sent) and self.sent[-1].get("more_body") is False


def a_stream(harness: Harness, **values: Any) -> EventStream:
    return EventStream(harness.gateway.live, View(ANONYMOUS), cursor=0, **({"rotation_s": 60} | values))


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_stream_beats_when_nothing_happens_and_rotates(sqlite: str, tmp_path: Path) -> None:
    async with a_gateway(sqlite, tmp_path) as harness:
        channel = Channel()
        await a_stream(harness, heartbeat_s=0.05, rotation_s=0.3)({}, channel.receive, channel.send)

    assert channel.body.startswith(b"retry: ")
    assert channel.body.count(b": heartbeat\n\n") >= 2
    assert channel.ended


async def test_a_client_that_takes_nothing_is_cut(sqlite: str, tmp_path: Path) -> None:
    async with a_gateway(sqlite, tmp_path) as harness:
        channel = Channel()
        running = asyncio.create_task(a_stream(harness, slow_s=0.1)({}, channel.receive, channel.send))
        await until(lambda: channel.body)
        channel.blocked = True
        await append(harness.gateway, an_event())
        async with asyncio.timeout(5):
            await running

    assert not channel.ended


async def test_streams_end_at_once_when_the_process_is_told_to_stop(sqlite: str, tmp_path: Path) -> None:
    async with a_gateway(sqlite, tmp_path) as harness:
        channel = Channel()
        running = asyncio.create_task(a_stream(harness)({}, channel.receive, channel.send))
        await until(lambda: channel.body)
        harness.app.state.closing.set()
        async with asyncio.timeout(1):
            await running

    assert channel.ended


async def test_a_client_that_leaves_frees_its_stream(sqlite: str, tmp_path: Path) -> None:
    async with a_gateway(sqlite, tmp_path) as harness:
        channel = Channel()
        running = asyncio.create_task(a_stream(harness)({}, channel.receive, channel.send))
        await until(lambda: channel.body)
        channel.gone.set()
        async with asyncio.timeout(1):
            await running
