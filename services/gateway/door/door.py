"""The outermost layer: limits per caller, load shedding, and headers that belong on every answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.clock import MovableClock
from services.gateway.config import Settings
from services.gateway.door.answers import AnswersAtDoor, question
from services.gateway.door.callers import Caller, Callers, NotAllowed, address_of
from services.gateway.door.exchange import server_of, takes_whole
from services.gateway.door.fields import Headers
from services.gateway.door.gcra import Limiter, Quota, Verdict
from services.gateway.door.pages import PagesAtDoor, Wanted, wanted_page
from services.gateway.door.refusals import Refusal, another_mode, not_allowed, overloaded, refuse, too_many
from services.gateway.feed.stream import EventStream
from shared.auth import Principal
from shared.kernel.errors import Unavailable

# What those around the door, or it itself, have to look at.
_LOOKED_AT = frozenset({b"cookie", b"qsmo-mode", b"x-api-key", b"x-forwarded-for", b"x-forwarded-proto"})
# For probes and scrapers: an overload must stay visible.
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
        self._answers: AnswersAtDoor | None = None
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
            await refuse(refusal, scope, _adding(send, _security(scope) + limits))
            return
        wanted = wanted_page(scope, caller.principal) if caller.principal is not None else None
        if wanted is not None and await self._answered(wanted, scope, send, caller=caller.name, limits=limits):
            return
        added = _security(scope) + limits
        asked, answers = question(scope, caller.principal), self._answers_of(scope)
        if asked is not None and (said := answers.find(asked)) is not None:
            await answers.send(said, asked, scope, send, added=added, begun=time.perf_counter())
            return
        self._begin(caller.name, waits=waits)
        try:
            if scope["path"] == _STREAM:
                await self._streamed(scope, receive, send, added)
            else:
                await self._app(scope, receive, answers.listening(_adding(send, added), scope, asked))
        finally:
            self._end(caller.name, waits=waits)
            answers.wrote(scope)

    def at_once(self, server: Any) -> bool:
        """Answers with what is kept, without a task. False: nothing has been done, and the request goes the usual way."""
        if self._callers is None or not takes_whole(server):
            return False
        scope: Scope = server.scope
        if scope["method"] != "GET" or not _LOOKED_AT.isdisjoint(dict(scope["headers"])):
            return False
        caller = self._callers.at_once(scope)
        write = self._kept(scope, caller.principal) if caller is not None and caller.principal is not None else None
        if caller is None or write is None:
            return False
        begun = time.perf_counter()
        verdict = self._counted(scope, caller)
        if self._refusal(caller, verdict, waits=False) is not None:
            return False
        write(server, self._limits(caller, verdict), begun)
        return True

    def _kept(self, scope: Scope, principal: Principal) -> Callable[[Any, Headers, float], None] | None:
        """What writes the answer to the server, given the limits and when work on it begun; None for what is not at hand."""
        pages, answers = self._pages, self._answers
        wanted = wanted_page(scope, principal)
        if pages is not None and wanted is not None and (page := pages.find(wanted)) is not None:
            return lambda server, limits, begun: pages.write(page, wanted, scope, server, limits=limits, begun=begun)
        asked = question(scope, principal)
        if answers is not None and asked is not None and (said := answers.find(asked)) is not None:
            return lambda server, limits, begun: answers.write(
                said, asked, scope, server, added=_security(scope) + limits, begun=begun
            )
        return None

    async def _made_sure_of(self, scope: Scope) -> tuple[Caller, Refusal | None]:
        try:
            return await self._callers_of(scope).admitted(scope), None
        except NotAllowed as error:
            return address_of(scope), not_allowed(error)
        except Unavailable as error:
            return address_of(scope), overloaded(error.detail, error.retry_after_s)

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

    async def _streamed(self, scope: Scope, receive: Receive, send: Send, added: Headers) -> None:
        """The app; then, out here, the body of a stream whose head it has sent."""
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

    def _answers_of(self, scope: Scope) -> AnswersAtDoor:
        if self._answers is None:
            self._answers = AnswersAtDoor(scope["app"].state.context.answers)
        return self._answers

    def _of_another_mode(self, scope: Scope) -> Refusal | None:
        """Who means a test must not change what is live."""
        for name, value in scope["headers"]:
            if name == b"qsmo-mode":
                own = b"test" if isinstance(scope["app"].state.context.connections.clock, MovableClock) else b"live"
                return None if value == own else another_mode(own)
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
            return too_many("You ask more often than agreed; the RateLimit fields say how much is left.", verdict.retry_after_s)
        if waits and load.streams_by_caller.get(caller.name, 0) >= s.streams_per_caller:
            return too_many(f"A caller has {s.streams_per_caller} event streams and long polls at most.", 5)
        if waits and load.streams >= s.streams_max:
            return overloaded("This server has all the event streams it can serve.", 5)
        if not waits and load.requests >= s.requests_max:
            return overloaded("This server has as many requests under way as it can serve.", 1)
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


def _adding(send: Send, added: Headers) -> Send:
    """Fields of the answer itself go before ours."""

    async def send_with(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = list(message.get("headers", ()))
            names = {name.lower() for name, _ in given}
            message["headers"] = given + [pair for pair in added if pair[0] not in names]
        await send(message)

    return send_with
