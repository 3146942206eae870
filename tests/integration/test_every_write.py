"""Every write of the one document, asked as its example says, by callers who may not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.embedded import embedded
from services.installation import DataFolder
from shared.web.document import operations

JsonObject = dict[str, Any]
WRITES = frozenset({"post", "put", "patch", "delete"})
# A signed-in caller without any role may have these of their own, and nothing else: see the canvas of the gateway.
OF_ONES_OWN = frozenset({"create_webhook", "create_api_key"})


class World:
    def __init__(self, folder: DataFolder, client: httpx.AsyncClient, document: JsonObject) -> None:
        self.folder = folder
        self.client = client
        self.document = document

    def token(self, *roles: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.folder.issuer.token(subject='nobody', roles=list(roles))}"}

    async def answers(self, headers: dict[str, str]) -> dict[str, httpx.Response]:
        """To each write by its name."""
        found = {}
        for path, method, operation in operations(self.document):
            if method in WRITES:
                found[operation["operationId"]] = await self._asked(path, method, operation, headers)
        return found

    async def _asked(self, path: str, method: str, operation: JsonObject, headers: dict[str, str]) -> httpx.Response:
        given = {"If-Match": '"1-0a1b2c3d4e5f"', **headers}
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", str(parameter["example"]))
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" in content:
            return await self.client.request(method, path, json=content["application/json"]["example"], headers=given)
        media = next(iter(content), "application/octet-stream")
        return await self.client.request(
            method, path, content=b"x" if content else b"", headers={**given, "Content-Type": media}
        )


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    folder = DataFolder(tmp_path / "data")
    async with embedded(folder, starter=False) as app:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=60) as client:
            yield World(folder, client, (await client.get("/openapi.json")).json())


async def test_nobody_writes_without_saying_who_they_are(world: World) -> None:
    answers = await world.answers({})

    assert len(answers) > 100
    assert {name: answer.status_code for name, answer in answers.items() if answer.status_code != 401} == {}


@pytest.mark.parametrize("roles", [(), ("provider:x",), ("agency:999",)], ids=["no role", "provider", "another agency"])
async def test_who_has_no_part_in_something_changes_nothing_of_it(world: World, roles: tuple[str, ...]) -> None:
    before = (await world.client.get("/v1/events?limit=1")).json()["head"]
    answers = await world.answers(world.token(*roles))
    told = (await world.client.get("/v1/events?limit=1000", params={"after": before}, headers=world.token("auditor"))).json()

    assert {name for name, answer in answers.items() if answer.status_code >= 500} == set()
    assert {name for name, answer in answers.items() if answer.is_success} <= OF_ONES_OWN
    assert {event["source"] for event in told["items"]} <= {"/gateway"}
