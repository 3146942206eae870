"""The outermost layer: limits per caller, load shedding, and headers that belong on every answer."""

from __future__ import annotations

import asyncio
import math
import re
import time
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.clock import MovableClock
from services.gateway.config import Settings
from services.gateway.door.callers import Caller, Callers, NotAllowed, address_of
from services.gateway.door.exchange import server_of, takes_whole
from services.gateway.door.gcra import Limiter, Quota, Verdict
from services.gateway.door.pages import PagesAtDoor, Wanted, wanted_page
from services.gateway.feed.stream import EventStream
from shared import telemetry
from shared.kernel import ids
from shared.kernel.errors import Unavailable
from shared.kernel.ids import new_id
from shared.web.middleware import TRACEPARENT

Headers = list[tuple[bytes, bytes]]
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,64}")
# For probes and scrapers: an overload must stay visible.
# What those around the door, or it itself, have to look at.
_LOOKED_AT = frozenset({b"cookie", b"qsmo-mode", b"x-api-key", b"x-forwarded-for", b"x-forwarded-proto"})
_ALWAYS = frozenset({"/livez", "/readyz", "/metrics", "/internal/progress"})
_STREAM = "/v1/events/stream"
_POLL = "/v1/events"
# What costs more than one unit of a caller's quota.
_COSTS = (("/v1/exports", 20), ("/v1/imports/", 20), ("/openapi.json", 5))
_DEAR = tuple(prefix for prefix, _ in _COSTS)
_PING_COST = 10
# After a restart everybody comes back at once; what a request needs until its stream is open would stay the process's for good.
_OPENING_AT_ONCE = 64
# What the server looks at while it writes a body; all else of the request is done with when a stream begins.
_KEPT_OF_SCOPE = frozenset({"type", "method", "path", "http_version"})
_SECURITY: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
]
_HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    status: int
    kind: str
    title: str
    detail: str
    retry_after_s: float = 0.0


@dataclass(slots=True)
class Load:
    """What is under way in this process. Streams and long polls wait more than they work, and are counted apart."""

    requests: int = 0
    streams: int = 0
    streams_by_caller: dict[str, int] = field(default_factory=dict)


