"""Builds a service's FastAPI application with every convention in place."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.kernel.errors import QsmoError
from shared.web import problems
from shared.web.document import completed
from shared.web.middleware import RequestFrame
from shared.web.routes import Router
from shared.web.signpost import Signpost
from shared.web.wire import Shown

Check = Callable[[], Awaitable[None]]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
# Without `model`: FastAPI would build a validator for each of them on each route.
_PROBLEM = {"content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {**_PROBLEM, "description": text}
    for status, text in {
        400: "Malformed",
        401: "Sign in first",
        403: "Not allowed",
        404: "Not there",
        409: "Refused by a rule or the state of things",
        412: "Stale",
        413: "Too large",
        415: "Media type not understood",
        422: "Invalid content",
        428: "If-Match is needed",
        429: "Too many requests",
        503: "Not available for now",
    }.items()
}


class Health(Shown):
    """`checks`: name → "ok" or what is wrong."""

    status: str
    checks: dict[str, str]


def build_app(
    *,
    service: str,
    title: str,
    description: str,
    lifespan: Lifespan,
    routers: Sequence[APIRouter],
    ready_checks: Callable[[FastAPI], Mapping[str, Check]],
) -> FastAPI:
    """An app whose every answer follows api.md. `ready_checks` is asked at each `/readyz`.

    Setting `app.state.closing` says that the process is about to stop.
    """
    app = FastAPI(
        title=title,
        description=description,
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # Measured in shared.telemetry; asking whether somebody else wants to know costs each request as much as its limits do.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.closing = asyncio.Event()

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app, routers)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents for extending the document
    problems.install(app)
    for router in (*routers, _operations(ready_checks)):
        app.router.routes.extend(router.routes)
    app.router.middleware_stack = Signpost(app.router)
    app.add_middleware(RequestFrame, service=service)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name


def _described(app: FastAPI, routers: Sequence[APIRouter]) -> dict[str, Any]:
    """By FastAPI, which makes every route a second time for it: a sixth of a start, paid by whoever asks for the document."""
    described = FastAPI(
        title=app.title,
        description=app.description,
        version=app.version,
        responses=REFUSALS,
        generate_unique_id_function=_operation_id,
    )
    for router in routers:
        described.include_router(router)
    return completed(described.openapi())


def _operations(ready_checks: Callable[[FastAPI], Mapping[str, Check]]) -> Router:
    router = Router(include_in_schema=False)

    @router.get("/livez")
    async def livez() -> Health:
        return Health(status="ok", checks={})

    @router.get("/readyz")
    async def readyz(request: Request) -> Response:
        if request.app.state.closing.is_set():
            return Response(Health(status="stopping", checks={}).model_dump_json(), 503, media_type="application/json")
        checks = {name: await _outcome(check) for name, check in ready_checks(request.app).items()}
        ready = all(outcome == "ok" for outcome in checks.values())
        health = Health(status="ok" if ready else "unready", checks=checks)
        return Response(health.model_dump_json(), 200 if ready else 503, media_type="application/json")

    @router.get("/internal/progress")
    async def progress(request: Request) -> dict[str, int]:
        """For other services and operators, not for the gateway's callers: how far facts have come."""
        found: dict[str, int] = await request.app.state.context.progress()
        return found

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return router


async def _outcome(check: Check) -> str:
    try:
        await check()
    except QsmoError as error:
        return error.detail
    return "ok"
