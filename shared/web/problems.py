"""Errors → RFC 9457 problem details, by one table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.status import HTTP_404_NOT_FOUND, HTTP_405_METHOD_NOT_ALLOWED

from shared import telemetry
from shared.auth import Unauthenticated
from shared.kernel import errors
from shared.web.signpost import Signpost

MEDIA_TYPE = "application/problem+json"
_BY_ERROR: tuple[tuple[type[errors.QsmoError], int, str, str], ...] = (
    (errors.Malformed, 400, "malformed", "The request cannot be understood"),
    (errors.Invalid, 422, "invalid", "What was sent is not valid"),
    (errors.Forbidden, 403, "forbidden", "You may not do this"),
    (errors.NotFound, 404, "not-found", "There is no such thing"),
    (errors.StaleVersion, 412, "stale-version", "It was changed since you read it"),
    (errors.Conflict, 409, "conflict", "The state of things does not allow this"),
    (errors.RuleViolation, 409, "rule-violation", "A rule of the regime refuses this"),
    (errors.Unavailable, 503, "unavailable", "Not available for now"),
)
_BY_STATUS = {
    400: ("malformed", "The request cannot be understood"),
    401: ("unauthenticated", "Sign in first"),
    404: ("not-found", "There is no such thing"),
    405: ("method-not-allowed", "This method is not possible here"),
    413: ("too-large", "The request is too large"),
    415: ("media-type", "This media type is not understood here"),
    422: ("invalid", "What was sent is not valid"),
    428: ("precondition-required", "Say which version you are changing"),
    500: ("internal", "The service failed"),
}
# What Starlette says of a path that nothing is at.
_NO_PATH = "Not Found"
_JSON = "application/json"
_log = telemetry.logger("web")


def problem(
    request: Request,
    status: int,
    detail: str,
    *,
    kind: str | None = None,
    title: str | None = None,
    headers: dict[str, str] | None = None,
    **extra: Any,
) -> Response:
    """One problem document; `extra` members that are empty are left out."""
    slug, default_title = _BY_STATUS.get(status, ("error", "The request failed"))
    trace = telemetry.traceparent()
    document = {
        "type": f"/problems/{kind or slug}",
        "title": title or default_title,
        "status": status,
        "detail": detail,
        "instance": request.url.path,
        "trace_id": trace.split("-")[1] if trace else None,
        **{name: value for name, value in extra.items() if value},
    }
    return Response(orjson.dumps(document), status, media_type=MEDIA_TYPE, headers=headers)


def install(app: FastAPI) -> None:
    """Every refusal of this app speaks problem details from here on."""
    app.add_exception_handler(errors.QsmoError, _refused)
    app.add_exception_handler(Unauthenticated, _unauthenticated)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _failed)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.QsmoError)
    principal = getattr(request.state, "principal", None)
    if isinstance(error, errors.Forbidden) and principal is not None and principal.is_anonymous:
        return await _unauthenticated(request, Unauthenticated(error.detail))
    status, slug, title = next((s, k, t) for kind, s, k, t in _BY_ERROR if isinstance(error, kind))
    headers: dict[str, str] = {}
    if isinstance(error, errors.Unavailable):
        headers["Retry-After"] = str(error.retry_after_s)
    extra: dict[str, Any] = {
        "errors": [{"pointer": e.pointer, "code": e.code, "detail": e.detail} for e in error.errors],
        "missing": list(error.missing),
        "allowed_actions": list(error.allowed_actions),
    }
    if isinstance(error, errors.StaleVersion):
        extra["current_version"] = error.current_version
        if error.current_version is not None:
            headers["ETag"] = f'"{error.current_version}"'
    return problem(request, status, error.detail, kind=error.code or slug, title=title, headers=headers, **extra)


async def _unauthenticated(request: Request, error: Exception) -> Response:
    challenge = {"WWW-Authenticate": 'Bearer realm="qsmo"'}
    return problem(request, 401, str(error) or "This needs a bearer token.", headers=challenge)


async def _not_valid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    if any(item["loc"] == ("body",) and isinstance(item["input"], bytes) for item in error.errors()):
        return _not_json(request)
    found = [_field_error(item) for item in error.errors()]
    malformed = any(item["type"] == "json_invalid" for item in error.errors())
    in_body = all(item["loc"] and item["loc"][0] == "body" for item in error.errors())
    status = 422 if in_body and not malformed else 400
    where = ", ".join(dict.fromkeys(item["pointer"] or "the body" for item in found))
    return problem(
        request, status, f"Not valid: {where}. See `errors`.", kind="invalid" if status == 422 else "malformed", errors=found
    )


def _not_json(request: Request) -> Response:
    """FastAPI leaves a body as bytes unless its media type is JSON's, also when it would be JSON."""
    given = request.headers.get("content-type")
    said = f"not `{given}`" if given else "which is missing"
    return problem(request, 415, f"A body is JSON here: say `Content-Type: {_JSON}`, {said}.", headers={"Accept": _JSON})


def field_errors(error: ValidationError, *, at: str) -> tuple[errors.FieldError, ...]:
    """Of a document that lies at the pointer `at` of the request."""
    found = ((_pointer([str(part) for part in item["loc"]]), item) for item in error.errors(include_context=False))
    return tuple(errors.FieldError(pointer=at + pointer, code=item["type"], detail=item["msg"]) for pointer, item in found)


def _field_error(item: dict[str, Any]) -> dict[str, str]:
    if item["type"] == "json_invalid":
        _, at = item["loc"]
        return {"pointer": "", "code": item["type"], "detail": f"At character {at + 1}: {item['ctx']['error']}"}
    place, *path = [str(part) for part in item["loc"]] or ["body"]
    pointer = _pointer(path) if place == "body" else f"{place}:{'.'.join(path)}"
    return {"pointer": pointer, "code": item["type"], "detail": item["msg"]}


def _pointer(path: Sequence[str]) -> str:
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers, detail = dict(error.headers) if error.headers else {}, str(error.detail)
    if error.status_code == HTTP_405_METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed_methods(request))
        detail = f"{request.method} is not possible here; possible are: {headers['Allow']}."
    if error.status_code == HTTP_404_NOT_FOUND and detail == _NO_PATH:
        detail = f"Nothing is at {request.url.path}; /docs lists what there is, /openapi.json tells programs."
    return problem(request, error.status_code, detail, headers=headers)


def _allowed_methods(request: Request) -> list[str]:
    """Of every route with the most specific template that fits the path; Starlette names those of the first route only."""
    signpost: Signpost = request.app.router.middleware_stack
    return sorted(signpost.methods_at(request.url.path) - {"HEAD"})


async def _failed(request: Request, error: Exception) -> Response:
    _log.error("unhandled", path=request.url.path, method=request.method, exc_info=error)
    return problem(request, 500, "The service failed; nothing of this request was kept. The trace id leads us to the cause.")
