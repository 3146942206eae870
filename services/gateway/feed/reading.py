"""Pages of the feed by cursor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from services.gateway import tables
from services.gateway.feed.entry import Entry
from services.gateway.feed.organizations import Organizations
from services.gateway.feed.view import View
from shared.db import Database, Transaction

_SCAN_ROWS = 500
_SCANNED_ROWS_MAX = 5_000
_c = tables.feed.c
_COLUMNS = (_c.seq, _c.type, _c.subject, _c.actor, _c.focus_area, _c.agency, _c.visibility, _c.event)


class CursorBeyondHead(Exception):
    """No such seq has been given out; `head` is the highest."""

    def __init__(self, head: int) -> None:
        super().__init__(f"The feed's head is {head}; a cursor cannot be beyond it.")
        self.head = head


@dataclass(frozen=True, slots=True)
class Head:
    """The last link of the chain."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class FeedPage:
    """`next_after` is where to go on; it passes over what this caller does not get to see."""

    entries: list[Entry]
    next_after: int
    head: int


class FeedReader:
    """Reads the feed from the database; the live edge is `Live`."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.organizations = Organizations()

    async def head(self) -> Head:
        async with self._db.reading() as tx:
            return await head_of(tx)

    async def page(self, view: View, *, after: int, limit: int) -> FeedPage:
        """Raises CursorBeyondHead."""
        async with self._db.reading() as tx:
            head = (await head_of(tx)).seq
            if after > head:
                raise CursorBeyondHead(head)
            await self._prepare(tx, view, head)
            return await self._scan(tx, view, after=after, head=head, limit=limit)

    async def _scan(self, tx: Transaction, view: View, *, after: int, head: int, limit: int) -> FeedPage:
        taken: list[Entry] = []
        cursor, scanned = after, 0
        while scanned < _SCANNED_ROWS_MAX:
            size = limit if not scanned else _SCAN_ROWS
            rows = await _rows(tx, view, after=cursor, head=head, limit=size)
            for entry in map(entry_of, rows):
                cursor = entry.seq
                if view.shows(entry, self.organizations):
                    taken.append(entry)
                    if len(taken) == limit:
                        return FeedPage(taken, cursor, head)
            scanned += size
            if len(rows) < size:
                return FeedPage(taken, head, head)
        return FeedPage(taken, cursor, head)

    async def one(self, view: View, seq: int) -> Entry | None:
        async with self._db.reading() as tx:
            row = (await tx.execute(select(*_COLUMNS).where(_c.seq == seq))).first()
            if row is None:
                return None
            await self._prepare(tx, view, (await head_of(tx)).seq)
            entry = entry_of(row)
            return entry if view.shows(entry, self.organizations) else None

    async def latest(self, view: View, *, count: int, after: int = 0) -> list[Entry]:
        """The newest visible ones, newest first, from a bounded stretch of the feed's end."""
        async with self._db.reading() as tx:
            head = (await head_of(tx)).seq
            await self._prepare(tx, view, head)
            public = [_c.visibility == "public"] if view.principal.is_anonymous else []
            newest_first = (
                select(*_COLUMNS)
                .where(_c.seq > after, *public, *view.filters.narrowing())
                .order_by(_c.seq.desc())
                .limit(count if public and not view.filters.types else _SCAN_ROWS)
            )
            entries = map(entry_of, (await tx.execute(newest_first)).all())
            return [entry for entry in entries if view.shows(entry, self.organizations)][:count]

    async def rows_after(self, cursor: int, *, limit: int) -> list[Entry]:
        """What comes next, whoever may see it."""
        query = select(*_COLUMNS).where(_c.seq > cursor).order_by(_c.seq).limit(limit)
        async with self._db.reading() as tx:
            return [entry_of(row) for row in (await tx.execute(query)).all()]

    async def refresh_organizations(self, view: View, *, up_to: int) -> None:
        """Before `view.shows` is asked about events up to that seq."""
        if view.needs_organizations:
            async with self._db.reading() as tx:
                await self.organizations.up_to(tx, up_to)

    async def _prepare(self, tx: Transaction, view: View, head: int) -> None:
        """Who is below whom counts as it is now, also for events of long ago."""
        if view.needs_organizations:
            await self.organizations.up_to(tx, head)


async def head_of(tx: Transaction) -> Head:
    row = (await tx.execute(select(tables.feed_head.c.seq, tables.feed_head.c.hash))).one()
    return Head(row.seq, row.hash)


async def _rows(tx: Transaction, view: View, *, after: int, head: int, limit: int) -> Sequence[Any]:
    query = select(*_COLUMNS).where(_c.seq > after, _c.seq <= head, *view.filters.narrowing())
    return (await tx.execute(query.order_by(_c.seq).limit(limit))).all()


def entry_of(row: Any) -> Entry:
    seq, type_name, subject, actor, focus_area, agency, visibility, event = row
    return Entry(seq, type_name, subject, actor, focus_area, agency, visibility, event.encode())
