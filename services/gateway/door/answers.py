"""Items and lists of one service are answered at the door while what the service said is kept."""

from __future__ import annotations

import time
from typing import Any

from starlette.types import Message, Scope, Send

from services.gateway.door.exchange import server_of, takes_whole, write_whole
from services.gateway.door.fields import Headers, as_fields, has_it, lines, tags_and_name
from services.gateway.pages.answers import ANSWER_BYTES_MAX, KeptAnswers, Question, Said
from services.gateway.proxy import ROUTES, owner_of, prefix_of
from shared import telemetry
from shared.auth import Principal

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
# What changes without a fact or a write that passes here: imports under way, logs, and what lags behind by itself.
_NOT_KEPT = frozenset(
    prefix
    for prefix in ROUTES
    if prefix.startswith(("/v1/imports", "/v1/parked-", "/v1/search", "/v1/catalog", "/v1/stats/", "/v1/analytics"))
)
# The gateway's own, below services' prefixes.
_COMPOSED = "/overview"
# Of each answer anew, by the door or the server.
_OF_ONE_ANSWER = frozenset({b"x-request-id", b"date", b"server", b"connection", b"keep-alive", b"transfer-encoding"})
# An answer with any of these is no answer to the next who asks.
_OF_ONE_CALLER = frozenset({b"set-cookie", b"cache-control", b"vary", b"content-encoding", b"retry-after"})


def question(scope: Scope, principal: Principal | None) -> Question | None:
    """None for what is not kept, and for who has to be looked at again."""
    if principal is None or scope["method"] != "GET":
        return None
    path = scope["path"]
    prefix = prefix_of(path)
    if prefix is None or prefix in _NOT_KEPT or path.endswith(_COMPOSED):
        return None
    if any(name in {b"qsmo-after", b"content-length", b"transfer-encoding"} for name, _ in scope["headers"]):
        return None
    return Question(ROUTES[prefix], prefix, path, scope["query_string"], principal)


class AnswersAtDoor:
    """The same bytes and fields as the service gave, with those of the door for this caller."""

    def __init__(self, kept: KeptAnswers) -> None:
        self._kept = kept
        self._seconds: dict[tuple[str, int], Any] = {}

    def find(self, asked: Question) -> Said | None:
        return self._kept.find(asked)

    def listening(self, send: Send, scope: Scope, asked: Question | None) -> Send:
        """Keeps what is sent in answer to a question; forgets what a write may have changed before its answer is heard."""
        if scope["method"] not in _READS:
            return self._forgetting(send, owner_of(scope["path"]))
        return send if asked is None or not self._kept.is_on else self._keeping(send, asked)

    def wrote(self, scope: Scope) -> None:
        """Also when nobody was there to hear the answer."""
        if scope["method"] not in _READS:
            self._kept.forget(owner_of(scope["path"]))

    def _forgetting(self, send: Send, service: str | None) -> Send:
        async def send_after(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._kept.forget(service)
            await send(message)

        return send_after

    def _keeping(self, send: Send, asked: Question) -> Send:
        times = self._kept.asked(asked.service)
        head: Headers | None = None
        parts: list[bytes] = []
        size = 0

        async def send_and_keep(message: Message) -> None:
            nonlocal head, size
            if message["type"] == "http.response.start":
                head = _lasting(message)
            elif head is not None:
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > ANSWER_BYTES_MAX:
                    head = None
                    parts.clear()
                elif not message.get("more_body", False):
                    self._kept.keep(asked, _said(head, b"".join(parts)), asked=times)
            await send(message)

        return send_and_keep

    async def send(self, said: Said, asked: Question, scope: Scope, send: Send, *, added: Headers, begun: float) -> None:
        """`added`: fields of the door for this caller. `begun`: when, by `time.perf_counter`, work on it did."""
        server = server_of(scope, send)
        if takes_whole(server):
            self.write(said, asked, scope, server, added=added, begun=begun)
            return
        status, head, body = _answer(said, scope, added)
        await send({"type": "http.response.start", "status": status, "headers": as_fields(head)})
        await send({"type": "http.response.body", "body": body})
        self._measured(asked.prefix, status).observe(time.perf_counter() - begun)

    def write(self, said: Said, asked: Question, scope: Scope, server: Any, *, added: Headers, begun: float) -> None:
        """As `send`, to a server that takes it whole."""
        status, head, body = _answer(said, scope, added)
        write_whole(server, status, head, body)
        self._measured(asked.prefix, status).observe(time.perf_counter() - begun)

    def _measured(self, prefix: str, status: int) -> Any:
        seconds = self._seconds.get((prefix, status))
        if seconds is None:
            seconds = telemetry.HTTP_SECONDS.labels("gateway", "GET", prefix, str(status))
            self._seconds[prefix, status] = seconds
        return seconds


def _lasting(message: Message) -> Headers | None:
    """The fields of an answer that may be given again; None for one that may not."""
    given: Headers = [(name.lower(), value) for name, value in message.get("headers", ())]
    names = dict(given)
    if message["status"] != 200 or names.get(b"content-type") != b"application/json" or not _OF_ONE_CALLER.isdisjoint(names):
        return None
    return [pair for pair in given if pair[0] not in _OF_ONE_ANSWER]


def _said(head: Headers, body: bytes) -> Said:
    fields = [pair for pair in head if pair[0] != b"content-length"]
    return Said(lines(fields), body, dict(head).get(b"etag", b""))


def _answer(said: Said, scope: Scope, added: Headers) -> tuple[int, bytes, bytes]:
    """Status, lines of the head, and the body."""
    tags, name = tags_and_name(scope)
    own = b"x-request-id: %b\r\n" % name + lines(added)
    if has_it(tags, said.etag):
        return 304, b"etag: %b\r\n" % said.etag + own, b""
    return 200, said.head + b"content-length: %d\r\n" % len(said.body) + own, said.body
