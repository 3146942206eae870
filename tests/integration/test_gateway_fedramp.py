"""The combined import, led over services that only write down what they are sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI, Request, Response

from tests.unit.gateway.builders import Harness, a_gateway
from tests.unit.gateway.test_split import MARKETPLACE

COUNTS = ("read", "created", "updated", "unchanged", "duplicate", "parked", "refused")


class Recorder:
    """A service with imports: every row but the first is created, the first is parked; done at the second look."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name = name
        self.log = log
        self.rows: list[dict[str, Any]] = []
        self.tokens: set[str] = set()
        self.looked = 0
        self.heard = 0
        self.recorded = 0
        self.refuses = False
        self.ends = "succeeded"
        self.app = self._app()

    def _app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)

        @app.post("/v1/imports/fedramp", status_code=202)
        async def start(request: Request) -> Any:
            self.log.append(f"{self.name} starts")
            self.tokens.add(request.headers["authorization"])
            if self.refuses:
                return Response(orjson.dumps({"detail": "Importing is for others."}), 403)
            body = await request.body()
            self.rows = [orjson.loads(line) for line in body.splitlines()]
            self.recorded += len(self.rows)
            return self._operation("running")

        @app.get("/v1/operations/{id}")
        async def show(id: str) -> Any:
            if id != f"{self.name}-operation":
                return Response(b"{}", 404)
            self.looked += 1
            return self._operation("running" if self.looked < 2 else self.ends)

        @app.get("/v1/operations/{id}/rows")
        async def rows(id: str, limit: int, cursor: str | None = None) -> dict[str, Any]:
            reported = [{"section": row["section"], "number": row["number"]} for row in self.rows]
            start = int(cursor or 0)
            following = str(start + limit) if start + limit < len(reported) else None
            return {"items": reported[start : start + limit], "next_cursor": following}

        @app.get("/internal/progress")
        async def progress() -> dict[str, int]:
            self.log.append(f"{self.name} progress")
            self.heard += 1
            return {"recorded": self.recorded, "pending": 0, "heard": self.heard}

        return app

    def _operation(self, status: str) -> dict[str, Any]:
        sections: dict[str, dict[str, int]] = {}
        for row in self.rows:
            counts = sections.setdefault(row["section"], dict.fromkeys(COUNTS, 0))
            counts["read"] += 1
            counts["created" if row["number"] > 1 else "parked"] += 1
        shown = {"id": f"{self.name}-operation", "status": status, "sections": sections, "detail": "because"}
        return {**shown, "rows_done": len(self.rows) if status != "running" else 0}


class Led:
    """A gateway over three recorders."""

    def __init__(self, harness: Harness, services: dict[str, Recorder], log: list[str]) -> None:
        self.harness = harness
        self.services = services
        self.log = log

    async def post(self, content: bytes, *roles: str, **params: str) -> httpx.Response:
        async with self.harness.client(*roles) as client:
            return await client.post("/v1/imports/fedramp", content=content, params=params)

    async def done(self, started: httpx.Response) -> dict[str, Any]:
        assert started.status_code == 202, started.text
        async with self.harness.client() as client, asyncio.timeout(20):
            while True:
                operation: dict[str, Any] = (await client.get(started.headers["location"])).json()
                if operation["status"] != "running":
                    return operation
                await asyncio.sleep(0.02)


@pytest.fixture
async def led(database_url: str, tmp_path: Path) -> AsyncIterator[Led]:
    log: list[str] = []
    services = {name: Recorder(name, log) for name in ("registry", "catalog", "adoption")}
    apps = {name: service.app for name, service in services.items()}
    async with a_gateway(database_url, tmp_path, services=apps) as harness:
        harness.gateway.imports._heard_still_s = 0.5
        yield Led(harness, services, log)


