"""The client of the services against servers that answer byte by byte as they are told, also wrongly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from services.gateway.http1 import Broken, Http1

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@asynccontextmanager
async def a_server(talk: Talk) -> AsyncIterator[tuple[Http1, list[int]]]:
    """A client of it, and the connections that were made."""
    made: list[int] = []
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.append(len(made))
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    client = Http1(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        yield client, made
    finally:
        await client.close()
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)
        await asyncio.sleep(0.01)


def saying(*pieces: bytes, then_close: bool = False) -> Talk:
    """To each request these bytes, in pieces that come apart."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.001)
            if then_close:
                return

    return talk


async def whole(client: Http1, method: str = "GET", body: AsyncIterator[bytes] | None = None) -> tuple[int, bytes]:
    headers = [] if body is None else [(b"transfer-encoding", b"chunked")]
    async with asyncio.timeout(5):
        opened = await client.open(method, b"/x?y=1", headers=headers, body=body)
        try:
            parts = []
            while (part := await opened.part()) is not None:
                parts.append(part)
        finally:
            await opened.close()
    return opened.status, b"".join(parts)


@pytest.mark.parametrize(
    ("pieces", "found"),
    [
        ((OK,), (200, b"ok")),
        (tuple(bytes([byte]) for byte in OK), (200, b"ok")),
        (
            (b"HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n"),
            (404, b"abcde"),
        ),
        ((b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-late: 1\r\n\r\n",), (200, b"a")),
        ((b"HTTP/1.1 204 No Content\r\n\r\n",), (204, b"")),
        ((b"HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n",), (304, b"")),
        ((b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", OK), (200, b"ok")),
    ],
    ids=["whole", "by bytes", "chunked", "trailer", "204", "304", "1xx first"],
)
async def test_an_answer_comes_whole_and_its_connection_is_kept(pieces: tuple[bytes, ...], found: tuple[int, bytes]) -> None:
    async with a_server(saying(*pieces)) as (client, made):
        assert [await whole(client) for _ in range(3)] == [found] * 3

    assert made == [0]


async def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    async with a_server(saying(b"HTTP/1.1 200 OK\r\n\r\nall", b" of it", then_close=True)) as (client, made):
        assert [await whole(client) for _ in range(2)] == [(200, b"all of it")] * 2

    assert made == [0, 1]


async def test_head_has_no_body_whatever_its_length_says() -> None:
    async with a_server(saying(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n")) as (client, _):
        assert await whole(client, "HEAD") == (200, b"")


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\na",
        b"HTTP/1.1 200",
        b"",
    ],
    ids=["no HTTP", "cut", "cut chunk", "no chunk", "two lengths", "cut head", "nothing"],
)
async def test_what_is_no_whole_answer_is_broken(said: bytes) -> None:
    async with a_server(saying(said, then_close=True)) as (client, _):
        with pytest.raises(Broken) as broken:
            await whole(client)

    assert broken.value.reached


async def test_nobody_there_is_not_reached() -> None:
    async with a_server(saying(OK)) as (client, _):
        pass
    with pytest.raises(Broken) as broken:
        await whole(client)

    assert not broken.value.reached


def closing_after_the_first(*, silently: bool) -> Talk:
    """Answers one request on a connection and reads the next one before it goes: nobody can tell whether it took effect."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"" if silently else b"HTTP/1.1 2")

    return talk


async def test_a_read_goes_out_again_when_a_kept_connection_turns_out_to_be_over() -> None:
    async with a_server(closing_after_the_first(silently=True)) as (client, made):
        assert [await whole(client) for _ in range(3)] == [(200, b"ok")] * 3

    assert made == [0, 1, 2]


async def test_a_write_never_goes_out_again() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"{}"

    async with a_server(closing_after_the_first(silently=True)) as (client, made):
        await whole(client)
        with pytest.raises(Broken):
            await whole(client, "POST", body())

    assert made == [0]


async def test_a_read_whose_answer_had_begun_is_broken() -> None:
    async with a_server(closing_after_the_first(silently=False)) as (client, _):
        await whole(client)
        with pytest.raises(Broken):
            await whole(client)


async def test_what_comes_unasked_ends_a_kept_connection() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await asyncio.sleep(0.02)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\npoisoned")
        await reader.read()

    async with a_server(talk) as (client, made):
        await whole(client)
        await asyncio.sleep(0.1)
        assert await whole(client) == (200, b"ok")

    assert made == [0, 1]


async def test_a_refusal_before_the_body_is_through_is_passed_on() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
        await asyncio.sleep(5)

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65_536
            await asyncio.sleep(0)

    async with a_server(talk) as (client, _):
        assert await whole(client, "POST", endless()) == (413, b"")


async def test_an_answer_nobody_reads_is_not_taken_into_memory() -> None:
    sent = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent += 65_536

    async with a_server(talk) as (client, _):
        opened = await client.open("GET", b"/", headers=[], body=None)
        await asyncio.sleep(0.3)
        stopped_at = sent
        await asyncio.sleep(0.1)
        assert sent == stopped_at < 50_000_000
        part = await opened.part()
        assert part
        assert len(part) < 1_000_000
        await asyncio.sleep(0.1)
        assert sent > stopped_at
        await opened.close()


async def test_who_stops_waiting_leaves_no_connection_behind() -> None:
    async with a_server(saying()) as (client, made):
        for _ in range(300):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.002):
                    await client.open("GET", b"/", headers=[], body=None)

    assert len(made) > 200
    assert client._free._value == 200


@pytest.mark.parametrize("target", [b"/a b", b"/a\r\nx: y", b"/a\n"])
async def test_a_target_cannot_smuggle(target: bytes) -> None:
    async with a_server(saying(OK)) as (client, _):
        with pytest.raises(ValueError, match="blanks"):
            await client.open("GET", target, headers=[], body=None)


@pytest.mark.parametrize("url", ["ftp://x", "x", "http://"])
def test_an_address_must_be_one(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        Http1(url)
