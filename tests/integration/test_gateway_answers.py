"""Items and lists that the door keeps: the same bytes, each caller's own, and never those of before a write."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from services.embedded import embedded
from services.gateway.pages.answers import ANSWER_BYTES_MAX
from services.installation import DataFolder
from tests.unit.gateway.builders import Harness, a_gateway, an_event, append, served

LIST, ITEM = "/v1/organizations?limit=2", "/v1/organizations/o-1"
OF_ONE_ANSWER = {"x-request-id", "date", "ratelimit", "server"}


class Owner:
    """A service that says how often it was asked; `holds` makes answers wait."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.holds: asyncio.Event | None = None
        self.body_bytes = 0
        self.app = FastAPI(openapi_url=None)
        self.app.add_api_route("/{rest:path}", self.answer, methods=["GET", "POST", "DELETE"])

    async def answer(self, rest: str, request: Request) -> Response:
        self.asked[f"/{rest}"] += 1
        n = self.asked.total()
        if self.holds is not None and request.method == "GET":
            await self.holds.wait()
        if "nowhere" in rest:
            return Response(b"{}", 404, media_type="application/json")
        if "refused" in rest:
            return Response(b"{}", 422, media_type="application/json")
        fields = {"ETag": f'"{n}-abc"', "Link": f'</{rest}?cursor=x>; rel="next"'}
        media = "text/csv" if "csv" in rest else "application/json"
        return Response(b'{"n":%d,"as":"%b"}' % (n, b" " * self.body_bytes), 200, fields, media)


class World:
    def __init__(self, harness: Harness, owner: Owner) -> None:
        self.harness = harness
        self.owner = owner

    async def get(self, path: str = ITEM, *roles: str, subject: str = "tester", **headers: str) -> httpx.Response:
        async with self.harness.client(*roles, subject=subject) as client:
            return await client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    async def write(self, path: str, method: str = "POST") -> httpx.Response:
        async with self.harness.client("coordinator") as client:
            return await client.request(method, path)

    async def happens(self, **event: Any) -> None:
        """A fact that another process appends to the feed."""
        await append(self.harness.gateway, an_event(**event))
        await self.harness.gateway.live.catch_up()

    async def is_kept(self, path: str = ITEM) -> bool:
        before = self.owner.asked.total()
        await self.get(path)
        return self.owner.asked.total() == before


@asynccontextmanager
async def a_world(folder: Path, **settings: Any) -> AsyncIterator[World]:
    owner = Owner()
    url = f"sqlite+aiosqlite:///{folder / 'gateway.db'}"
    async with served(owner.app) as at:
        given: dict[str, Any] = {"registry_url": at, "catalog_url": at, "adoption_url": at, "page_fresh_s": 60} | settings
        async with a_gateway(url, folder, **given) as harness:
            yield World(harness, owner)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path) as made:
        yield made


@pytest.mark.parametrize("path", [ITEM, LIST])
async def test_what_was_said_is_said_again_with_the_same_fields(world: World, path: str) -> None:
    first, again = await world.get(path), await world.get(path)

    assert world.owner.asked.total() == 1
    assert again.content == first.content
    kept, given = ({n: v for n, v in one.headers.items() if n not in OF_ONE_ANSWER} for one in (again, first))
    assert kept == given
    assert again.headers["x-request-id"] != first.headers["x-request-id"]


async def test_who_has_it_already_hears_only_that(world: World) -> None:
    first = await world.get()
    unchanged = await world.get(If_None_Match=f'"other", {first.headers["etag"]}')
    changed = await world.get(If_None_Match='"other"')

    assert world.owner.asked.total() == 1
    assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", first.headers["etag"])
    assert (changed.status_code, changed.content) == (200, first.content)


async def test_each_caller_has_answers_of_their_own(world: World) -> None:
    callers: list[tuple[tuple[str, ...], str]] = [
        ((), "tester"),
        (("coordinator",), "one"),
        (("coordinator",), "other"),
        (("auditor",), "one"),
        (("agency:097:sapoc",), "one"),
        (("agency:098:sapoc",), "one"),
        (("qsmo:cybersecurity",), "one"),
        (("qsmo:payroll",), "one"),
    ]
    said = {(await world.get(ITEM, *roles, subject=subject)).content for roles, subject in callers}

    assert len(said) == len(callers)
    assert world.owner.asked.total() == len(callers)


