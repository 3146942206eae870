"""The API document, its pages, problem types and the development issuer's keys."""

from __future__ import annotations

from functools import cache
from typing import Any

import orjson
from fastapi import Request, Response

from services.gateway import reference
from services.gateway.context import Gateway
from services.gateway.dashboard import render
from services.gateway.documents import Merged
from services.gateway.problems import PROBLEMS
from shared.contracts import generate
from shared.kernel.errors import NotFound
from shared.web.routes import Router
from shared.web.wire import Identifier, Slug

router = Router(include_in_schema=False)


@router.get("/openapi.json", name="merged document")
async def show_document(request: Request) -> Response:
    return Response((await _merged(request)).text, media_type="application/json")


async def _merged(request: Request) -> Merged:
    gateway: Gateway = request.app.state.context
    return await gateway.documents.merged(request.app.openapi())


@cache
def _events_document() -> bytes:
    return generate.asyncapi_text()


@router.get("/asyncapi.json")
async def show_events_document() -> Response:
    """Every event, as AsyncAPI 3; the same as docs/asyncapi.json."""
    return Response(_events_document(), media_type="application/json", headers={"Cache-Control": "public, max-age=300"})


@cache
def _events() -> dict[str, Any]:
    return dict(orjson.loads(_events_document()))


@router.get("/schemas/{name}")
async def show_schema(name: Identifier) -> Response:
    """What an event's `dataschema` leads to."""
    found = _schemas().get(name)
    if found is None:
        raise NotFound(f"There is no schema {name!r}; /docs/events lists the types of events.")
    return Response(found, media_type="application/schema+json", headers={"Cache-Control": "public, max-age=300"})


@cache
def _schemas() -> dict[str, bytes]:
    return generate.schemas()


@router.get("/docs")
async def show_docs(request: Request) -> Response:
    merged = await _merged(request)
    groups: dict[str, list[dict[str, Any]]] = {}
    for method, path, operation in reference.operations(merged.document):
        shown = {"id": operation["operationId"], "method": method.upper(), "path": path}
        shown |= {"summary": operation.get("summary", ""), "deprecated": operation.get("deprecated", False)}
        groups.setdefault(operation.get("tags", ["other"])[0], []).append(shown)
    return render.page(
        "docs.html",
        groups=dict(sorted(groups.items())),
        about={tag["name"]: tag["description"] for tag in merged.document["tags"]},
        missing=merged.missing,
        description=merged.document["info"]["description"],
        origin=str(request.base_url).rstrip("/"),
    )


@router.get("/docs/operations/{name}")
async def show_operation(name: Identifier, request: Request) -> Response:
    merged = await _merged(request)
    found = reference.operation(merged.document, name)
    if found is None:
        raise NotFound(f"There is no operation {name!r}; /docs lists them.")
    return render.page("docs_operation.html", found=found)


@router.get("/docs/events")
async def show_events() -> Response:
    document = _events()
    return render.page("docs_events.html", groups=reference.events(document), description=document["info"]["description"])


@router.get("/docs/events/{name}")
async def show_event_type(name: Identifier) -> Response:
    found = reference.event(_events(), name)
    if found is None:
        raise NotFound(f"There is no type of events {name!r}; /docs/events lists them.")
    envelope = reference.model("CloudEvent", _events()["components"]["schemas"]["CloudEvent"])
    return render.page("docs_event.html", found=found, envelope=(envelope,))


@router.get("/problems")
async def list_problems() -> Response:
    return render.page("problems.html", problems=PROBLEMS)


@router.get("/problems/{kind}")
async def show_problem(kind: Slug) -> Response:
    if kind not in PROBLEMS:
        raise NotFound(f"There is no problem type {kind!r}; /problems lists them.")
    return render.page("problem.html", kind=kind, found=PROBLEMS[kind])


@router.get("/.well-known/jwks.json")
async def show_keys(request: Request) -> Response:
    """The development issuer's, for the services of an embedded installation and whoever else trusts it."""
    gateway: Gateway = request.app.state.context
    if gateway.development_issuer is None:
        raise NotFound("This installation has no issuer of its own.")
    return Response(orjson.dumps(gateway.development_issuer.jwks()), media_type="application/json")