async def test_each_service_gets_its_rows_in_turn_and_the_counts_add_up(led: Led) -> None:
    operation = await led.done(await led.post(orjson.dumps(MARKETPLACE), "coordinator"))

    assert operation["status"] == "succeeded", operation
    assert (operation["rows_done"], operation["rows_total"]) == (5, 5)
    assert {name: counts["read"] for name, counts in operation["sections"].items()} == {
        "agencies": 1,
        "products": 1,
        "authorizations": 1,
        "reuses": 2,
    }
    assert operation["sections"]["reuses"]["created"] == 1
    assert {row["section"] for row in led.services["adoption"].rows} == {"authorizations", "reuses"}
    assert led.log[-1] == "adoption starts"
    assert "adoption progress" in led.log
    assert len({token for service in led.services.values() for token in service.tokens}) == 1


async def test_adoption_begins_when_it_has_heard_what_the_others_recorded(led: Led) -> None:
    adoption = led.services["adoption"]
    led.services["registry"].recorded = 3

    await led.done(await led.post(orjson.dumps(MARKETPLACE), "coordinator"))

    assert adoption.heard >= 5  # the three of before and one each of this import


async def test_rows_are_reported_across_services_page_by_page(led: Led) -> None:
    operation = await led.done(await led.post(orjson.dumps(MARKETPLACE), "coordinator"))
    seen: list[tuple[str, int]] = []
    cursor = None
    async with led.harness.client() as client:
        while True:
            params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = (await client.get(f"/v1/operations/{operation['id']}/rows", params=params)).json()
            assert len(page["items"]) <= 2
            seen += [(row["section"], row["number"]) for row in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        refused = await client.get(f"/v1/operations/{operation['id']}/rows", params={"cursor": "9.x"})

    assert sorted(seen) == [("agencies", 1), ("authorizations", 1), ("products", 1), ("reuses", 1), ("reuses", 2)]
    assert refused.status_code == 422


async def test_operations_of_the_services_are_found_through_the_gateway(led: Led) -> None:
    async with led.harness.client() as client:
        found = await client.get("/v1/operations/catalog-operation")
        missing = await client.get("/v1/operations/nobodys")

    assert found.json()["id"] == "catalog-operation"
    assert missing.status_code == 404


@pytest.mark.parametrize("content", [b"{", b"[]", b"", b"PK\x03\x04", orjson.dumps(MARKETPLACE)[:-1]])
async def test_a_file_that_cannot_be_read_whole_is_refused_and_nothing_is_sent(led: Led, content: bytes) -> None:
    answer = await led.post(content, "coordinator")

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert led.log == []


async def test_importing_needs_a_role_before_the_file_is_read(led: Led) -> None:
    assert (await led.post(b"{")).status_code == 401
    assert (await led.post(b"{", "qsmo:cybersecurity")).status_code == 403


async def test_a_multipart_form_carries_the_file(led: Led) -> None:
    async with led.harness.client("omb") as client:
        started = await client.post("/v1/imports/fedramp", files={"file": ("m.json", orjson.dumps(MARKETPLACE))})

    assert (await led.done(started))["status"] == "succeeded"


async def test_a_service_that_refuses_or_fails_is_named(led: Led) -> None:
    led.services["catalog"].refuses = True
    refused = await led.done(await led.post(orjson.dumps(MARKETPLACE), "coordinator"))
    led.services["catalog"].refuses = False
    led.services["registry"].ends = "failed"
    failed = await led.done(await led.post(orjson.dumps(MARKETPLACE), "coordinator"))

    assert refused["status"] == failed["status"] == "failed"
    assert "catalog service refused its part: Importing is for others." in refused["detail"]
    assert "registry service: import failed" in failed["detail"]
    assert led.services["adoption"].rows == []


async def test_a_dry_run_waits_for_no_facts(led: Led) -> None:
    operation = await led.done(await led.post(orjson.dumps(MARKETPLACE), "coordinator", validate_only="true"))

    assert (operation["status"], operation["validate_only"]) == ("succeeded", True)
    assert not any("progress" in line for line in led.log)


async def test_what_a_stopped_gateway_was_importing_is_interrupted(led: Led) -> None:
    led.services["registry"].ends = "running"
    started = await led.post(orjson.dumps(MARKETPLACE), "coordinator")
    await asyncio.sleep(0.3)
    await led.harness.gateway.imports.close()
    await led.harness.gateway.imports.interrupted()

    operation = await led.done(started)

    assert operation["status"] == "interrupted"
    assert "import the file again" in operation["detail"]