async def test_another_query_is_another_question(world: World) -> None:
    for query in ("", "?as_of=2020-01-01", "?as_of=2020-01-02", "?fields=id"):
        await world.get("/v1/designations" + query)

    assert world.owner.asked.total() == 4


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/v1/organizations", "POST"),
        ("/v1/plans/p/refused", "POST"),
        ("/v1/posts/p/nowhere", "DELETE"),
        ("/v1/webhooks", "POST"),
    ],
)
async def test_a_write_here_is_seen_by_the_next_read_here(world: World, path: str, method: str) -> None:
    await world.get()
    await world.get(LIST)
    assert await world.is_kept()
    assert await world.is_kept(LIST)

    await world.write(path, method)

    assert not await world.is_kept()
    assert not await world.is_kept(LIST)


async def test_what_was_asked_before_a_write_is_not_kept_after_it(world: World) -> None:
    world.owner.holds = asyncio.Event()
    reading = asyncio.create_task(world.get())
    while not world.owner.asked:
        await asyncio.sleep(0.001)
    await world.write("/v1/organizations")
    world.owner.holds.set()
    old = await reading

    assert (await world.get()).content != old.content


async def test_a_fact_from_elsewhere_ends_what_was_said(world: World) -> None:
    await world.get()
    assert await world.is_kept()

    await world.happens(source="/registry", type="qsmo.registry.plan.submitted.v1")

    assert not await world.is_kept()
    assert await world.is_kept(), "the service itself knew the fact before the feed did"


async def test_of_a_service_that_has_yet_to_hear_of_a_fact_nothing_is_kept(world: World) -> None:
    path = "/v1/adoptions"
    await world.get(path)
    assert await world.is_kept(path)

    await world.happens(source="/registry", type="qsmo.registry.plan.submitted.v1")

    assert not await world.is_kept(path)
    assert not await world.is_kept(path)
    await asyncio.sleep(0.6)
    assert not await world.is_kept(path)
    assert await world.is_kept(path)


async def test_nothing_is_said_for_longer_than_the_stated_time(tmp_path: Path) -> None:
    async with a_world(tmp_path, page_fresh_s=0.2) as world:
        await world.get()
        assert await world.is_kept()
        await asyncio.sleep(0.25)

        assert not await world.is_kept()


@pytest.mark.parametrize(
    "path",
    ["/v1/search?q=x", "/v1/imports/organizations", "/v1/parked-rows", "/v1/organizations/nowhere", "/v1/organizations/csv"],
)
async def test_what_changes_by_itself_or_is_no_answer_is_not_kept(world: World, path: str) -> None:
    await world.get(path)

    assert not await world.is_kept(path)


async def test_who_names_writes_is_answered_by_the_service(world: World) -> None:
    await world.get()
    asked = world.owner.asked.total()
    await world.get(QSMO_After="registry@1/x")

    assert world.owner.asked.total() == asked + 1


async def test_what_is_kept_is_bounded_by_its_bytes(tmp_path: Path) -> None:
    async with a_world(tmp_path, answers_bytes_max=10_000) as world:
        world.owner.body_bytes = 1_000
        for n in range(10):
            await world.get(f"/v1/organizations/o-{n}")

        assert await world.is_kept("/v1/organizations/o-9")
        assert not await world.is_kept("/v1/organizations/o-0")


@pytest.mark.parametrize(("bytes_max", "body_bytes"), [(0, 1), (10_000, 10_000), (32 << 20, ANSWER_BYTES_MAX)])
async def test_what_has_no_room_is_not_kept(tmp_path: Path, bytes_max: int, body_bytes: int) -> None:
    async with a_world(tmp_path, answers_bytes_max=bytes_max) as world:
        world.owner.body_bytes = body_bytes
        await world.get()

        assert not await world.is_kept()


async def test_in_the_whole_program_reads_follow_writes_here_and_elsewhere(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    async with embedded(folder, url="http://gateway", starter=False) as app:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        bearer = f"Bearer {folder.issuer.token(subject='tester', roles=['coordinator'])}"
        signed = {"Authorization": bearer}
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=signed) as client:

            async def names() -> list[str]:
                return [item["name"] for item in (await client.get("/v1/organizations")).json()["items"]]

            for n in range(5):
                assert f"Here {n}" not in await names()
                made = await client.post("/v1/organizations", json={"name": f"Here {n}", "kind": "office"})
                assert f"Here {n}" in await names()
                item = await client.get(made.headers["location"])
                assert item.headers["etag"] == made.headers["etag"]

            async def body() -> AsyncIterator[bytes]:
                yield b'{"name":"Elsewhere","kind":"office"}'

            registry = app.state.context.upstreams["registry"]
            await names()
            fields = [(b"content-type", b"application/json")]
            said = await registry.call("POST", "/v1/organizations", authorization=bearer, headers=fields, body=body())
            assert said.status == 201
            async with asyncio.timeout(app.state.context.settings.page_fresh_s):
                while "Elsewhere" not in await names():
                    await asyncio.sleep(0.01)
