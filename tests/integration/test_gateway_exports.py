from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI, Response
from pydantic import BaseModel

from services.gateway.exports.columns import Column
from services.gateway.exports.files import ROWS_MAX, Tabular, written
from services.registry.app import create_app as registry_app
from services.registry.config import Settings as RegistrySettings
from shared.bus.embedded import EmbeddedBus
from shared.kernel.errors import Invalid
from shared.web.sheets import Kind
from tests.unit.gateway.builders import Harness, a_gateway, an_event, append, connections_for, served


@pytest.fixture
async def harness(database_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    async with a_gateway(database_url, tmp_path) as harness:
        yield harness


@pytest.fixture
async def over_registry(tmp_path: Path) -> AsyncIterator[Harness]:
    """A real registry whose facts come to the feed by a real bus."""
    bus = EmbeddedBus(tmp_path / "events.db")
    await bus.start()
    connections, _ = connections_for(tmp_path, bus=bus)
    settings = RegistrySettings(database_url=f"sqlite+aiosqlite:///{tmp_path / 'registry.db'}", migrate=True)
    registry = registry_app(settings, connections=connections)
    services = {"registry": registry, "catalog": FastAPI(), "adoption": FastAPI()}
    url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
    async with (
        registry.router.lifespan_context(registry),
        a_gateway(url, tmp_path, services=services, bus=bus) as harness,
    ):
        yield harness
    await bus.close()


async def exported(client: httpx.AsyncClient, query: str) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]:
    """Header, items, trailer; the SHA-256 holds."""
    answer = await client.get(f"/v1/exports?{query}")
    assert answer.status_code == 200, answer.text
    lines = answer.content.splitlines(keepends=True)
    header, *items, trailer = map(orjson.loads, lines)
    assert trailer["sha256"] == sha256(b"".join(lines[:-1])).hexdigest()
    assert (trailer["items"], trailer["seq"]) == (len(items), header["seq"])
    assert answer.headers["qsmo-export-seq"] == str(header["seq"])
    return header, items, trailer


async def test_events_come_up_to_the_seq_of_the_header_and_go_on_from_there(harness: Harness) -> None:
    await append(harness.gateway, *(an_event() for _ in range(1_500)), an_event(visibility="restricted"))
    async with harness.client() as client:
        header, items, _ = await exported(client, "resource=events")
        await append(harness.gateway, an_event(), an_event())
        following, later, _ = await exported(client, f"resource=events&after={header['seq']}")
        empty = await exported(client, f"resource=events&after={following['seq']}")
        beyond = await client.get("/v1/exports?resource=events&after=99999")
        unknown = await client.get("/v1/exports?resource=nonsense")

    assert [item["seq"] for item in items] == list(range(1, 1_501))
    assert header["seq"] == 1_501
    assert [item["seq"] for item in later] == [1_502, 1_503]
    assert empty[1] == []
    assert (beyond.status_code, unknown.status_code) == (422, 400)


async def test_an_event_with_line_ends_in_it_is_one_line(harness: Harness) -> None:
    await append(harness.gateway, an_event(data=b'{\r\n"title":"x",\n"status":"y"}'))
    async with harness.client() as client:
        _, items, _ = await exported(client, "resource=events")

    assert items[0]["data"] == {"title": "x", "status": "y"}


async def test_what_a_caller_may_not_see_is_not_exported(harness: Harness) -> None:
    await append(harness.gateway, an_event(visibility="restricted", focus_area="cybersecurity"), an_event())
    async with harness.client() as public, harness.client("qsmo:cybersecurity") as qsmo:
        assert [item["seq"] for item in (await exported(public, "resource=events"))[1]] == [2]
        assert [item["seq"] for item in (await exported(qsmo, "resource=events"))[1]] == [1, 2]


async def test_a_snapshot_and_the_feed_after_its_seq_tell_everything_once(over_registry: Harness) -> None:
    """While others write: what the snapshot knows by its version, and what the feed tells after `seq`, make the whole."""
    total = 300
    async with over_registry.client("coordinator") as client:

        async def write(first: int, last: int) -> None:
            for n in range(first, last):
                body = {"name": f"Office {n}", "kind": "office"}
                assert (await client.post("/v1/organizations", json=body)).status_code == 201

        await write(0, 150)
        writing = asyncio.create_task(write(150, total))
        await asyncio.sleep(0.2)
        header, items, _ = await exported(client, "resource=organizations")
        await writing
        known = {item["id"]: item["version"] for item in items}
        after = header["seq"]
        fresh = 0
        while len(known) < total:
            params = {"after": after, "type": "qsmo.registry.organization", "wait": 5}
            page = (await client.get("/v1/events", params=params)).json()
            for event in page["items"]:
                if event["aggregateversion"] > known.get(event["subject"], 0):
                    known[event["subject"]] = event["aggregateversion"]
                    fresh += 1
            after = page["next_after"]

    assert len(known) == total == len(items) + fresh
    assert 150 <= len(items) < total


async def test_an_increment_has_what_changed_since(over_registry: Harness) -> None:
    async with over_registry.client("coordinator") as client:
        ids = [
            (await client.post("/v1/organizations", json={"name": f"Office {n}", "kind": "office"})).json()["id"]
            for n in range(3)
        ]
        await until_head(client, 3)
        header, items, _ = await exported(client, "resource=organizations")
        path = f"/v1/organizations/{ids[1]}"
        tag = (await client.get(path)).headers["etag"]
        renamed = await client.put(path, json={"name": "Renamed", "kind": "office"}, headers={"If-Match": tag})
        assert renamed.is_success, renamed.text
        await until_head(client, 4)
        _, changed, _ = await exported(client, f"resource=organizations&after={header['seq']}")

    assert {item["id"] for item in items} == set(ids)
    assert [(item["id"], item["name"], item["version"]) for item in changed] == [(ids[1], "Renamed", 2)]


