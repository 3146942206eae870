"""Reads that nothing keeps, and writes, beside a Starlette route with the same SQL and the same bytes.

Over HTTP, as everyone meets them, each side is a server of its own and counted by its processor time. Called in this process
with nothing of HTTP around them, the same reads tell what our own layers cost beside nearly nothing.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.registry import facts, store
from services.registry.app import create_app
from services.registry.config import Settings
from shared.contracts.registry import OrganizationRegistered
from shared.kernel.cause import Cause
from tests.bench.bench_door import Server, a_server, micros
from tests.bench.bench_registry_lists import an_organization
from tests.bench.figures import in_turns, rates
from tests.support.apps import Api, an_api
from tests.support.servers import PostgresServer

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

ROUNDS = int(os.environ.get("QSMO_BENCH_ROUNDS", "5"))
REQUESTS = 300
SMALL, LARGE = 2_000, 20_000
ONE, PAGE = "/v1/organizations/o-00777", "/v1/organizations?limit=20"
_SERVER = "tests.bench.reads_server"
_ONE_SQL = "SELECT * FROM organizations WHERE id = $1"
_PAGE_SQL = "SELECT * FROM organizations ORDER BY id LIMIT 21"


async def asked(app: Any, path: str) -> bytes:
    """By ASGI, with nothing of HTTP around it on either side."""
    target, _, query = path.partition("?")
    body = b""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal body
        assert message.get("status", 200) == 200, message
        body += message.get("body", b"")

    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http"}
    where = {"path": target, "raw_path": target.encode(), "query_string": query.encode(), "root_path": ""}
    peers = {"server": ("service", 80), "client": ("client", 1), "headers": [(b"host", b"service")]}
    await app({**scope, **where, **peers}, receive, send)
    return body


@asynccontextmanager
async def a_registry(postgres: PostgresServer, folder: Path, *, organizations: int) -> AsyncIterator[tuple[Api, asyncpg.Pool]]:
    name = f"reads_{uuid4().hex}"
    url = postgres.create_database(name)
    folder.mkdir()
    settings = Settings(database_url=url, migrate=True)
    async with (
        an_api(lambda made: create_app(settings, connections=made), folder) as api,
        asyncpg.create_pool(url.replace("+asyncpg", ""), min_size=2, max_size=2) as raw,
    ):
        await filled(api, organizations)
        await raw.execute("ANALYZE")
        yield api, raw
    postgres.drop_database(name)


async def filled(api: Api, count: int) -> None:
    db = api.app.state.context.db
    for start in range(0, count, 1_000):
        made = [an_organization(n) for n in range(start, start + 1_000)]
        async with db.transaction(Cause(actor="bench")) as tx:
            await store.organizations.add_all(tx, [(each, facts.organization(OrganizationRegistered, each)) for each in made])


def beside(raw: asyncpg.Pool, sql: str, parameters: tuple[str, ...], answer: bytes) -> Starlette:
    async def route(_: Request) -> Response:
        await raw.fetch(sql, *parameters)
        return Response(answer, media_type="application/json")

    return Starlette(routes=[Route("/", route)])


def beside_sqlite(raw: sqlite3.Connection, sql: str, parameters: tuple[str, ...], answer: bytes) -> Starlette:
    async def route(_: Request) -> Response:
        raw.execute(sql, parameters).fetchall()
        return Response(answer, media_type="application/json")

    return Starlette(routes=[Route("/", route)])


def rate(app: Any, path: str) -> Callable[[], Awaitable[float]]:
    async def measured() -> float:
        begun = time.perf_counter()
        for _ in range(REQUESTS):
            await asked(app, path)
        return REQUESTS / (time.perf_counter() - begun)

    return measured


async def test_reads_that_nothing_keeps(postgres: PostgresServer, tmp_path: Path) -> None:
    async with a_registry(postgres, tmp_path / "r", organizations=SMALL) as (api, raw):
        for what, path, sql, parameters in (
            ("single read, not cached (registry, PostgreSQL), in process", ONE, _ONE_SQL, ("o-00777",)),
            ("list page of 20 (registry, PostgreSQL), in process", PAGE, _PAGE_SQL, ()),
        ):
            route = beside(raw, sql, parameters, await asked(api.app, path))
            pairs = await in_turns(rate(api.app, path), rate(route, "/"), rounds=ROUNDS)
            with_sql = "asyncpg with the same SQL, and Starlette returning the same bytes"
            rates(what, pairs, unit="/s", beside=with_sql, goal=0.5).told()


async def test_embedded_reads_that_nothing_keeps(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite+aiosqlite:///{tmp_path / 'registry.db'}", migrate=True)
    async with an_api(lambda made: create_app(settings, connections=made), tmp_path) as api:
        await filled(api, SMALL)
        raw = sqlite3.connect(tmp_path / "registry.db")
        for what, path, sql, parameters in (
            (
                "single read, not cached (registry, SQLite), in process",
                ONE,
                "SELECT * FROM organizations WHERE id = ?",
                ("o-00777",),
            ),
            ("list page of 20 (registry, SQLite), in process", PAGE, _PAGE_SQL, ()),
        ):
            route = beside_sqlite(raw, sql, parameters, await asked(api.app, path))
            pairs = await in_turns(rate(api.app, path), rate(route, "/"), rounds=ROUNDS)
            with_sql = "sqlite3 with the same SQL, and Starlette returning the same bytes"
            rates(what, pairs, unit="/s", beside=with_sql, goal=0.5).told()
        raw.close()


async def over_http(url: str, folder: Path, kind: str, placeholder: str) -> None:
    with a_server("registry", url, module=_SERVER) as ours:
        for what, path, sql, value in (
            ("single read, not cached", ONE, f"SELECT * FROM organizations WHERE id = {placeholder}", "o-00777"),
            ("list page of 20", PAGE, _PAGE_SQL, ""),
        ):
            answer = folder / "answer.json"
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{ours.port}") as client:
                answer.write_bytes((await client.get(path)).raise_for_status().content)
            with a_server("route", url, sql, value, str(answer), module=_SERVER) as route:
                pairs = await in_turns(served(ours, path), served(route, "/"), rounds=ROUNDS)
            beside = "Starlette with the same SQL on the bare driver, returning the same bytes"
            rates(f"{what} (registry, {kind}, over HTTP)", pairs, unit="/s of a core", beside=beside, goal=0.5).told()


def served(server: Server, path: str) -> Callable[[], Awaitable[float]]:
    async def measured() -> float:
        return 1e6 / await micros(server, path)

    return measured


async def test_reads_over_http_that_nothing_keeps(postgres: PostgresServer, tmp_path: Path) -> None:
    async with a_registry(postgres, tmp_path / "r", organizations=SMALL) as (api, _):
        await over_http(api.app.state.context.settings.database_url.get_secret_value(), tmp_path, "PostgreSQL", "$1")


async def test_embedded_reads_over_http_that_nothing_keeps(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'registry.db'}"
    settings = Settings(database_url=url, migrate=True)
    async with an_api(lambda made: create_app(settings, connections=made), tmp_path) as api:
        await filled(api, SMALL)
    await over_http(url, tmp_path, "SQLite", "?")


async def test_ten_times_the_data_costs_nearly_the_same(postgres: PostgresServer, tmp_path: Path) -> None:
    async with (
        a_registry(postgres, tmp_path / "small", organizations=SMALL) as (small, _),
        a_registry(postgres, tmp_path / "large", organizations=LARGE) as (large, _),
    ):
        for what, path in (("read", ONE), ("list page", PAGE)):
            pairs = await in_turns(rate(large.app, path), rate(small.app, path), rounds=ROUNDS)
            costs = [(1e6 / ours, 1e6 / limit) for ours, limit in pairs]
            few = f"the same at {SMALL:,}"
            rates(f"growth: a {what} at {LARGE:,} rows", costs, unit="µs", beside=few, goal=1.3, is_cost=True).told()
        pairs = await in_turns(lambda: write_rate(large), lambda: write_rate(small), rounds=ROUNDS)
        costs = [(1e6 / ours, 1e6 / limit) for ours, limit in pairs]
        rates(f"growth: a write at {LARGE:,} rows", costs, unit="µs", beside=few, goal=1.1, is_cost=True).told()


async def write_rate(api: Api) -> float:
    begun = time.perf_counter()
    for _ in range(REQUESTS // 3):
        made = await api.post("/v1/organizations", {"name": f"bench {uuid4().hex}", "kind": "office"}, "coordinator")
        assert made.status_code == 201, made.text
    return REQUESTS / 3 / (time.perf_counter() - begun)
