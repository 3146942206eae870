"""The server's side of reads over HTTP, each in a process of its own, over a registry that is filled.

`registry URL`: the service. `route URL SQL VALUE ANSWER`: a Starlette route that runs the statement (VALUE: its one parameter,
or empty) on the bare driver and returns the bytes in the file ANSWER. Otherwise as tests/bench/door_server.py.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.registry.app import create_app
from services.registry.config import Settings
from tests.bench.door_server import listening
from tests.support.apps import an_api

Asking = Callable[[], Awaitable[Any]]


async def registry(url: str) -> None:
    settings = Settings(database_url=url, migrate=False)
    with tempfile.TemporaryDirectory() as folder:
        async with an_api(lambda made: create_app(settings, connections=made), Path(folder)) as api:
            await listening(api.app)


async def route(url: str, sql: str, value: str, answer: str) -> None:
    body, values = Path(answer).read_bytes(), (value,) if value else ()
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.partition(":///")[2])

        async def ask() -> None:
            connection.execute(sql, values).fetchall()

        await listening(_asking(ask, body))
        return
    async with asyncpg.create_pool(url.replace("+asyncpg", ""), min_size=4, max_size=10) as pool:
        await listening(_asking(lambda: pool.fetch(sql, *values), body))


def _asking(ask: Asking, body: bytes) -> Starlette:
    async def answered(_: Request) -> Response:
        await ask()
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route("/", answered)])


if __name__ == "__main__":
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(registry(sys.argv[2]) if sys.argv[1] == "registry" else route(*sys.argv[2:]))
