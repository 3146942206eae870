"""A snapshot or what changed since a seq, line by line, with the seq to go on from and a SHA-256 over all of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any, TypeVar

import orjson
from sqlalchemy import select

from services.gateway import tables
from services.gateway.audit.making import checkpoints
from services.gateway.clients import Answer, Upstream
from services.gateway.exports.resources import Resource
from services.gateway.feed.reading import FeedReader
from services.gateway.feed.view import Filters, View
from services.gateway.schemas import shown_checkpoint
from shared.auth import Unauthenticated
from shared.contracts.envelope import instant
from shared.db import Database
from shared.kernel.errors import Forbidden

_PAGE = 1_000
_UPSTREAM_PAGE = 200
_AT_ONCE = 8
_f = tables.feed.c
_LINK = (_f.seq, _f.prev_hash, _f.hash, _f.event)
_LINK_NAMES = ("seq", "prev_hash", "hash", "event")
JsonObject = dict[str, Any]
Lines = AsyncIterator[bytes]
Items = AsyncIterator[JsonObject]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What is asked for. `seq`: the feed's head when it was asked for; an item tells of everything up to it, at least."""

    resource: str
    after: int
    seq: int
    as_of: date | None = None


class Exporter:
    """`lines` of an export as a caller may see it. `tables`: to be held while one is made, for the memory it takes."""

    def __init__(self, db: Database, reader: FeedReader, *, tables_at_once: int) -> None:
        self._db = db
        self.tables = asyncio.Semaphore(tables_at_once)
        self._reader = reader

    async def lines(self, export: Export, lines: Lines) -> Lines:
        """Header, items, trailer. An export without a trailer is not whole."""
        digest, count = sha256(), 0
        at = instant(self._db.clock())
        header = {"kind": "header", "resource": export.resource, "after": export.after, "seq": export.seq, "at": at}
        if export.as_of:
            header["as_of"] = export.as_of
        line = orjson.dumps(header) + b"\n"
        digest.update(line)
        yield line
        async for line in lines:
            count += 1
            digest.update(line)
            yield line
        trailer = {"kind": "trailer", "seq": export.seq, "items": count, "sha256": digest.hexdigest()}
        yield orjson.dumps(trailer) + b"\n"

    async def events(self, export: Export, view: View) -> Lines:
        """As `GET /v1/events` gives them."""
        after = export.after
        while after < export.seq:
            page = await self._reader.page(view, after=after, limit=_PAGE)
            for entry in page.entries:
                if entry.seq <= export.seq:
                    yield entry.line
            after = page.next_after

    async def audit(self, export: Export) -> Lines:
        """Checkpoints, then every link with the exact text that is hashed."""
        async with self._db.reading() as tx:
            covering = [found for found in await checkpoints(tx, after=export.after) if found.statement.seq <= export.seq]
        for found in covering:
            yield orjson.dumps({"checkpoint": shown_checkpoint(found).model_dump(mode="json")}) + b"\n"
        for start in range(export.after, export.seq, _PAGE):
            query = select(*_LINK).where(_f.seq > start, _f.seq <= export.seq).order_by(_f.seq).limit(_PAGE)
            async with self._db.reading() as tx:  # a page at a time: a slow reader holds no connection
                rows = (await tx.execute(query)).all()
            for row in rows:
                yield orjson.dumps(dict(zip(_LINK_NAMES, row, strict=True))) + b"\n"

    async def snapshot(self, export: Export, upstream: Upstream, resource: Resource, *, authorization: str | None) -> Items:
        """Every item of the service's list. Raises UpstreamAway: then lines break off, without a trailer."""
        params: dict[str, Any] = {"limit": _UPSTREAM_PAGE} if resource.is_paged else {}
        if export.as_of:
            params["as_of"] = export.as_of.isoformat()
        while True:
            page = _document(upstream, await upstream.get(resource.path, params=params, authorization=authorization))
            for item in page["items"]:
                yield item
            if page.get("next_cursor") is None:
                return
            params["cursor"] = page["next_cursor"]

    async def changes(
        self, export: Export, upstream: Upstream, resource: Resource, *, view: View, authorization: str | None
    ) -> Items:
        """Items that facts since `after` tell of, as they are now; a tombstone for one that is not there (any more)."""
        subjects = await self._changed(export, resource.facts or "", view)
        for start in range(0, len(subjects), _AT_ONCE):
            some = subjects[start : start + _AT_ONCE]
            asked = (upstream.get(f"{resource.path}/{id}", authorization=authorization) for id in some)
            for id, answer in zip(some, await asyncio.gather(*asked), strict=True):
                gone = answer.status == 404
                yield {"kind": "tombstone", "id": id} if gone else _document(upstream, answer)

    async def _changed(self, export: Export, facts: str, view: View) -> Sequence[str]:
        """Each once, in the order of its first fact."""
        narrowed = View(view.principal, Filters(types=(facts,)))
        found: dict[str, None] = {}
        after = export.after
        while after < export.seq:
            page = await self._reader.page(narrowed, after=after, limit=_PAGE)
            found |= {entry.subject: None for entry in page.entries if entry.seq <= export.seq}
            after = page.next_after
        return list(found)


async def begun(items: AsyncIterator[_T]) -> AsyncIterator[_T]:
    """The same items, the first at hand already. Raises what keeps it from beginning, while there is still time to say so."""
    first = await anext(items, None)

    async def again() -> AsyncIterator[_T]:
        if first is not None:
            yield first
            async for item in items:
                yield item

    return again()


async def dumped(items: Items) -> Lines:
    async for item in items:
        yield orjson.dumps(item) + b"\n"


def _document(upstream: Upstream, answer: Answer) -> JsonObject:
    """Raises Unauthenticated or Forbidden as the service does, UpstreamAway for anything else that was not asked for."""
    if answer.status == 401:
        raise Unauthenticated("This needs a bearer token.")
    if answer.status == 403:
        raise Forbidden(f"The {upstream.service} service shows this list to other roles.")
    if not answer.is_success:
        raise upstream.away(f"it answers HTTP {answer.status}")
    try:
        return dict(answer.json())
    except (ValueError, TypeError) as err:
        raise upstream.away("it answers something else than JSON") from err
