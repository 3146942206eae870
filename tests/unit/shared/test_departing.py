from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Response

from shared.kernel.errors import NotFound
from shared.web.app import build_app
from shared.web.departing import going_away

SINCE, UNTIL = date(2027, 1, 1), date(2027, 7, 1)


def an_app() -> FastAPI:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield

    router = APIRouter()

    @router.get("/v1/old/{id}", **going_away(since=SINCE, until=UNTIL, instead="/v1/new"))
    async def show_old(id: str) -> Response:
        if id == "none":
            raise NotFound("There is none.")
        return Response("{}", headers={"Link": '</v1/old?cursor=x>; rel="next"'})

    @router.get("/v1/new")
    async def show_new() -> Response:
        return Response("{}")

    return build_app(
        service="registry", title="Registry", description="", lifespan=lifespan, routers=[router], ready_checks=lambda _: {}
    )


async def asked(path: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(an_app()), base_url="http://a") as client:
        return await client.get(path)


@pytest.mark.parametrize("path", ["/v1/old/one", "/v1/old/none"])
async def test_each_answer_of_what_goes_away_says_since_when_until_when_and_what_instead(path: str) -> None:
    headers = (await asked(path)).headers

    assert headers["deprecation"] == "@1798761600"
    assert headers["sunset"] == "Thu, 01 Jul 2027 00:00:00 GMT"
    links = headers["link"]
    assert '</docs/operations/show_old>; rel="deprecation"; type="text/html"' in links
    assert '</v1/new>; rel="successor-version"' in links
    assert ('rel="next"' in links) == (path == "/v1/old/one")


async def test_what_stays_says_nothing() -> None:
    headers = (await asked("/v1/new")).headers

    assert not {"deprecation", "sunset", "link"} & headers.keys()


def test_the_document_says_so_too() -> None:
    paths: dict[str, Any] = an_app().openapi()["paths"]
    told = paths["/v1/old/{id}"]["get"]

    assert told["deprecated"]
    assert (told["x-deprecated-since"], told["x-sunset"], told["x-instead"]) == ("2027-01-01", "2027-07-01", "/v1/new")
    assert "deprecated" not in paths["/v1/new"]["get"]


def test_it_is_told_half_a_year_ahead() -> None:
    with pytest.raises(ValueError, match="180 days ahead; from 2027-01-01 that is 2027-06-30"):
        going_away(since=SINCE, until=date(2027, 6, 29), instead="/v1/new")
