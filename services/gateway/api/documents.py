"""The API document, its pages, problem types and the development issuer's keys."""

from __future__ import annotations

from functools import cache
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from services.gateway.context import Gateway
from services.gateway.dashboard import render
from services.gateway.documents import Merged
from services.gateway.problems import PROBLEMS
from shared.contracts import generate
from shared.kernel.errors import NotFound
from shared.web.wire import Slug

_METHODS = ("get", "post", "put", "patch", "delete")
router = APIRouter(include_in_schema=False)


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


@router.get("/docs")
async def show_docs(request: Request) -> Response:
    merged = await _merged(request)
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, item in merged.document["paths"].items():
        for method in _METHODS:
            if method in item:
                operation = item[method]
                groups.setdefault(operation.get("tags", ["other"])[0], []).append(_shown(method, path, operation))
    description = merged.document["info"]["description"]
    return render.page("docs.html", groups=dict(sorted(groups.items())), missing=merged.missing, description=description)


def _shown(method: str, path: str, operation: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {})
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation.get("summary", ""),
        "description": operation.get("description", ""),
        "parameters": [{"required": False, "description": "", **p} for p in operation.get("parameters", [])],
        "body": ", ".join(f"{media} {_model(content)}".strip() for media, content in body.items()),
        "answers": [f"{status} {answer.get('description', '')}".strip() for status, answer in operation["responses"].items()],
    }


def _model(content: dict[str, Any]) -> str:
    return str(content.get("schema", {}).get("$ref", "")).rpartition("/")[2]


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
