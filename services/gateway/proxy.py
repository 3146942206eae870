"""Passes requests through to the service that owns the path, bytes unchanged."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from re import Pattern
from urllib.parse import quote

from fastapi import Request, Response
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Route, compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway.clients import RawHeaders, Upstream, UpstreamAway
from services.gateway.http1 import Opened
from shared import telemetry
from shared.contracts.envelope import instant
from shared.web.problems import problem

# Path prefix → service. A longer prefix stands before a shorter one that would take its paths.
ROUTES: dict[str, str] = {
    "/v1/policies": "registry",
    "/v1/focus-areas": "registry",
    "/v1/organizations": "registry",
    "/v1/designations": "registry",
    "/v1/match-reviews": "registry",
    "/v1/plans": "registry",
    "/v1/board-seats": "registry",
    "/v1/posts": "registry",
    "/v1/vacancies": "registry",
    "/v1/scorecard": "registry",
    "/v1/meta/state-machines/registry": "registry",
    "/v1/imports/standards": "catalog",
    "/v1/imports/controls": "catalog",
    "/v1/imports/m3": "adoption",
    "/v1/imports/inventory": "adoption",
    "/v1/imports": "registry",
    "/v1/marketplaces": "catalog",
    "/v1/providers": "catalog",
    "/v1/offerings": "catalog",
    "/v1/standards": "catalog",
    "/v1/function-mappings": "catalog",
    "/v1/vehicles": "catalog",
    "/v1/change-sets": "catalog",
    "/v1/search": "catalog",
    "/v1/catalog": "catalog",
    "/v1/stats/offerings": "catalog",
    "/v1/meta/state-machines/catalog": "catalog",
    "/v1/adoptions": "adoption",
    "/v1/agencies": "adoption",
    "/v1/stats/adoptions": "adoption",
    "/v1/stats/adoption-states": "adoption",
    "/v1/parked-rows": "adoption",
    "/v1/parked-events/registry": "registry",
    "/v1/parked-events/catalog": "catalog",
    "/v1/parked-events/adoption": "adoption",
    "/v1/meta/state-machines/adoption": "adoption",
    "/v1/meta/m3": "adoption",
    "/v1/meta/readiness": "adoption",
    "/v1/needs": "adoption",
    "/v1/fits": "adoption",
    "/v1/shortlists": "adoption",
    "/v1/agreements": "adoption",
    "/v1/systems": "adoption",
    "/v1/duplications": "adoption",
    "/v1/savings": "adoption",
    "/v1/demands": "adoption",
    "/v1/iaps": "adoption",
    "/v1/annual-plans": "adoption",
    "/v1/findings": "adoption",
    "/v1/provider-cases": "adoption",
    "/v1/iap-need": "adoption",
    "/v1/iap-thresholds": "adoption",
    "/v1/slas": "adoption",
    "/v1/feedback": "adoption",
    "/v1/sla-targets": "adoption",
    "/v1/analytics": "adoption",
}
# RFC 9110 §7.6.1; the host is the service's own, and the edge of this process adds its request id itself.
_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"expect",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_READS = frozenset({"GET", "HEAD"})
_REPLACED = _HOP_BY_HOP | {b"host", b"x-request-id", b"traceparent"}
# A second Date or Server would be beside that of the gateway's own server.
_NOT_RETURNED = _HOP_BY_HOP | {b"x-request-id", b"date", b"server"}


_SEGMENTS_MAX = max(prefix.count("/") for prefix in ROUTES)


def owner_of(path: str) -> str | None:
    """The service that this path leads to."""
    found = prefix_of(path)
    return ROUTES[found] if found else None


def prefix_of(path: str) -> str | None:
    """The longest one that is the path, or ends where one of its segments does."""
    parts = path.split("/", _SEGMENTS_MAX + 1)
    for count in range(min(len(parts), _SEGMENTS_MAX + 1), 1, -1):
        if (prefix := "/".join(parts[:count])) in ROUTES:
            return prefix
    return None


def proxy_routes() -> list[BaseRoute]:
    """All methods below each prefix."""
    return [
        Route(path, Proxy(service), name=f"proxy {service}", include_in_schema=False)
        for prefix, service in ROUTES.items()
        for path in (prefix, prefix + "/{rest:path}")
    ]


def own_below(paths: Iterable[str]) -> list[Pattern[str]]:
    """Of the gateway's own paths those that a service's prefix would take."""
    return [compile_path(path)[0] for path in paths if owner_of(path)]


class Passage:
    """A middleware that takes reads which belong to a service past the search for a route, and past all that only our own need.

    `own`: paths below the services' prefixes that the gateway answers itself. What has a body goes the long way, as it can be
    refused there.
    """

    def __init__(self, app: ASGIApp, *, own: Sequence[Pattern[str]]) -> None:
        self._app = app
        self._own = tuple(own)
        self._proxies = {prefix: (Proxy(service), _Labelled(prefix)) for prefix, service in ROUTES.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in _READS:
            path = scope["path"]
            prefix = prefix_of(path)
            if prefix and not _has_body(scope["headers"]) and not any(own.match(path) for own in self._own):
                proxy, scope["route"] = self._proxies[prefix]
                await proxy(scope, receive, send)
                return
        await self._app(scope, receive, send)


@dataclass(frozen=True, slots=True)
class _Labelled:
    """What measurements call the route."""

    path: str


def _has_body(headers: RawHeaders) -> bool:
    return any(name in {b"content-length", b"transfer-encoding"} and value != b"0" for name, value in headers)


class Proxy:
    """An ASGI endpoint in front of one service."""

    def __init__(self, service: str) -> None:
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        upstream: Upstream = scope["app"].state.context.upstreams[self._service]
        headers, has_body = _outgoing(scope)
        body = _request_body(receive) if has_body else None
        try:
            opened, part = await self._begun(upstream, scope, headers, body)
        except UpstreamAway as away:
            await _unavailable(Request(scope, receive), away)(scope, receive, send)
            return
        except ClientDisconnect:
            return
        try:
            raw = _kept(opened.headers, _NOT_RETURNED)
            await send({"type": "http.response.start", "status": opened.status, "headers": raw})
            while part is not None and not opened.is_over:
                await send({"type": "http.response.body", "body": part, "more_body": True})
                part = await upstream.part(opened)
            await send({"type": "http.response.body", "body": part or b""})
        finally:
            await opened.close()

    async def _begun(
        self, upstream: Upstream, scope: Scope, headers: RawHeaders, body: AsyncIterator[bytes] | None
    ) -> tuple[Opened, bytes | None]:
        """The answer and the first of its body: of a service that dies between the two nothing has been passed on yet."""
        opened = await upstream.open(scope["method"], _target(scope), headers=headers, body=body)
        try:
            return opened, await upstream.part(opened)
        except BaseException:
            await opened.close()
            raise


def _unavailable(request: Request, away: UpstreamAway) -> Response:
    return problem(
        request,
        503,
        away.detail,
        kind="unavailable",
        title="Not available for now",
        headers={"Retry-After": str(away.retry_after_s)},
        service=away.service,
        since=instant(away.since),
    )


def _target(scope: Scope) -> bytes:
    path: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    query: bytes = scope.get("query_string", b"")
    return path + b"?" + query if query else path


def _outgoing(scope: Scope) -> tuple[RawHeaders, bool]:
    """The caller's headers as the service gets them, and whether a body follows."""
    given: RawHeaders = scope["headers"]
    names = dict(given)
    has_body = b"transfer-encoding" in names or names.get(b"content-length", b"0") != b"0"
    headers = _kept(given, _REPLACED | _named_by_connection(names))
    if has_body and b"content-length" not in names:
        headers.append((b"transfer-encoding", b"chunked"))
    for name, value in ((b"x-request-id", telemetry.correlation_id()), (b"traceparent", telemetry.traceparent())):
        if value:
            headers.append((name, value.encode()))
    return headers, has_body


def _named_by_connection(names: dict[bytes, bytes]) -> frozenset[bytes]:
    return frozenset(token.strip().lower() for token in names.get(b"connection", b"").split(b",") if token.strip())


def _kept(headers: RawHeaders, without: frozenset[bytes]) -> RawHeaders:
    return [(name, value) for name, value in headers if name.lower() not in without]


async def _request_body(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        if chunk := message.get("body", b""):
            yield chunk
        more = message.get("more_body", False)
