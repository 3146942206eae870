"""A route is looked at when it is first gone, and is then what FastAPI makes of it."""

from __future__ import annotations

from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Path, Query, Response

from shared.web.routes import LateRoute, Router
from shared.web.signpost import Signpost


async def listed(limit: Annotated[int, Query(ge=1)] = 5) -> Response:
    return Response(f"{limit}")


async def shown(id: str) -> dict[str, str]:
    return {"id": id}


def an_app(router: APIRouter) -> FastAPI:
    router.add_api_route("/things", listed)
    router.add_api_route("/things/{id}", shown, methods=["GET"])
    app = FastAPI()
    app.router.routes.extend(router.routes)  # as `build_app` does: including would look at each
    app.router.middleware_stack = Signpost(app.router)
    return app


def looked_at(router: Router) -> list[str]:
    return [route.path for route in router.routes if isinstance(route, LateRoute) and "_late" not in vars(route)]


async def answered(app: FastAPI, path: str) -> tuple[int, Any]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client:
        found = await client.get(path)
    return found.status_code, found.json()


async def test_a_request_has_its_own_route_looked_at_and_no_other() -> None:
    router = Router()
    app = an_app(router)
    assert looked_at(router) == []

    assert await answered(app, "/things/a") == (200, {"id": "a"})
    assert looked_at(router) == ["/things/{id}"]


@pytest.mark.parametrize("path", ["/things", "/things?limit=3", "/things?limit=0", "/things/a"])
async def test_it_answers_as_if_it_had_been_made_at_once(path: str) -> None:
    assert await answered(an_app(Router()), path) == await answered(an_app(APIRouter()), path)


def test_the_document_is_that_of_routes_made_at_once() -> None:
    assert an_app(Router()).openapi() == an_app(APIRouter()).openapi()


def test_what_is_wrong_with_a_declaration_is_said_each_time() -> None:
    async def wrong(id: Annotated[str, Path()] = "a") -> Response:
        return Response(id)

    route = LateRoute("/wrong/{id}", wrong)

    for _ in range(2):
        with pytest.raises(AssertionError, match="Path parameters cannot have default values"):
            route.dependant  # noqa: B018 - whatever is not there makes the route
