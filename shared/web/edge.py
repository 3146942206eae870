"""The edge of a service: opens the transaction, calls one command or query, commits, then answers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Annotated, Any, Protocol, TypeVar, get_args
from urllib.parse import urlencode

import orjson
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import Table
from starlette.exceptions import HTTPException

from shared import telemetry, tracing
from shared.auth import ANONYMOUS, Principal, Unauthenticated, Verifier
from shared.db import RollbackOnly, Transaction
from shared.filtering import FILTER_MAX_CHARS
from shared.kernel.cause import Cause
from shared.kernel.errors import Malformed, StaleVersion
from shared.kernel.ids import new_id
from shared.web import own_writes
from shared.web.document import FIELDS
from shared.web.idempotency import Answer, IdempotentRequest, check_key, earlier_answer, keep_answer
from shared.web.paging import COUNT_S, LIMIT_DEFAULT, LIMIT_MAX, Page, PageRequest

T = TypeVar("T")
_FILTER = (
    'Only items of which this is true: `id = "…" and not (status = draft or status in (a, b))`.'
    " Compared with = != < <= > >=; joined by and, or, not. What is not known equals nothing. 400 tells the fields."
)
_SORT = "`id` is the order of making; `-` before it: the last first. 400 tells what else there is."
_COUNT = f"Also `count`, of the items of all pages. 503 when counting takes longer than {COUNT_S:.0f} s."
_MEDIA_TYPE = "application/json"
_READS = frozenset({"GET", "HEAD"})
_IF_MATCH = re.compile(r'"(\d{1,9})(?:-[0-9a-f]+)?"')


class ServiceContext(own_writes.Hearing, Protocol):
    """What the edge needs of a running service."""

    @property
    def verifier(self) -> Verifier: ...
    @property
    def idempotency(self) -> Table: ...


@dataclass(frozen=True, slots=True)
class Answered:
    """What a write shows: the representation, its version, and where it lives."""

    model: BaseModel
    version: int | None = None
    location: str | None = None
    is_new: bool = False


class Edge:
    """One request's way in. `principal` is who asks; `cause` goes into every fact."""

    def __init__(self, request: Request, context: ServiceContext, principal: Principal) -> None:
        self.request = request
        self.context = context
        self.principal = principal
        self.cause = Cause(
            actor=principal.actor,
            correlation_id=telemetry.correlation_id() or new_id(),
            traceparent=telemetry.traceparent(),
        )

    async def read(self, query: Callable[[Transaction], Awaitable[T]]) -> T:
        async with self.context.db.reading(self.cause) as tx:
            return await query(tx)

    def expected_version(self) -> int:
        """From If-Match. 401 for the public, 428 when absent; a tag that is none of ours is as stale as an old one."""
        if self.principal.is_anonymous:
            raise Unauthenticated("This needs a bearer token.")
        given = self.request.headers.get("if-match")
        if given is None:
            raise HTTPException(428, "A change needs If-Match with the ETag of the version you read (GET it first).")
        found = _IF_MATCH.fullmatch(given.strip())
        if found is None:
            raise StaleVersion(f"If-Match {given!r} is not an ETag of this resource; GET it and use the ETag you are given.")
        return int(found[1])

    def expected_version_if_any(self) -> int | None:
        """From If-Match where a resource may not exist yet; None when absent."""
        return self.expected_version() if "if-match" in self.request.headers else None

    def expected_version_of(self, there: int | None) -> int:
        """From If-Match, of what is there or, None, has yet to be made: then there must be none."""
        expected = self.expected_version_if_any()
        if there is None and expected is not None:
            raise StaleVersion("There is no such thing (any more): leave If-Match out to make it.")
        return expected or 0

    async def write(
        self, command: Callable[[Transaction], Awaitable[Answered]], *, status: int = 200, dry: bool = False
    ) -> Response:
        """Run the command in one transaction; the answer is built before, and sent after, the commit.

        Anonymous callers never write. `dry` and `?validate_only=true` roll everything back.
        """
        if self.principal.is_anonymous:
            raise Unauthenticated("This needs a bearer token.")
        dry = self.is_dry_run() or dry
        idempotent = await self._idempotent_request()
        try:
            async with self._transaction() as tx:
                if idempotent and (earlier := await earlier_answer(tx, self.context.idempotency, idempotent)):
                    return _response(earlier, {"Idempotency-Replayed": "true"})
                answer = _naming(tx, _answer(await command(tx), status))
                if dry:
                    raise RollbackOnly(answer)
                if idempotent:
                    await keep_answer(tx, self.context.idempotency, idempotent, answer)
        except RollbackOnly as dry_run:
            shown: Answer = dry_run.result
            return Response(shown.body, 200, {"QSMO-Validate-Only": "true"}, _MEDIA_TYPE)
        return _response(answer)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Transaction]:
        with tracing.span("transaction") as span:
            cause = replace(self.cause, traceparent=span.traceparent) if span.traceparent else self.cause
            async with self.context.db.transaction(cause) as tx:
                yield tx

    def is_dry_run(self) -> bool:
        """Whether `?validate_only=true` asks that nothing is kept. 400 for anything but true and false."""
        given = self.request.query_params.getlist("validate_only") or ["false"]
        if len(given) > 1 or given[0] not in {"true", "false"}:
            raise HTTPException(400, "validate_only is true or false, once.")
        return given[0] == "true"

    def ignore_key(self) -> None:
        """Of a write that may be done again without harm no answer is kept; a key that cannot be is refused all the same."""
        if (key := self.request.headers.get("idempotency-key")) is not None:
            check_key(key)

    async def _idempotent_request(self) -> IdempotentRequest | None:
        key = self.request.headers.get("idempotency-key")
        if key is None:
            return None
        return IdempotentRequest.of(
            key=key,
            subject=self.principal.actor,
            method=self.request.method,
            target=f"{self.request.url.path}?{self.request.url.query}",
            body=await self.request.body(),
        )

    def show(self, model: BaseModel, *, version: int | None = None) -> Response:
        """A representation with its strong ETag; 304 when the caller has it already."""
        answer = _answer(Answered(model, version), 200)
        given = [tag.strip() for tag in self.request.headers.get("if-none-match", "").split(",")]
        if answer.headers["ETag"] in given:
            return Response(status_code=304, headers=answer.headers)
        return _response(answer)

    def show_page(self, page: Page[Any], items: list[BaseModel], **beside: Any) -> Response:
        """`{"items": …, "next_cursor": …}` with a Link to the next page; `beside`: what else it says, of all pages."""
        include = self._members(page.fields) if page.fields else None
        body = b",".join([item.__pydantic_serializer__.to_json(item, by_alias=True, include=include) for item in items])
        count = b"" if page.count is None else b',"count":%d' % page.count
        cursor = b"null" if page.next_cursor is None else b'"' + page.next_cursor.encode() + b'"'
        more = b"".join(b',"%b":%b' % (name.encode(), orjson.dumps(value)) for name, value in beside.items())
        headers = {}
        if page.next_cursor is not None:
            kept = [(name, value) for name, value in self.request.query_params.multi_items() if name != "cursor"]
            following = urlencode([*kept, ("cursor", page.next_cursor)])
            headers["Link"] = f'<{self.request.url.path}?{following}>; rel="next"'
        return Response(b'{"items":[' + body + b'],"next_cursor":' + cursor + count + more + b"}", 200, headers, _MEDIA_TYPE)

    def _members(self, fields: tuple[str, ...]) -> set[str]:
        """What the model of this list's items calls the fields, and the id. Raises Malformed for others than it has."""
        page: type[BaseModel] = self.request.scope["route"].response_model
        (item,) = get_args(page.model_fields["items"].annotation)
        named = {member.serialization_alias or name: name for name, member in item.model_fields.items()}
        if unknown := sorted(set(fields) - set(named)):
            raise Malformed.at("query:fields", f"There is no field {unknown[0]!r}; there are: {', '.join(named)}.")
        return {named[field] for field in fields} | ({"id"} & set(named))


