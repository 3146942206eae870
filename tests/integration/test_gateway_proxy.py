from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from services.gateway.http1 import Http1
from services.registry.app import create_app as registry_app
from services.registry.config import Settings as RegistrySettings
from tests.unit.gateway.builders import Harness, a_gateway, connections_for, served, unused_port


def an_echo() -> FastAPI:
    """A service that answers with what it was sent."""
    app = FastAPI(openapi_url=None)

    @app.api_route("/v1/offerings/{rest:path}", methods=["GET", "POST", "PUT", "DELETE", "PATCH"])
    async def echo(request: Request) -> Response:
        body = await request.body()
        seen = {
            "method": request.method,
            "target": request.scope["raw_path"].decode() + "?" + request.url.query,
            "headers": [(name.decode(), value.decode()) for name, value in request.scope["headers"]],
            "bytes": len(body),
        }
        headers = {"ETag": '"7-abc"', "X-Odd": "kept", "Connection": "keep-alive", "X-Request-Id": "upstream's own"}
        return Response(orjson.dumps(seen), 418, headers, "application/vnd.odd+json")

    @app.get("/v1/providers/cut")
    async def cut() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"begun"
            raise ConnectionResetError

        return StreamingResponse(parts())

    @app.get("/v1/providers/slow")
    async def slow() -> None:
        await asyncio.sleep(30)

    return app


@pytest.fixture
async def over_http(tmp_path: Path) -> AsyncIterator[Harness]:
    """The catalog answers over HTTP; nothing listens where the registry and adoption should be."""
    async with served(an_echo()) as catalog:
        url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
        async with a_gateway(url, tmp_path, catalog_url=catalog, upstream_deadline_s=0.5) as harness:
            yield harness


async def test_requests_and_answers_go_through_unchanged(over_http: Harness) -> None:
    async with over_http.client("omb") as client:
        answer = await client.put(
            "/v1/offerings/a%2Fb%20c?filter=a%3D%22b%22&x=1&x=2",
            content=b"x" * 100_000,
            headers={"If-Match": '"3"', "Connection": "x-private", "X-Private": "hop", "X-Request-Id": "my-id"},
        )
    seen = answer.json()
    headers = dict(seen["headers"])

    assert answer.status_code == 418
    assert answer.headers["content-type"] == "application/vnd.odd+json"
    assert answer.headers["etag"] == '"7-abc"'
    assert answer.headers["x-odd"] == "kept"
    assert answer.headers.get_list("x-request-id") == ["my-id"]
    assert not {"date", "server"} & set(answer.headers)  # whoever serves the gateway adds its own
    assert seen["method"] == "PUT"
    assert seen["target"] == "/v1/offerings/a%2Fb%20c?filter=a%3D%22b%22&x=1&x=2"
    assert seen["bytes"] == 100_000
    assert headers["if-match"] == '"3"'
    assert headers["authorization"].startswith("Bearer ")
    assert headers["x-request-id"] == "my-id"
    assert "traceparent" in headers
    assert "x-private" not in headers


async def test_a_body_of_unknown_length_is_streamed_through(over_http: Harness) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"y" * 10_000
            await asyncio.sleep(0.04)  # longer in all than the deadline, which runs only while the service is asked

    async with over_http.client() as client:
        answer = await client.post("/v1/offerings/x", content=chunks())

    assert answer.json()["bytes"] == 200_000


async def test_a_service_that_nothing_listens_for_is_named_with_the_time_since(over_http: Harness) -> None:
    async with over_http.client() as client:
        first = await client.get("/v1/adoptions")
        again = await client.get("/v1/adoptions")

    assert first.status_code == again.status_code == 503
    assert first.headers["content-type"] == "application/problem+json"
    assert first.headers["retry-after"]
    problem = first.json()
    assert (problem["type"], problem["service"]) == ("/problems/unavailable", "adoption")
    assert problem["since"] == again.json()["since"]
    assert problem["since"] in problem["detail"]


async def test_a_service_that_does_not_answer_in_time_is_named(over_http: Harness) -> None:
    begun = time.monotonic()
    async with over_http.client() as client:
        answer = await client.get("/v1/providers/slow")

    assert answer.status_code == 503
    assert answer.json()["service"] == "catalog"
    assert time.monotonic() - begun < 2


async def test_an_answer_that_breaks_off_is_not_passed_on_as_whole(over_http: Harness) -> None:
    async with served(over_http.app) as url, httpx.AsyncClient(base_url=url) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/v1/providers/cut")


