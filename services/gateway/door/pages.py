"""Composed pages are answered at the door, kept ones and those that have to be asked for: nothing else behind it is woken."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry.trace import SpanKind
from starlette.types import Scope, Send

from services.gateway.context import Gateway
from services.gateway.door.exchange import server_of, takes_whole, write_whole
from services.gateway.door.fields import REQUEST_ID, Headers, as_fields, has_it, lines, tags_and_name
from services.gateway.pages.asking import Composed
from services.gateway.pages.sections import AGENCY, AREA, OFFERING, PageKind
from shared import telemetry, tracing
from shared.auth import Principal
from shared.kernel.errors import NotFound
from shared.kernel.ids import request_id, traceparent
from shared.web.middleware import TRACEPARENT

# Of ids those that are plainly valid; what is wrong with another, the page's own route tells.
_PATH = re.compile(r"/v1/(areas|agencies|offerings)/([a-z0-9]{1,20}(?:-[a-z0-9]{1,20}){0,5})/overview")
_KINDS = {"areas": AREA, "agencies": AGENCY, "offerings": OFFERING}
_ROUTES = {
    "area": "/v1/areas/{slug}/overview",
    "agency": "/v1/agencies/{id}/overview",
    "offering": "/v1/offerings/{id}/overview",
}
# In the scope of a request that goes on: why there is no such page.
ABSENT = "qsmo.absent"
# Of the security headers those that mean something for data; the rest is for what a browser shows.
_LASTING = (
    b"vary: Authorization, X-Api-Key\r\n"
    b"x-content-type-options: nosniff\r\n"
    b"content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n"
)
_PUBLIC = b"cache-control: public, no-cache\r\n" + _LASTING
_PRIVATE = b"cache-control: private, no-cache\r\n" + _LASTING


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page, and who asks for it."""

    kind: PageKind
    id: str
    principal: Principal


def wanted_page(scope: Scope, principal: Principal) -> Wanted | None:
    """None for any other request, and for one that looks unusual."""
    path = scope["path"]
    if not path.endswith("/overview") or scope["method"] != "GET" or scope["query_string"]:
        return None
    match = _PATH.fullmatch(path)
    if match is None or any(name == b"qsmo-after" for name, _ in scope["headers"]):
        return None
    return Wanted(_KINDS[match[1]], match[2], principal)


class PagesAtDoor:
    """The same answers as from the pages' own routes (`services.gateway.api.pages`)."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._seconds: dict[tuple[str, int], Any] = {}

    def find(self, wanted: Wanted) -> Composed | None:
        return self._gateway.pages.find((wanted.kind.name, wanted.id, wanted.principal))

    async def ask(self, wanted: Wanted, scope: Scope) -> Composed | None:
        """None where there is no such page: `ABSENT` says why."""
        given: dict[bytes, bytes] = dict(scope["headers"])
        behalf = [(b"authorization", given[b"authorization"])] if b"authorization" in given else []
        telemetry.bind(correlation_id=_of_request(scope, given), traceparent=_of_trace(scope, given))
        try:
            with tracing.span(f"GET {_ROUTES[wanted.kind.name]}", kind=SpanKind.SERVER, service="gateway"):
                return await self._gateway.page(wanted.kind, wanted.id, wanted.principal, headers=behalf)
        except NotFound as error:
            scope[ABSENT] = error
            return None

    async def send(self, found: Composed, wanted: Wanted, scope: Scope, send: Send, *, limits: Headers, begun: float) -> None:
        """`begun`: when, by `time.perf_counter`, work on it did."""
        server = server_of(scope, send)
        if takes_whole(server):
            self.write(found, wanted, scope, server, limits=limits, begun=begun)
            return
        status, head, body = self._answer(found, wanted, scope, limits)
        await send({"type": "http.response.start", "status": status, "headers": as_fields(head)})
        await send({"type": "http.response.body", "body": body})
        self._measured(wanted.kind, status).observe(time.perf_counter() - begun)

    def write(self, found: Composed, wanted: Wanted, scope: Scope, server: Any, *, limits: Headers, begun: float) -> None:
        """As `send`, to a server that takes it whole."""
        status, head, body = self._answer(found, wanted, scope, limits)
        write_whole(server, status, head, body)
        self._measured(wanted.kind, status).observe(time.perf_counter() - begun)

    def _answer(self, found: Composed, wanted: Wanted, scope: Scope, limits: Headers) -> tuple[int, bytes, bytes]:
        """Status, lines of the head, and the body."""
        tags, name = tags_and_name(scope)
        tag = found.etag.encode()
        status, body = (304, b"") if has_it(tags, tag) else (200, found.body)
        head = b"".join(
            (
                b"etag: %b\r\n" % tag,
                _PUBLIC if wanted.principal.is_anonymous else _PRIVATE,
                b"x-request-id: %b\r\n" % name,
                lines(limits),
                b"content-type: application/json\r\ncontent-length: %d\r\n" % len(body) if status == 200 else b"",
            )
        )
        return status, head, body

    def _measured(self, kind: PageKind, status: int) -> Any:
        seconds = self._seconds.get((kind.name, status))
        if seconds is None:
            seconds = telemetry.HTTP_SECONDS.labels("gateway", "GET", _ROUTES[kind.name], str(status))
            self._seconds[kind.name, status] = seconds
        return seconds


def _of_request(scope: Scope, given: Mapping[bytes, bytes]) -> str:
    """Its name, or a new one, which it has from now on."""
    name = given.get(b"x-request-id", b"")
    if not REQUEST_ID.fullmatch(name):
        name = request_id().encode()
        scope["headers"].append((b"x-request-id", name))
    return name.decode()


def _of_trace(scope: Scope, given: Mapping[bytes, bytes]) -> str:
    """The trace it belongs to, or a new one, which it belongs to from now on."""
    trace = given.get(b"traceparent", b"").decode("latin-1")
    if not TRACEPARENT.fullmatch(trace):
        trace = traceparent()
        scope["headers"].append((b"traceparent", trace.encode()))
    return trace
