"""What the door says to those it does not let in."""

from __future__ import annotations

import math
from dataclasses import dataclass

import orjson
from starlette.types import Scope, Send

from services.gateway.door.callers import NotAllowed
from services.gateway.door.fields import REQUEST_ID, Headers
from shared import telemetry
from shared.kernel.ids import new_id, traceparent
from shared.web.middleware import TRACEPARENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    status: int
    kind: str
    title: str
    detail: str
    retry_after_s: float = 0.0


def too_many(detail: str, retry_after_s: float) -> Refusal:
    return Refusal(status=429, kind="too-many-requests", title="Too many requests", detail=detail, retry_after_s=retry_after_s)


def not_allowed(error: NotAllowed) -> Refusal:
    kind, title = ("unauthenticated", "Sign in first") if error.status == 401 else ("forbidden", "You may not do this")
    return Refusal(status=error.status, kind=kind, title=title, detail=str(error))


def another_mode(own: bytes) -> Refusal:
    detail = f"This installation serves `QSMO-Mode: {own.decode()}`, which is also what it means without the field."
    return Refusal(status=400, kind="malformed", title="The request is malformed", detail=detail)


def overloaded(detail: str, retry_after_s: float) -> Refusal:
    return Refusal(status=503, kind="overloaded", title="Busy for now", detail=detail, retry_after_s=retry_after_s)


async def refuse(refusal: Refusal, scope: Scope, send: Send) -> None:
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    request_id = given if REQUEST_ID.fullmatch(given) else new_id().encode()
    traced = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), "")
    document = {
        "type": f"/problems/{refusal.kind}",
        "title": refusal.title,
        "status": refusal.status,
        "detail": refusal.detail,
        "instance": scope["path"],
        "trace_id": (traced if TRACEPARENT.fullmatch(traced) else traceparent()).split("-")[1],
    }
    body = orjson.dumps(document)
    headers: Headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", request_id),
    ]
    if refusal.retry_after_s:
        headers.append((b"retry-after", b"%d" % max(1, math.ceil(refusal.retry_after_s))))
    if refusal.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="qsmo"'))
    telemetry.HTTP_SECONDS.labels("gateway", scope["method"], "refused", str(refusal.status)).observe(0)
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