def _answer(shown: Answered, status: int) -> Answer:
    body = shown.model.__pydantic_serializer__.to_json(shown.model, by_alias=True)
    tag = hashlib.blake2s(body, digest_size=6).hexdigest()
    headers = {"ETag": f'"{tag}"' if shown.version is None else f'"{shown.version}-{tag}"'}
    if shown.location:
        headers["Location"] = shown.location
    return Answer(status=201 if shown.is_new else status, headers=headers, body=body)


def _naming(tx: Transaction, answer: Answer) -> Answer:
    written = own_writes.token(tx.recorded)
    return answer if written is None else replace(answer, headers={**answer.headers, own_writes.VERSION: written})


def _response(answer: Answer, more: dict[str, str] | None = None) -> Response:
    return Response(answer.body, answer.status, {**answer.headers, **(more or {})}, _MEDIA_TYPE)


async def edge(request: Request) -> Edge:
    """FastAPI dependency. Raises Unauthenticated for a token that is not valid; no token means the public.

    A read that names earlier writes (`QSMO-After`) waits for them. Raises Unavailable when they take too long.
    """
    context: ServiceContext = request.app.state.context
    request.state.principal = ANONYMOUS
    request.state.principal = await _principal(request, context.verifier)
    if request.method in _READS and (after := request.headers.get(own_writes.AFTER)) is not None:
        await own_writes.wait_for(context, after)
    return Edge(request, context, request.state.principal)


async def _principal(request: Request, verifier: Verifier) -> Principal:
    header = request.headers.get("authorization")
    if header is None:
        return ANONYMOUS
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("Authorization must be `Bearer <token>`.")
    return await verifier.principal(token.strip())


async def page_request(
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX, description="How many items at most")] = LIMIT_DEFAULT,
    cursor: Annotated[str | None, Query(max_length=1_000, description="`next_cursor` of the page before")] = None,
) -> PageRequest:
    return PageRequest(limit, cursor)


async def list_request(
    paged: Annotated[PageRequest, Depends(page_request)],
    condition: Annotated[str | None, Query(alias="filter", max_length=FILTER_MAX_CHARS, description=_FILTER)] = None,
    sort: Annotated[str | None, Query(pattern=r"^-?[a-z_]{1,40}$", description=_SORT)] = None,
    fields: Annotated[str | None, Query(pattern=r"^[a-z_]{1,40}(,[a-z_]{1,40}){0,49}$", description=FIELDS)] = None,
    count: Annotated[bool, Query(description=_COUNT)] = False,
) -> PageRequest:
    named = tuple(fields.split(",")) if fields else ()
    return PageRequest(paged.limit, paged.cursor, filter=condition, sort=sort, fields=named, count=count)


AtEdge = Annotated[Edge, Depends(edge)]
Paged = Annotated[PageRequest, Depends(page_request)]
Listed = Annotated[PageRequest, Depends(list_request)]