class Door:
    """An ASGI middleware; what it refuses never reaches the app."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._signed_in = Quota(rate_per_s=settings.rate_per_s, burst=settings.rate_burst)
        self._anonymous = Quota(rate_per_s=settings.rate_anonymous_per_s, burst=settings.rate_anonymous_burst)
        self._limiter = Limiter()
        self._callers: Callers | None = None
        self._pages: PagesAtDoor | None = None
        self._opening = asyncio.Semaphore(_OPENING_AT_ONCE)
        self.load = Load()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"] in _ALWAYS:
            await self._app(scope, receive, _adding(send, _security(scope)))
            return
        refusal: Refusal | None = None
        caller = self._callers_of(scope).at_once(scope)
        if caller is None:
            caller, refusal = await self._made_sure_of(scope)
        verdict = self._counted(scope, caller)
        waits = scope["path"] == _STREAM or (scope["path"] == _POLL and b"wait=" in scope["query_string"])
        refusal = self._refusal(caller, verdict, waits=waits) or refusal or self._of_another_mode(scope)
        limits = self._limits(caller, verdict)
        if refusal is not None:
            await _refuse(refusal, scope, _adding(send, _security(scope) + limits))
            return
        wanted = wanted_page(scope, caller.principal) if caller.principal is not None else None
        if wanted is not None and await self._answered(wanted, scope, send, caller=caller.name, limits=limits):
            return
        self._begin(caller.name, waits=waits)
        try:
            await self._within(scope, receive, send, _security(scope) + limits)
        finally:
            self._end(caller.name, waits=waits)

    def at_once(self, server: Any) -> bool:
        """Answers with a kept page, without a task. False: nothing has been done, and the request goes the usual way."""
        if self._pages is None or self._callers is None or not takes_whole(server):
            return False
        scope: Scope = server.scope
        if not scope["path"].endswith("/overview") or not _LOOKED_AT.isdisjoint(dict(scope["headers"])):
            return False
        caller = self._callers.at_once(scope)
        wanted = wanted_page(scope, caller.principal) if caller is not None and caller.principal is not None else None
        page = self._pages.find(wanted) if wanted is not None else None
        if caller is None or wanted is None or page is None:
            return False
        begun = time.perf_counter()
        verdict = self._counted(scope, caller)
        if self._refusal(caller, verdict, waits=False) is not None:
            return False
        self._pages.write(page, wanted, scope, server, limits=self._limits(caller, verdict), begun=begun)
        return True

    async def _made_sure_of(self, scope: Scope) -> tuple[Caller, Refusal | None]:
        try:
            return await self._callers_of(scope).admitted(scope), None
        except NotAllowed as error:
            return address_of(scope), _not_allowed(error)
        except Unavailable as error:
            return address_of(scope), _overloaded(error.detail, error.retry_after_s)

    async def _answered(self, wanted: Wanted, scope: Scope, send: Send, *, caller: str, limits: Headers) -> bool:
        """False where there is no such page; the page's own route says so."""
        pages = self._pages_of(scope)
        begun = time.perf_counter()
        page = pages.find(wanted)
        if page is None:
            self._begin(caller, waits=False)
            try:
                page = await pages.ask(wanted, scope)
            finally:
                self._end(caller, waits=False)
        if page is not None:
            await pages.send(page, wanted, scope, send, limits=limits, begun=begun)
        return page is not None

    async def _within(self, scope: Scope, receive: Receive, send: Send, added: Headers) -> None:
        """The app; then, out here, the body of a stream whose head it has sent."""
        if scope["path"] != _STREAM:
            await self._app(scope, receive, _adding(send, added))
            return
        server = server_of(scope, send)
        handed_over: list[EventStream] = []
        scope["qsmo.handed_over"] = handed_over
        async with self._opening:
            await self._app(scope, receive, _adding(send, added))
        for name in scope.keys() - _KEPT_OF_SCOPE:
            del scope[name]
        for stream in handed_over:
            await stream.run(receive, send, server=server)

    def _callers_of(self, scope: Scope) -> Callers:
        if self._callers is None:
            gateway = scope["app"].state.context
            self._callers = Callers(gateway.verifier, lambda: gateway.exchange)
        return self._callers

    def _pages_of(self, scope: Scope) -> PagesAtDoor:
        if self._pages is None:
            self._pages = PagesAtDoor(scope["app"].state.context)
        return self._pages

    def _of_another_mode(self, scope: Scope) -> Refusal | None:
        """Who means a test must not change what is live."""
        for name, value in scope["headers"]:
            if name == b"qsmo-mode":
                own = b"test" if isinstance(scope["app"].state.context.connections.clock, MovableClock) else b"live"
                return None if value == own else _another_mode(own)
        return None

    def _quota(self, caller: Caller) -> Quota:
        return self._signed_in if caller.is_known else self._anonymous

    def _counted(self, scope: Scope, caller: Caller) -> Verdict | None:
        quota = self._quota(caller)
        if not quota.rate_per_s:
            return None
        return self._limiter.admit(caller.name, quota, now=time.monotonic(), cost=_cost(scope["path"]))

    def _limits(self, caller: Caller, verdict: Verdict | None) -> Headers:
        if verdict is None:
            return []
        return [(b"ratelimit-policy", self._quota(caller).policy), (b"ratelimit", verdict.field)]

    def _refusal(self, caller: Caller, verdict: Verdict | None, *, waits: bool) -> Refusal | None:
        s, load = self._settings, self.load
        if verdict is not None and not verdict.admitted:
            return _too_many(
                "You ask more often than agreed; the RateLimit fields say how much is left.", verdict.retry_after_s
            )
        if waits and load.streams_by_caller.get(caller.name, 0) >= s.streams_per_caller:
            return _too_many(f"A caller has {s.streams_per_caller} event streams and long polls at most.", 5)
        if waits and load.streams >= s.streams_max:
            return _overloaded("This server has all the event streams it can serve.", 5)
        if not waits and load.requests >= s.requests_max:
            return _overloaded("This server has as many requests under way as it can serve.", 1)
        return None

    def _begin(self, caller: str, *, waits: bool) -> None:
        if not waits:
            self.load.requests += 1
            return
        self.load.streams += 1
        self.load.streams_by_caller[caller] = self.load.streams_by_caller.get(caller, 0) + 1

    def _end(self, caller: str, *, waits: bool) -> None:
        if not waits:
            self.load.requests -= 1
            return
        self.load.streams -= 1
        self.load.streams_by_caller[caller] -= 1
        if not self.load.streams_by_caller[caller]:
            del self.load.streams_by_caller[caller]


def _cost(path: str) -> int:
    if path.endswith("/ping"):
        return _PING_COST
    if path.startswith(_DEAR):
        return next(cost for prefix, cost in _COSTS if path.startswith(prefix))
    return 1


def _security(scope: Scope) -> Headers:
    return [*_SECURITY, _HSTS] if scope.get("scheme") == "https" else _SECURITY


def _too_many(detail: str, retry_after_s: float) -> Refusal:
    return Refusal(status=429, kind="too-many-requests", title="Too many requests", detail=detail, retry_after_s=retry_after_s)


def _not_allowed(error: NotAllowed) -> Refusal:
    kind, title = ("unauthenticated", "Sign in first") if error.status == 401 else ("forbidden", "You may not do this")
    return Refusal(status=error.status, kind=kind, title=title, detail=str(error))


def _another_mode(own: bytes) -> Refusal:
    detail = f"This installation serves `QSMO-Mode: {own.decode()}`, which is also what it means without the field."
    return Refusal(status=400, kind="malformed", title="The request is malformed", detail=detail)


def _overloaded(detail: str, retry_after_s: float) -> Refusal:
    return Refusal(status=503, kind="overloaded", title="Busy for now", detail=detail, retry_after_s=retry_after_s)


def _adding(send: Send, added: Headers) -> Send:
    """Fields of the answer itself go before ours."""

    async def send_with(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", ()))
            names = {name.lower() for name, _ in given}
            message["headers"] = given + [pair for pair in added if pair[0] not in names]
        await send(message)

    return send_with


async def _refuse(refusal: Refusal, scope: Scope, send: Send) -> None:
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    request_id = given if _REQUEST_ID.fullmatch(given) else new_id().encode()
    traced = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), "")
    document = {
        "type": f"/problems/{refusal.kind}",
        "title": refusal.title,
        "status": refusal.status,
        "detail": refusal.detail,
        "instance": scope["path"],
        "trace_id": (traced if TRACEPARENT.fullmatch(traced) else ids.traceparent()).split("-")[1],
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
