"""Pages that are at hand are answered at the door: nothing behind it has to be woken for them."""

from __future__ import annotations

import re
import time
from typing import Any

from starlette.types import Scope, Send

from services.gateway.door.exchange import server_of, takes_whole, write_whole
from services.gateway.pages.asking import Composed
from services.gateway.pages.kept import KeptPages
from shared import telemetry
from shared.auth import Principal
from shared.kernel.ids import new_id

Headers = list[tuple[bytes, bytes]]
_PATH = re.compile(r"/v1/(areas|agencies|offerings)/([^/]+)/overview")
_KINDS = {"areas": "area", "agencies": "agency", "offerings": "offering"}
_ROUTES = {"areas": "/v1/areas/{slug}/overview"} | {kind: f"/v1/{kind}/{{id}}/overview" for kind in ("agencies", "offerings")}
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,64}")
_VARY = (b"vary", b"Authorization, X-Api-Key")
# Of the security headers those that mean something for data; the rest is for what a browser shows.
_LASTING = (
    b"vary: Authorization, X-Api-Key\r\n"
    b"x-content-type-options: nosniff\r\n"
    b"content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n"
)
_PUBLIC = b"cache-control: public, no-cache\r\n" + _LASTING
_PRIVATE = b"cache-control: private, no-cache\r\n" + _LASTING


class PagesAtHand:
    """`find`, then `send`. What has to be asked for, or looks unusual, is left to the page's own route."""

    def __init__(self, pages: KeptPages) -> None:
        self._pages = pages
        self._seconds: dict[tuple[str, int], Any] = {}

    def find(self, scope: Scope, principal: Principal | None) -> Composed | None:
        path = scope["path"]
        if not path.endswith("/overview") or scope["method"] != "GET" or scope["query_string"] or principal is None:
            return None
        match = _PATH.fullmatch(path)
        if match is None or any(name == b"qsmo-after" for name, _ in scope["headers"]):
            return None
        return self._pages.find((_KINDS[match[1]], match[2], principal))

    async def send(self, found: Composed, scope: Scope, send: Send, *, principal: Principal, limits: Headers) -> None:
        """The same answer as from the page's own route (`services.gateway.api.pages`)."""
        begun = time.perf_counter()
        given_tags = request_id = b""
        for name, value in scope["headers"]:
            if name == b"if-none-match":
                given_tags = value
            elif name == b"x-request-id":
                request_id = value
        if not request_id or not _REQUEST_ID.fullmatch(request_id):
            request_id = new_id().encode()
        tag = found.etag.encode()
        status, body = 200, found.body
        if given_tags and (given_tags == tag or tag in [given.strip() for given in given_tags.split(b",")]):
            status, body = 304, b""
        head = b"".join(
            (
                b"etag: %b\r\n" % tag,
                _PUBLIC if principal.is_anonymous else _PRIVATE,
                b"x-request-id: %b\r\n" % request_id,
                *[b"%b: %b\r\n" % pair for pair in limits],
                b"content-type: application/json\r\ncontent-length: %d\r\n" % len(body) if status == 200 else b"",
            )
        )
        server = server_of(scope, send)
        if takes_whole(server):
            write_whole(server, status, head, body)
        else:
            await send({"type": "http.response.start", "status": status, "headers": _fields(head)})
            await send({"type": "http.response.body", "body": body})
        self._measured(scope["path"], status).observe(time.perf_counter() - begun)

    def _measured(self, path: str, status: int) -> Any:
        route = path.split("/", 3)[2]
        seconds = self._seconds.get((route, status))
        if seconds is None:
            labels = telemetry.HTTP_SECONDS.labels("gateway", "GET", _ROUTES[route], str(status))
            seconds = self._seconds[route, status] = labels
        return seconds


def _fields(head: bytes) -> Headers:
    """The same as ASGI has it."""
    return [(name, value) for name, _, value in (line.partition(b": ") for line in head.splitlines())]
