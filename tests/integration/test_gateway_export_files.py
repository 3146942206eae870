"""Exports as tables and of past days, of the real services behind one door."""

from __future__ import annotations

import asyncio
import base64
import csv
import io
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from arro3.io import read_parquet

from services.catalog.importers.starter import starter
from services.embedded import embedded
from services.gateway.exports.resources import RESOURCES
from services.installation import DataFolder

JsonObject = dict[str, Any]
# One that is empty at first, too.
TABLES = (
    "organizations",
    "designations",
    "policies",
    "focus-areas",
    "board-seats",
    "offerings",
    "vehicles",
    "standards",
    "function-mappings",
)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Of an installation with what is there at first."""
    folder = DataFolder(tmp_path / "data")
    token = folder.issuer.token(subject="tester", roles=["coordinator"])
    async with embedded(folder) as app:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers, timeout=60) as client:
            await until_all_is_there(client)
            yield client


async def until_all_is_there(client: httpx.AsyncClient) -> None:
    """The catalog's part follows from the registry's."""
    async with asyncio.timeout(60):
        while (await client.get("/v1/stats/offerings")).json()["total"] < len(starter().offerings):
            await asyncio.sleep(0.1)


async def listed(client: httpx.AsyncClient, name: str, **params: str) -> list[JsonObject]:
    resource = RESOURCES[name]
    found: list[JsonObject] = []
    wanted: JsonObject = params | ({"limit": 200} if resource.is_paged else {})
    while True:
        page = (await client.get(resource.path, params=wanted)).json()
        found += page["items"]
        if page.get("next_cursor") is None:
            return found
        wanted["cursor"] = page["next_cursor"]


async def exported(client: httpx.AsyncClient, name: str, format_: str, **params: str) -> bytes:
    answer = await client.get("/v1/exports", params={"resource": name, "format": format_, **params})
    assert answer.status_code == 200, answer.text
    if format_ != "ndjson":
        digest = base64.b64encode(sha256(answer.content).digest()).decode()
        assert answer.headers["repr-digest"] == f"sha-256=:{digest}:"
        assert answer.headers["content-length"] == str(len(answer.content))
    seq = answer.headers["qsmo-export-seq"]
    assert answer.headers["content-disposition"] == f'attachment; filename="qsmo-{name}-{seq}.{format_}"'
    return answer.content


def rows_of(content: bytes) -> tuple[list[str], list[JsonObject]]:
    table = read_parquet(io.BytesIO(content)).read_all()
    names = list(table.column_names)
    values = [table.column(name).to_pylist() for name in names]
    return names, [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]


def flat(item: JsonObject, names: list[str]) -> JsonObject:
    """As the table should have it: worked out by its names alone."""
    found = {}
    for name in names:
        value: Any = item
        for member in name.split("."):
            value = value.get(member) if value else None
        found[name] = orjson.dumps(value).decode() if isinstance(value, (list, dict)) else value
    return found


def leaves(value: Any, name: str = "") -> set[str]:
    """The dotted names of all that is in an item, but for actions."""
    if not isinstance(value, dict):
        return set() if value is None else {name}
    return {leaf for key, member in value.items() if key[0] != "_" for leaf in leaves(member, f"{name}.{key}" if name else key)}


async def test_tables_have_what_the_lists_have(client: httpx.AsyncClient) -> None:
    for name in TABLES:
        items = await listed(client, name)
        names, rows = rows_of(await exported(client, name, "parquet"))
        sheet = csv.DictReader(io.StringIO((await exported(client, name, "csv")).decode(), newline=""))
        lines = list(map(orjson.loads, (await exported(client, name, "ndjson")).splitlines()))

        assert bool(items) is (name != "standards")
        assert rows == [flat(item, names) for item in items]
        assert lines[1:-1] == items
        assert sheet.fieldnames == names
        assert [row["id"] for row in sheet] == [row["id"] for row in rows]
        told = {leaf for item in items for leaf in leaves(item)}
        assert {leaf for leaf in told if not any(f"{leaf}.".startswith(f"{each}.") for each in names)} == set()


async def test_a_table_says_whole_numbers_and_what_is_no_formula(client: httpx.AsyncClient) -> None:
    name = '=HYPERLINK("http://example.com")'
    made = (await client.post("/v1/organizations", json={"name": name, "kind": "office"})).json()
    sheet = list(csv.DictReader(io.StringIO((await exported(client, "organizations", "csv")).decode(), newline="")))
    _, rows = rows_of(await exported(client, "organizations", "parquet"))

    assert [(row["name"], row["version"]) for row in sheet if row["id"] == made["id"]] == [(f"'{name}", "1")]
    assert [(row["name"], row["version"]) for row in rows if row["id"] == made["id"]] == [(name, 1)]


async def test_a_list_is_taken_as_it_was_on_a_day(client: httpx.AsyncClient) -> None:
    day = "2020-05-01"
    today, then = await listed(client, "designations"), await listed(client, "designations", as_of=day)
    header, *items, _ = map(orjson.loads, (await exported(client, "designations", "ndjson", as_of=day)).splitlines())
    names, rows = rows_of(await exported(client, "designations", "parquet", as_of=day))

    assert (header["as_of"], items) == (day, then)
    assert rows == [flat(item, names) for item in then]
    assert then != today
