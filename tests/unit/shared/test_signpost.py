"""The short way to a route is the router's own way."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.routing import iter_route_contexts
from starlette.types import Receive, Scope, Send

from services.embedded import embedded
from services.installation import DataFolder
from shared.web.signpost import Signpost

VALUES = ("0190a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "mine", "7", "a b")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class _Router(APIRouter):
    """Says in the scope that it was asked itself."""

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["asked_itself"] = True
        await super().app(scope, receive, send)


def an_app() -> FastAPI:
    async def asked(request: Request, word: Annotated[str, Depends(lambda: "kept")]) -> Response:
        return Response(f"{request.scope['route'].path} {request.path_params} {word} {'asked_itself' in request.scope}")

    inner, outer = APIRouter(prefix="/inner"), APIRouter(prefix="/v1/things")
    for path in ("", "/mine", "/{id}", "/{id}/parts/{part:path}"):
        outer.add_api_route(path, asked, methods=["GET"])
    outer.add_api_route("/{id}", asked, methods=["PUT"])
    inner.add_api_route("/{n:int}", asked, methods=["GET"])
    outer.include_router(inner)
    app = FastAPI()
    app.router = _Router(routes=app.router.routes)
    app.include_router(outer)
    app.include_router(inner)
    app.add_api_route("/{anything}/at/all", asked)
    return app


def at(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app")


@pytest.mark.parametrize(
    ("method", "path", "is_known"),
    [
        ("GET", "/v1/things", True),
        ("GET", "/v1/things/mine", True),
        ("GET", "/v1/things/a%2Fb", False),
        ("GET", "/v1/things/7", True),
        ("PUT", "/v1/things/7", True),
        ("GET", "/v1/things/7/parts/a/b/c", True),
        ("GET", "/v1/things/inner/7", True),
        ("GET", "/inner/7", True),
        ("GET", "/inner/seven", False),
        ("DELETE", "/v1/things/7", False),
        ("GET", "/v1/things/", False),
        ("GET", "/v1/at/all", True),
        ("GET", "/v1/nothing", False),
        ("GET", "/nothing", False),
        ("GET", "/", False),
    ],
)
async def test_it_leads_where_the_router_would(method: str, path: str, is_known: bool) -> None:
    plain, short = an_app(), an_app()
    short.router.middleware_stack = Signpost(short.router)
    async with at(plain) as one, at(short) as other:
        expected, found = await one.request(method, path), await other.request(method, path)

    assert found.status_code == expected.status_code
    assert found.is_success == is_known
    assert found.text == (expected.text.replace("True", "False") if is_known else expected.text)


async def test_every_path_of_every_service_leads_to_the_same_route_either_way(tmp_path: Path) -> None:
    async with embedded(DataFolder(tmp_path), starter=False) as gateway:
        apps = [gateway, *(upstream._transport._app for upstream in gateway.state.context.upstreams.values())]
        asked = 0
        for app in apps:
            templates = {str(found.path) for found in iter_route_contexts(app.router.routes)}
            for template in sorted(templates):
                for value in VALUES:
                    path = re.sub(r"\{[^}]*\}", value, template)
                    for method in METHODS:
                        assert _by_signpost(app, method, path) == _by_router(app, method, path), (method, path)
                        asked += 1
    assert asked > 5_000


def _scope(method: str, path: str) -> dict[str, Any]:
    return {"type": "http", "method": method, "path": path, "headers": [], "query_string": b"", "root_path": ""}


def _by_signpost(app: FastAPI, method: str, path: str) -> Any:
    signpost = app.router.middleware_stack
    assert isinstance(signpost, Signpost)
    scope = _scope(method, path)
    way = signpost.find(scope)
    return None if way is None else (way.route, scope["path_params"], scope["endpoint"])


def _by_router(app: FastAPI, method: str, path: str) -> Any:
    """The first that takes the request as it stands, as FastAPI finds it."""
    for found in iter_route_contexts(app.router.routes):
        scope = _scope(method, path)
        if (context := found._route_context) is not None:
            scope["fastapi"] = {"effective_route_context": context}
        match, child = found.original_route.matches(scope)
        if match.name == "FULL":
            return (found.original_route, child["path_params"], child["endpoint"])
    return None
