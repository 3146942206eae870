"""Around every request: ids, body limit, time taken. Raw ASGI: one frame a request, no task."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

from opentelemetry.trace import SpanKind
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import telemetry, tracing
from shared.kernel import ids
from shared.web import departing

BODY_LIMIT_BYTES = 1 << 20
IMPORT_LIMIT_BYTES = 256 << 20
_IMPORTS = "/v1/imports/"
# Ids of zeros alone mean that there is none.
TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


class RequestFrame:
    """Binds correlation and trace ids, refuses bodies over the limit, measures."""

    def __init__(self, app: ASGIApp, *, service: str) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        correlation_id = _given(given, "x-request-id", _REQUEST_ID) or ids.request_id()
        traceparent = _given(given, "traceparent", TRACEPARENT) or ids.traceparent()
        telemetry.bind(correlation_id=correlation_id, traceparent=traceparent)
        started = time.perf_counter()
        status = 500

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message.setdefault("headers", [])
                headers.append((b"x-request-id", correlation_id.encode()))
                headers += departing.fields(scope.get("route"))
            await send(message)

        with tracing.span(scope["method"], kind=SpanKind.SERVER, service=self._service) as span:
            try:
                await self._app(scope, _limited(scope, receive, given), send_marked)
            finally:
                route = getattr(scope.get("route"), "path", "unmatched")
                seconds = telemetry.HTTP_SECONDS.labels(self._service, scope["method"], route, str(status))
                seconds.observe(time.perf_counter() - started)
                span.answered(scope["method"], route, status)


def _given(headers: Mapping[str, str], name: str, pattern: re.Pattern[str]) -> str | None:
    value = headers.get(name, "")
    return value if pattern.fullmatch(value) else None


def _limited(scope: Scope, receive: Receive, headers: Mapping[str, str]) -> Receive:
    limit = IMPORT_LIMIT_BYTES if scope["path"].startswith(_IMPORTS) else BODY_LIMIT_BYTES
    declared = headers.get("content-length", "")
    taken = 0

    async def receive_limited() -> Message:
        nonlocal taken
        if declared.isdecimal() and int(declared) > limit:
            raise _too_large(limit)
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            raise _too_large(limit)
        return message

    return receive_limited


def _too_large(limit: int) -> HTTPException:
    return HTTPException(413, f"The body is larger than the limit of {limit} bytes ({limit >> 20} MiB) here.")
