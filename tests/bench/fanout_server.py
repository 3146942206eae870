"""The server's side of the fan-out bench, in a process of its own: a gateway, or bare transports that get the same bytes.

Prints its port; reads commands: `go` events-a-second seconds, `memory`, `cpu`, `stop`.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import psutil
import uvicorn
import uvloop

from services.gateway.app import create_app
from services.gateway.config import Settings
from services.gateway.feed.entry import Entry
from shared.contracts.envelope import instant
from tests.unit.gateway.builders import SIGNING_KEY, an_event, append, connections_for

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
_BACKLOG = 20_000
_FILL = b"x" * 400


def stamped() -> bytes:
    """The data of an event of usual size with the time in it."""
    return b'{"sent":%d,"title":"%b"}' % (time.monotonic_ns(), _FILL)


class Bare(asyncio.Protocol):
    """Answers any request with an open stream."""

    transports: list[asyncio.Transport] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by class

    def data_received(self, data: bytes) -> None:
        self._transport.write(_HEAD)
        self.transports.append(self._transport)


async def bare() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Bare, "127.0.0.1", 0, backlog=_BACKLOG)
    seq = 0

    async def tell() -> None:
        nonlocal seq
        seq += 1
        text = an_event(data=stamped()).structured()
        frame = Entry(seq, "qsmo.catalog.marketplace.opened.v1", "", "", None, None, "public", text).frame
        framed = b"%x\r\n%b\r\n" % (len(frame), frame)
        for transport in Bare.transports:
            transport.write(framed)

    await commanded(server.sockets[0].getsockname()[1], tell)
    server.close()


async def gateway() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        connections, issuer = connections_for(folder)
        values = {
            "database_url": f"sqlite+aiosqlite:///{folder}/gateway.db",
            "migrate": True,
            "signing_key": SIGNING_KEY,
            "streams_per_caller": 100_000,
            "rate_anonymous_per_s": 0,
            **{f"{service}_url": "http://127.0.0.1:1" for service in ("registry", "catalog", "adoption")},
        }
        app = create_app(Settings.model_validate(values), connections=connections, development_issuer=issuer)
        async with app.router.lifespan_context(app):
            config = uvicorn.Config(
                app, port=0, lifespan="off", log_level="critical", access_log=False, ws="none", backlog=_BACKLOG
            )
            server = uvicorn.Server(config)
            task = asyncio.create_task(server.serve())
            while not server.started:
                await asyncio.sleep(0.01)

            async def tell() -> None:
                # Of now: what is older than a day is covered by a checkpoint at once.
                await append(app.state.context, an_event(data=stamped(), time=instant(datetime.now(UTC))))

            await commanded(server.servers[0].sockets[0].getsockname()[1], tell)
            server.should_exit = server.force_exit = True
            await task


async def commanded(port: int, tell: Callable[[], Awaitable[None]]) -> None:
    process = psutil.Process()
    loop = asyncio.get_running_loop()
    print(port, flush=True)
    while (line := (await loop.run_in_executor(None, sys.stdin.readline)).split()) and line[0] != "stop":
        match line:
            case ["memory"]:
                print(process.memory_info().rss, flush=True)
            case ["cpu"]:
                print(sum(process.cpu_times()[:2]), flush=True)
            case ["go", rate, seconds]:
                begun = loop.time()
                for n in range(int(rate) * int(seconds)):
                    await asyncio.sleep(max(0.0, begun + n / int(rate) - loop.time()))
                    await tell()
                print("done", flush=True)


if __name__ == "__main__":
    uvloop.run({"bare": bare, "gateway": gateway}[sys.argv[1]]())