async def until_head(client: httpx.AsyncClient, seq: int) -> None:
    async with asyncio.timeout(10):
        while (await client.get("/v1/audit/head")).json()["seq"] < seq:
            await asyncio.sleep(0.01)


def failing_later() -> FastAPI:
    """A list whose second page never comes, and a thing that is gone."""
    app = FastAPI(openapi_url=None)

    @app.get("/v1/providers")
    async def providers(cursor: str | None = None) -> Any:
        return Response(b"oops", 500) if cursor else {"items": [{"id": "one", "version": 1}], "next_cursor": "x"}

    @app.get("/v1/providers/{id}")
    async def provider(id: str) -> Any:
        return Response(b"{}", 404) if id == "gone" else {"id": id, "version": 2}

    @app.get("/v1/offerings")
    async def offerings() -> Any:
        return Response(b"<html>", 200)

    return app


async def test_what_is_gone_leaves_a_tombstone(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
    async with served(failing_later()) as catalog, a_gateway(url, tmp_path, catalog_url=catalog) as harness:
        about = {"type": "qsmo.catalog.provider.registered.v1"}
        await append(harness.gateway, an_event(), *(an_event(subject=id, **about) for id in ("kept", "gone", "kept")))
        async with harness.client() as client:
            _, items, _ = await exported(client, "resource=providers&after=1")

    assert items == [{"id": "kept", "version": 2}, {"kind": "tombstone", "id": "gone"}]


async def test_a_service_that_is_away_from_the_beginning_is_503(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
    async with (
        served(failing_later()) as catalog,
        a_gateway(url, tmp_path, catalog_url=catalog) as harness,
        harness.client() as client,
    ):
        away = await client.get("/v1/exports?resource=adoptions")
        garbage = await client.get("/v1/exports?resource=offerings")

    assert (away.status_code, away.json()["detail"].split()[1]) == (503, "adoption")
    assert garbage.status_code == 503


async def test_an_export_that_breaks_off_does_not_look_whole(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
    async with (
        served(failing_later()) as catalog,
        a_gateway(url, tmp_path, catalog_url=catalog) as harness,
        served(harness.app) as gateway,
        httpx.AsyncClient(base_url=gateway) as client,
    ):
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/v1/exports?resource=providers")


class Item(BaseModel):
    id: str


class Page(BaseModel):
    items: list[Item]
    next_cursor: str | None = None


def refusing_and_failing() -> FastAPI:
    """A list that is not for everybody, and one whose second page never comes."""
    app = FastAPI()

    @app.get("/v1/slas", response_model=Page)
    async def slas() -> Any:
        return Response(b"{}", 403)

    @app.get("/v1/systems", response_model=Page)
    async def systems(cursor: str | None = None) -> Any:
        return Response(b"oops", 500) if cursor else {"items": [{"id": "one"}], "next_cursor": "x"}

    return app


async def test_a_table_is_whole_or_none_and_a_refusal_stays_one(tmp_path: Path) -> None:
    services = {"registry": FastAPI(), "catalog": FastAPI(), "adoption": refusing_and_failing()}
    url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
    async with a_gateway(url, tmp_path, services=services) as harness, harness.client("omb") as client:
        statuses = {
            query: (await client.get(f"/v1/exports?resource={query}")).status_code
            for query in ("slas", "slas&format=csv", "systems&format=csv", "systems&format=parquet", "needs&format=csv")
        }

    assert statuses == {
        "slas": 403,
        "slas&format=csv": 403,
        "systems&format=csv": 503,
        "systems&format=parquet": 503,
        "needs&format=csv": 503,
    }


REFUSED = {
    "resource=offerings&as_of=2020-05-01": ("query:as_of", "organizations, designations, plans, posts, adoptions."),
    "resource=events&as_of=2020-05-01": ("query:as_of", "organizations, designations, plans, posts, adoptions."),
    "resource=designations&as_of=2020-05-01&after=1": ("query:as_of", "without after"),
    "resource=designations&format=csv&after=1": ("query:format", "ndjson alone"),
    "resource=events&format=parquet": ("query:format", "take them as ndjson"),
    "resource=savings&after=1": ("query:after", "take the list whole"),
}


async def test_what_does_not_go_together_is_refused_with_what_does(harness: Harness) -> None:
    await append(harness.gateway, an_event())
    async with harness.client() as client:
        answers = {query: await client.get(f"/v1/exports?{query}") for query in REFUSED}

    assert {answer.status_code for answer in answers.values()} == {422}
    for query, (pointer, hint) in REFUSED.items():
        (error,) = answers[query].json()["errors"]
        assert (error["pointer"], hint in error["detail"]) == (pointer, True), error


async def test_a_table_that_would_be_too_long_says_what_to_do() -> None:
    async def items(count: int) -> AsyncIterator[dict[str, Any]]:
        for n in range(count):
            yield {"n": n}

    columns = [Column(("n",), Kind.INTEGER)]
    whole = await written(Tabular.CSV, columns, items(ROWS_MAX), about={})
    content = b"".join([chunk async for chunk in whole.chunks()])
    with pytest.raises(Invalid, match="take it as ndjson"):
        await written(Tabular.PARQUET, columns, items(ROWS_MAX + 1), about={})

    assert content == b"n\r\n" + b"".join(b"%d\r\n" % n for n in range(ROWS_MAX))
