"""What an outbox holds that is not published yet: read in order, and marked a moment after it was published."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

import orjson
from sqlalchemy import Select, Table, Update, bindparam, func, not_, select, text, type_coerce, update
from sqlalchemy.types import NULLTYPE

from shared.bus.port import Message
from shared.db import AsyncConnection, Database, in_keys, keys
from shared.kernel.cause import Cause

# A trickle's marks are written together: a transaction for each would cost as much as the facts' own.
_MARK_EVERY_S = 0.05
# The index has the order. Without statistics the planner would rather sort the whole backlog, for each batch.
_BY_INDEX = text("SET enable_sort = off")
_CAUSE = Cause(actor="system:relay", correlation_id="relay")


class Fact(NamedTuple):
    """A row of the outbox on its way."""

    id: int
    message: Message


class Backlog:
    """The unpublished facts of one outbox. What is published is known here at once, and to the database a moment later."""

    def __init__(self, *, db: Database, outbox: Table) -> None:
        self._db = db
        self._outbox = outbox
        self._oldest = _oldest(outbox, is_postgresql=not db.is_sqlite)
        self._marked = _marked(outbox, is_postgresql=not db.is_sqlite)
        self._reader: AsyncConnection | None = None
        self._published: set[int] = set()
        self._mark_at = float("inf")
        self._marking = asyncio.Lock()
        self.since = db.clock()

    async def oldest(self, reader: AsyncConnection, *, most: int, besides: Iterable[int] = ()) -> list[Fact]:
        """In order; `besides` are under way. `since` is when the first was recorded."""
        await self._prepare(reader)
        ids = [*self._published, *besides]
        known = orjson.dumps(ids).decode() if self._db.is_sqlite else ids
        rows: Sequence[Any] = (await reader.execute(self._oldest, {"known": known, "most": most})).all()
        await reader.rollback()
        if rows:
            self.since = self._recorded_at(reader, rows[0][-1])
        return [
            Fact(id, Message(topic=topic, key=key, headers=headers, value=payload.encode()))
            for id, topic, key, headers, payload, _ in rows
        ]

    async def _prepare(self, reader: AsyncConnection) -> None:
        if reader is not self._reader and not self._db.is_sqlite:
            await reader.execute(_BY_INDEX)
        self._reader = reader

    def _recorded_at(self, reader: AsyncConnection, found: Any) -> datetime:
        """Of one row: it would cost as much for each as all else of it."""
        process = self._outbox.c.recorded_at.type.result_processor(reader.dialect, None)
        return cast("datetime", process(found) if process else found)

    def published(self, ids: Iterable[int]) -> None:
        """The bus has acknowledged these."""
        if not self._published:
            self._mark_at = time.monotonic() + _MARK_EVERY_S
        self._published.update(ids)

    @property
    def unmarked(self) -> int:
        return len(self._published)

    @property
    def mark_due_s(self) -> float:
        """How long the marks may wait; for ever when there are none to be made."""
        return self._mark_at - time.monotonic()

    async def mark(self) -> None:
        """Write down what is published."""
        async with self._marking:
            if not (ids := sorted(self._published)):
                return
            async with self._db.transaction(_CAUSE) as tx:
                await tx.execute(self._marked, {"ids": keys(tx, ids), "at": tx.at})
            self._published.difference_update(ids)
            self._mark_at = time.monotonic() + _MARK_EVERY_S if self._published else float("inf")

    async def measured(self, reader: AsyncConnection) -> tuple[int, float]:
        """How many wait, and for how many seconds the first of them has."""
        c = self._outbox.c
        query = select(func.count(), func.min(c.recorded_at)).where(c.published_at.is_(None))
        pending, oldest = (await reader.execute(query)).one()
        await reader.rollback()
        return pending, (self._db.clock() - oldest).total_seconds() if isinstance(oldest, datetime) else 0.0


def _oldest(outbox: Table, *, is_postgresql: bool) -> Select[Any]:
    c = outbox.c
    is_known = in_keys(c.id, "known", is_postgresql=is_postgresql)
    columns = (c.id, c.topic, c.key, c.headers, c.payload, type_coerce(c.recorded_at, NULLTYPE))
    return select(*columns).where(c.published_at.is_(None), not_(is_known)).order_by(c.id).limit(bindparam("most"))


def _marked(outbox: Table, *, is_postgresql: bool) -> Update:
    these = in_keys(outbox.c.id, "ids", is_postgresql=is_postgresql)
    return update(outbox).where(these).values(published_at=bindparam("at"))
