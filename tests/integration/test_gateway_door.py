from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Response

from tests.unit.gateway.builders import Harness, a_gateway, served

SECURITY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"


def a_service() -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.state.let_go = asyncio.Event()

    @app.get("/v1/offerings/slow")
    async def slow() -> dict[str, str]:
        await app.state.let_go.wait()
        return {}

    @app.get("/v1/offerings/own-policy")
    async def own() -> Response:
        return Response("{}", headers={"Referrer-Policy": "same-origin"})

    return app


@pytest.fixture
async def behind(sqlite: str, tmp_path: Path) -> AsyncIterator[tuple[Harness, FastAPI]]:
    app = a_service()
    async with (
        served(app) as catalog,
        a_gateway(sqlite, tmp_path, catalog_url=catalog, requests_max=3, streams_max=3, streams_per_caller=2) as harness,
    ):
        yield harness, app
        app.state.let_go.set()


async def test_a_caller_who_asks_too_often_is_told_when_to_come_again(sqlite: str, tmp_path: Path) -> None:
    limits: dict[str, Any] = {"rate_anonymous_per_s": 0.1, "rate_anonymous_burst": 3, "rate_per_s": 0.1, "rate_burst": 5}
    async with a_gateway(sqlite, tmp_path, **limits) as harness:
        async with harness.client() as public:
            answers = [await public.get("/v1/events") for _ in range(4)]
            probes = [await public.get("/livez") for _ in range(10)]
        async with harness.client("omb", subject="ann") as ann, harness.client("omb", subject="bob") as bob:
            anns = [(await ann.get("/v1/events")).status_code for _ in range(6)]
            bobs = (await bob.get("/v1/events")).status_code
        async with harness.client() as forged:
            tokens = [f"Bearer forged-{n}" for n in range(2)]
            fakes = [(await forged.get("/v1/events", headers={"Authorization": token})).status_code for token in tokens]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["ratelimit"].split(";")[1] for answer in answers] == ["r=2", "r=1", "r=0", "r=0"]
    assert answers[0].headers["ratelimit-policy"] == '"default";q=3;w=30'
    refused = answers[3]
    assert 1 <= int(refused.headers["retry-after"]) <= 10
    assert (refused.headers["content-type"], refused.json()["type"]) == (
        "application/problem+json",
        "/problems/too-many-requests",
    )
    assert refused.headers["x-request-id"]
    assert {probe.status_code for probe in probes} == {200}
    assert (anns, bobs) == ([200] * 5 + [429], 200)
    assert fakes == [429, 429], "a token that is none does not open a quota of its own"


async def test_what_costs_more_counts_more(sqlite: str, tmp_path: Path) -> None:
    async with (
        a_gateway(sqlite, tmp_path, rate_anonymous_per_s=1, rate_anonymous_burst=30) as harness,
        harness.client() as client,
    ):
        first = await client.get("/v1/exports?resource=events")
        second = await client.get("/v1/exports?resource=events")

    assert first.headers["ratelimit"] == '"default";r=10;t=20'
    assert second.status_code == 429


async def test_more_than_can_be_served_is_sent_away_and_probes_are_not(behind: tuple[Harness, FastAPI]) -> None:
    harness, service = behind
    async with harness.client() as client:
        waiting = [asyncio.create_task(client.get("/v1/offerings/slow")) for _ in range(3)]
        await asyncio.sleep(0.2)
        refused = await client.get("/v1/events")
        probe = await client.get("/readyz")
        service.state.let_go.set()
        served_all = [answer.status_code for answer in await asyncio.gather(*waiting)]
        after = await client.get("/v1/events")

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["type"] == "/problems/overloaded"
    assert probe.status_code == 200
    assert (served_all, after.status_code) == ([200] * 3, 200)


async def test_a_caller_has_so_many_streams_and_a_server_so_many(behind: tuple[Harness, FastAPI]) -> None:
    harness, _ = behind
    async with harness.client() as public, harness.client("omb", subject="ann") as ann:
        polls = [asyncio.create_task(client.get("/v1/events?wait=20")) for client in (public, public, ann)]
        await asyncio.sleep(0.2)
        of_caller = await public.get("/v1/events?wait=20")
        of_server = await ann.get("/v1/events?wait=20")
        plain = await public.get("/v1/events")
        harness.app.state.closing.set()
        done = [answer.status_code for answer in await asyncio.gather(*polls)]

    assert (of_caller.status_code, of_caller.json()["type"]) == (429, "/problems/too-many-requests")
    assert (of_server.status_code, of_server.json()["type"]) == (503, "/problems/overloaded")
    assert plain.status_code == 200
    assert done == [200, 200, 200]


async def test_a_stream_that_ends_gives_its_place_back(behind: tuple[Harness, FastAPI]) -> None:
    harness, _ = behind
    async with served(harness.app) as url, httpx.AsyncClient(base_url=url, timeout=10) as client:
        for _ in range(6):
            async with client.stream("GET", "/v1/events/stream") as stream:
                assert stream.status_code == 200
                assert await anext(stream.aiter_lines())
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "path",
    ["/v1/events", "/v1/nonsense", "/v1/adoptions", "/livez", "/problems", "/docs", "/", "/v1/audit", "/openapi.json"],
)
async def test_every_answer_has_security_headers(behind: tuple[Harness, FastAPI], path: str) -> None:
    harness, _ = behind
    async with harness.client() as client:
        answer = await client.get(path)

    for name, value in SECURITY.items():
        if name != "content-security-policy" or not answer.headers["content-type"].startswith("text/html"):
            assert answer.headers[name] == value, name
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert len(answer.headers.get_list("x-content-type-options")) == 1


async def test_a_fault_of_ours_has_them_too_and_tells_nothing(sqlite: str, tmp_path: Path) -> None:
    async with a_gateway(sqlite, tmp_path) as harness, harness.client() as client:
        harness.gateway.reader = None  # type: ignore[assignment]
        answer = await client.get("/v1/audit/head")

    assert answer.status_code == 500
    assert answer.headers["x-frame-options"] == "DENY"
    assert "NoneType" not in answer.text


async def test_fields_of_the_answer_itself_go_first_and_tls_is_remembered(behind: tuple[Harness, FastAPI]) -> None:
    harness, _ = behind
    async with harness.client() as client:
        own = await client.get("/v1/offerings/own-policy")
        secure = await client.get("https://gateway/livez")

    assert own.headers.get_list("referrer-policy") == ["same-origin"]
    assert "strict-transport-security" in secure.headers
    assert "strict-transport-security" not in own.headers
