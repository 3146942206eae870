"""Kept pages over real connections: answered without a task, and a request in the same words without reading it again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from services.commandline.modes import Modes
from services.gateway.door.door import Door
from services.installation import DataFolder
from shared.web.draining import Draining
from tests.unit.gateway.builders import Harness, a_gateway, an_event, append, served

PATH = "/v1/areas/cybersecurity/overview"
Answer = tuple[int, dict[str, str], bytes]


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, path: str = PATH, **headers: str) -> Answer:
        self.send(_request(path, **headers))
        return await self.answer()

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def answer(self) -> Answer:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await self._reader.readexactly(int(fields.get("content-length", 0)))
        return int(head[0].split(" ")[1]), fields, body

    async def is_ended(self) -> bool:
        return await self._reader.read() == b""


def _request(path: str = PATH, **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"GET {path} HTTP/1.1\r\nHost: gateway\r\n{lines}\r\n".encode()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()


class At:
    """What was answered at once, of a gateway whose pages are of one service that says the same each time."""

    def __init__(self, harness: Harness, url: str, counted: list[bool]) -> None:
        self.harness = harness
        self.url = url
        self._counted = counted

    @property
    def answered(self) -> int:
        return sum(self._counted)


async def _same(_scope: Any, _receive: Any, send: Any) -> None:
    fields = [(b"content-length", b"12"), (b"content-type", b"application/json"), (b"etag", b'"1-ab"')]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": b'{"id": "as"}'})


def _in_the_cluster(app: FastAPI, _folder: Path) -> Any:
    return Draining(app, seconds=1)


def _embedded(app: FastAPI, folder: Path) -> Any:
    return Modes(app, DataFolder(folder), url="http://gateway", starter=False)


@pytest.fixture(params=[_in_the_cluster, _embedded])
async def at(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[At]:
    wrapped: Callable[[FastAPI, Path], Any] = request.param
    counted: list[bool] = []
    at_once = Door.at_once

    def counting(door: Door, server: Any) -> bool:
        counted.append(at_once(door, server))
        return counted[-1]

    monkeypatch.setattr(Door, "at_once", counting)
    async with (
        served(_same) as service,
        a_gateway(
            f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}",
            tmp_path,
            registry_url=service,
            catalog_url=service,
            adoption_url=service,
            page_fresh_s=60,
            rate_anonymous_per_s=0.001,
            rate_anonymous_burst=2_000,
        ) as harness,
        served(wrapped(harness.app, tmp_path)) as url,
    ):
        yield At(harness, url, counted)


async def test_the_same_words_again_are_answered_as_at_first(at: At) -> None:
    async with connected(at.url) as client:
        first = await client.ask()
        again = [await client.ask() for _ in range(3)]
        tag = first[1]["etag"]
        unchanged = [await client.ask(If_None_Match=tag) for _ in range(3)]
        named = [await client.ask(X_Request_Id="mine") for _ in range(2)]

    assert at.answered == len(again) + len(unchanged) + len(named)
    assert {(status, body) for status, _, body in again} == {(200, first[2])}
    assert {(status, body, fields["etag"]) for status, fields, body in unchanged} == {(304, b"", tag)}
    assert {fields["x-request-id"] for _, fields, _ in named} == {"mine"}
    assert len({fields["x-request-id"] for _, fields, _ in [first, *again, *unchanged]}) == 7
    left = [int(fields["ratelimit"].split("r=")[1].split(";")[0]) for _, fields, _ in [first, *again, *unchanged, *named]]
    assert left == sorted(left, reverse=True), "each one counts"
    assert left[0] - left[-1] == 8


async def test_a_fact_about_a_page_ends_what_is_said_at_once(at: At) -> None:
    async with connected(at.url) as client:
        await client.ask()
        await client.ask()
        asked_before = at.answered
        gateway = at.harness.gateway
        await append(gateway, an_event(subject="cybersecurity"))
        await gateway.live.catch_up()
        status, _, _ = await client.ask()

    assert status == 200
    assert (asked_before, at.answered) == (1, 1)


async def test_requests_that_come_together_or_in_pieces_are_answered_in_order(at: At) -> None:
    async with connected(at.url) as client:
        await client.ask()
        client.send(b"".join(_request(X_Request_Id=f"n{n}") for n in range(400)))
        together = [(await client.answer())[1]["x-request-id"] for _ in range(400)]
        pieces = []
        for n in range(30):
            request = _request(X_Request_Id=f"p{n % 2}")
            cut = 1 + n % (len(request) - 1)
            client.send(request[:cut])
            await asyncio.sleep(0.002)
            client.send(request[cut:])
            pieces.append((await client.answer())[1]["x-request-id"])
        whole = [(await client.ask(X_Request_Id=name))[1]["x-request-id"] for name in ("a", "a", "b", "b", "a")]

    assert together == [f"n{n}" for n in range(400)]
    assert pieces == [f"p{n % 2}" for n in range(30)]
    assert whole == ["a", "a", "b", "b", "a"]


async def test_the_limit_holds(at: At) -> None:
    async with connected(at.url) as client:
        statuses = [(await client.ask())[0] for _ in range(2_010)]

    assert statuses == [200] * 2_000 + [429] * 10


@pytest.mark.parametrize(
    "headers", [{"Cookie": "a=b"}, {"X-Forwarded-For": "10.0.0.1"}, {"QSMO-After": "registry@1/x"}, {"Connection": "close"}]
)
async def test_what_others_have_to_look_at_goes_the_usual_way(at: At, headers: dict[str, str]) -> None:
    async with connected(at.url) as client:
        await client.ask()
        await client.ask()
        before = at.answered
        await client.ask(**headers)

    assert (before, at.answered) == (1, 1)


async def test_once_it_closes_connections_end(at: At) -> None:
    async with connected(at.url) as client:
        await client.ask()
        await client.ask()
        at.harness.app.state.closing.set()
        before = at.answered
        status, fields, _ = await client.ask()
        ended = fields.get("connection") == "close" and await client.is_ended()

    assert (status, before, at.answered) == (200, 1, 1)
    assert ended or "connection" not in fields  # embedded, the server itself ends them


async def test_items_and_lists_that_are_kept_are_answered_at_once_too(at: At) -> None:
    async with connected(at.url) as client:
        for path in ("/v1/organizations/o-1", "/v1/organizations?limit=20"):
            before = at.answered
            first = await client.ask(path)
            again = [await client.ask(path) for _ in range(3)]
            unchanged = await client.ask(path, If_None_Match='"1-ab"')

            assert at.answered == before + 4
            assert {(status, body) for status, _, body in again} == {(200, first[2])}
            assert again[0][1].keys() == first[1].keys()
            assert (unchanged[0], unchanged[1]["etag"]) == (304, '"1-ab"')
