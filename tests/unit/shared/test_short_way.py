"""The short way to an endpoint ends where FastAPI's own does, and whatever is wrong with a request is refused alike."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Coroutine
from datetime import date
from enum import StrEnum
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from shared.web.short_way import ShortWay
from shared.web.signpost import Signpost
from shared.web.wire import Day, Identifier, Instant


class Colour(StrEnum):
    RED = "red"


class Thing(BaseModel):
    n: int
    parts: list[str] = []


calls: list[str] = []


async def who(request: Request) -> str:
    calls.append("who")
    return request.headers.get("x-who", "nobody")


async def page(me: Annotated[str, Depends(who)], limit: Annotated[int, Query(ge=1, le=9)] = 5) -> tuple[str, int]:
    return me, limit


Paged = Annotated[tuple[str, int], Depends(page)]
Who = Annotated[str, Depends(who)]


async def shown(
    id: Identifier,
    me: Who,
    paged: Paged,
    colour: Colour | None = None,
    is_big: bool | None = None,
    day: Annotated[Day | None, Query()] = None,
    at: Annotated[Instant | None, Query()] = None,
    word: Annotated[str | None, Query(alias="Word", max_length=3)] = None,
) -> Response:
    return Response(repr((id, me, paged, colour, is_big, day, at, word)))


async def made(body: Thing, me: Who) -> Response:
    return Response(f"{body!r} {me}", 201)


async def needing(must: int) -> Response:
    return Response(repr(must))


async def several(n: Annotated[list[int] | None, Query()] = None) -> Response:
    return Response(repr(n))


async def headed(x_word: Annotated[str | None, Header(max_length=3)] = None, must_be: Annotated[int, Header()] = 0) -> Response:
    return Response(repr((x_word, must_be)))


async def asked(thing: Annotated[Thing, Query()]) -> Response:
    return Response(repr(thing))


async def plain() -> dict[str, int]:
    return {"n": 1}


class Wrapping(APIRoute):
    """As that of the pages, which makes pages of errors."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def handler(request: Request) -> Response:
            return Response(b"wrapped " + (await inner(request)).body)

        return handler


def an_app(*, is_short: bool) -> FastAPI:
    app, router = FastAPI(dependencies=[Depends(who)]), APIRouter()
    router.add_api_route("/things/{id}", shown, methods=["GET"])
    router.add_api_route("/things", made, methods=["POST"])
    for path, endpoint in (
        ("/needing", needing),
        ("/several", several),
        ("/headed", headed),
        ("/asked", asked),
        ("/plain", plain),
    ):
        router.add_api_route(path, endpoint)
    app.include_router(router)
    wrapping = APIRouter(route_class=Wrapping)
    wrapping.add_api_route("/wrapped", needing)
    app.include_router(wrapping)
    if is_short:
        app.router.middleware_stack = Signpost(app.router)
    return app


def ways(app: FastAPI) -> dict[str, ShortWay | None]:
    signpost = app.router.middleware_stack
    assert isinstance(signpost, Signpost)
    signpost.find({"type": "http", "method": "GET", "path": "/"})
    return {way.path: way.short for some in signpost._ways.values() for way in some}


async def answered(app: FastAPI, method: str, path: str, **how: Any) -> tuple[int, str, list[str]]:
    calls.clear()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client:
        found = await client.request(method, path, **how)
    return found.status_code, found.text, list(calls)


def test_the_short_way_is_for_what_answers_itself() -> None:
    found = ways(an_app(is_short=True))

    assert {path for path, short in found.items() if short is None} >= {"/plain", "/wrapped", "/asked"}
    assert {path for path, short in found.items() if short is not None} == {
        "/things/{id}",
        "/things",
        "/needing",
        "/several",
        "/headed",
    }


@pytest.mark.parametrize(
    "path",
    [
        "/things/a",
        "/things/a?limit=3&colour=red&is_big=yes&day=2020-04-27&at=2020-04-27T00:00:00Z&Word=abc",
        "/things/a?limit=3&limit=4",
        "/things/a?colour=",
        "/things/a?limit=0",
        "/things/a?limit=x&colour=blue&day=1&at=2&Word=abcd",
        "/things/%20",
        "/things/a%20b",
        "/needing",
        "/needing?must=1",
        "/wrapped?must=1",
        "/several",
        "/several?n=1&n=2",
        "/several?n=x",
        "/headed",
        "/plain",
    ],
)
async def test_every_read_is_answered_as_fastapi_answers_it(path: str) -> None:
    how = {"headers": {"x-who": "me", "x-word": "w"}}

    assert await answered(an_app(is_short=True), "GET", path, **how) == await answered(
        an_app(is_short=False), "GET", path, **how
    )


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Word": ""},
        {"X-Word": "abcd"},
        [("x-word", "a"), ("x-word", "b")],
        {"must-be": "7"},
        {"must_be": "7"},
        {"must-be": "seven"},
    ],
)
async def test_every_header_is_read_as_fastapi_reads_it(headers: Any) -> None:
    both = [await answered(an_app(is_short=short), "GET", "/headed", headers=headers) for short in (True, False)]

    assert both[0] == both[1]


BODIES = (b'{"n": 1, "parts": ["a"]}', b'{"n": "x"}', b"{", b"", b"null", b"[]", b"[" * 10_000)
TYPES = ("application/json", "application/json; charset=utf-8", "application/merge-patch+json", "text/plain", None)


@pytest.mark.parametrize(("content", "media_type"), list(itertools.product(BODIES, TYPES)))
async def test_every_body_is_taken_or_refused_as_fastapi_does(content: bytes, media_type: str | None) -> None:
    how = {"content": content, "headers": {"content-type": media_type} if media_type else {}}

    assert await answered(an_app(is_short=True), "POST", "/things", **how) == await answered(
        an_app(is_short=False), "POST", "/things", **how
    )


async def test_what_several_depend_on_is_called_once() -> None:
    assert await answered(an_app(is_short=True), "GET", "/things/a") == (
        200,
        repr(("a", "nobody", ("nobody", 5), None, None, None, None, None)),
        ["who"],
    )


async def test_a_default_is_taken_as_it_stands_and_a_value_as_it_is_checked() -> None:
    _, text, _ = await answered(an_app(is_short=True), "GET", "/things/a?day=2020-04-27")

    assert repr(date(2020, 4, 27)) in text