@asynccontextmanager
async def dying_behind_its_head() -> AsyncIterator[str]:
    """A service that is killed between head and body of an answer."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.transport.abort()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def test_a_service_that_dies_between_head_and_body_is_merely_away(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
    async with (
        dying_behind_its_head() as catalog,
        a_gateway(url, tmp_path, catalog_url=catalog) as harness,
        harness.client() as client,
    ):
        answer = await client.get("/v1/offerings/x")

    assert answer.status_code == 503
    assert answer.json()["service"] == "catalog"


async def test_a_service_that_comes_back_is_not_away_any_more(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
    async with a_gateway(url, tmp_path, catalog_url=f"http://127.0.0.1:{unused_port()}") as harness, harness.client() as client:
        catalog = harness.gateway.upstreams["catalog"]
        assert (await client.get("/v1/offerings/x")).status_code == 503
        assert catalog.down_since is not None
        async with served(an_echo()) as back:
            catalog._transport = Http1(back)
            assert (await client.get("/v1/offerings/x")).status_code == 418
        assert catalog.down_since is None


# --- composition over a real registry, a catalog that hangs and an adoption service that fails


def hanging() -> FastAPI:
    app = FastAPI(openapi_url=None)

    @app.get("/{rest:path}")
    async def hang(rest: str) -> None:
        await asyncio.sleep(30)

    return app


def failing() -> FastAPI:
    app = FastAPI(openapi_url=None)

    @app.get("/{rest:path}")
    async def fail(rest: str) -> Response:
        return Response(b"<html>oops", 500)

    return app


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[Harness]:
    connections, _ = connections_for(tmp_path)
    settings = RegistrySettings(database_url=f"sqlite+aiosqlite:///{tmp_path / 'registry.db'}", migrate=True)
    registry = registry_app(settings, connections=connections)
    services = {"registry": registry, "catalog": hanging(), "adoption": failing()}
    url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
    async with (
        registry.router.lifespan_context(registry),
        a_gateway(url, tmp_path, services=services, compose_deadline_s=0.3, upstream_deadline_s=2) as harness,
    ):
        yield harness


async def a_designation(client: httpx.AsyncClient) -> None:
    async def post(path: str, **body: Any) -> Any:
        answer = await client.post(path, json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    await post("/v1/policies", id="m-19-16", title="M-19-16", issuer="OMB", issued_on="2019-04-26")
    service = {"slug": "dns", "title": "Protective DNS"}
    await post("/v1/focus-areas", id="cybersecurity", title="Cybersecurity <b>", policy="m-19-16", services=[service])
    cisa = await post("/v1/organizations", name="CISA", kind="component")
    body = {"focus_area": "cybersecurity", "service": "dns", "organization_id": cisa["id"], "effective_on": "2019-04-26"}
    await post("/v1/designations/pre-designate", **body, policy="m-19-16", clause="I")


async def test_the_overview_serves_what_there_is_and_names_what_is_missing(embedded: Harness) -> None:
    async with embedded.client("omb", "coordinator") as client:
        await a_designation(client)
        begun = time.monotonic()
        page = (await client.get("/v1/regime")).json()
        (area,), missing = page["items"], page["missing"]
        took_s = time.monotonic() - begun
        (before,) = (await client.get("/v1/regime?as_of=2019-01-01")).json()["items"]

    (service,) = area["services"]
    assert (service["status"], service["lead"]["name"]) == ("pre_designated", "CISA")
    assert area["marketplace"]["unavailable"]["service"] == "catalog"
    assert area["offerings"]["unavailable"]["since"]
    assert area["adoptions"]["unavailable"]["service"] == "adoption"
    assert before["services"][0]["status"] is None
    assert missing == ["catalog", "adoption"]
    assert took_s < 0.8


async def test_the_start_page_works_without_the_catalog_and_escapes_what_it_shows(embedded: Harness) -> None:
    async with embedded.client("omb", "coordinator") as client:
        await a_designation(client)
        page = await client.get("/")

    assert page.status_code == 200
    assert "Cybersecurity &lt;b&gt;" in page.text
    assert "CISA" in page.text
    assert "The catalog service does not answer" in page.text
    assert "unsafe" not in page.headers["content-security-policy"]


async def test_the_state_machines_of_those_who_answer_are_shown(embedded: Harness) -> None:
    async with embedded.client() as client:
        services = (await client.get("/v1/meta/state-machines")).json()["services"]

    assert {machine["name"] for machine in services["registry"]} >= {"designation"}
    assert services["catalog"]["unavailable"]["service"] == "catalog"


async def test_the_document_covers_the_services_that_answer_and_says_which_do_not(embedded: Harness) -> None:
    async with embedded.client() as client:
        document = (await client.get("/openapi.json")).json()
        docs = await client.get("/docs")

    assert document["openapi"].startswith("3.1")
    assert {"/v1/events", "/v1/regime", "/v1/policies", "/v1/imports/{kind}", "/v1/imports/fedramp"} <= set(document["paths"])
    assert "catalog, adoption" in document["info"]["description"]
    ids = [op["operationId"] for item in document["paths"].values() for op in item.values()]
    assert len(ids) == len(set(ids))
    text = orjson.dumps(document).decode()
    for name in {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}:
        assert name in document["components"]["schemas"]
    assert docs.status_code == 200
    assert "/v1/designations/{id}/designate" in docs.text


async def test_an_operation_of_nobody_is_not_found_only_when_all_could_be_asked(embedded: Harness) -> None:
    async with embedded.client("coordinator") as client:
        answer = await client.get("/v1/operations/none")

    assert answer.status_code == 503


async def test_pages_for_problems_and_keys_and_static_files(embedded: Harness) -> None:
    async with embedded.client() as client:
        for path in ("/problems", "/problems/stale-version", "/.well-known/jwks.json", "/static/live.js", "/static/icon.svg"):
            assert (await client.get(path)).status_code == 200, path
        start = (await client.get("/")).text
        style = start.split('rel="stylesheet" href="')[1].split('"')[0]
        kept = await client.get(style)
        for path in ("/problems/nonsense", "/static/nonsense", "/v1/nonsense"):
            missing = await client.get(path)
            assert (missing.status_code, missing.json()["type"]) == (404, "/problems/not-found")

    assert "immutable" in kept.headers["cache-control"]
