"""What an outbox holds that is not published yet: read in order, and marked a moment after it was published."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, Table, Update, bindparam, func, not_, select, type_coerce, update
from sqlalchemy.types import NULLTYPE

from shared.bus.port import Message
from shared.db import Database, Row, Transaction, in_keys, keys
from shared.kernel.cause import Cause

# A trickle's marks are written together: a transaction for each would cost as much as the facts' own.
_MARK_EVERY_S = 0.05
# The index has the order. Without statistics the planner would rather sort the whole backlog, for each batch.
_BY_INDEX = "SET enable_sort = off"
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
        self._measured = _measured(outbox)
        self._reader: Transaction | None = None
        self._published: set[int] = set()
        self._mark_at = float("inf")
        self._marking = asyncio.Lock()
        self.since = db.clock()

    async def oldest(self, reader: Transaction, *, most: int, besides: Iterable[int] = ()) -> list[Fact]:
        """In order; `besides` are under way. `since` is when the first was recorded."""
        await self._prepare(reader)
        given = {"known": keys(reader, [*self._published, *besides]), "most": most}
        rows = await reader.rows(self._oldest, given)
        if rows:
            self.since = _instant(rows[0]["recorded_at"])
        return [Fact(row["id"], _message(row)) for row in rows]

    async def _prepare(self, reader: Transaction) -> None:
        if reader is not self._reader and reader.is_postgresql:
            await reader.driver.control(_BY_INDEX)
        self._reader = reader

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

    async def measured(self, reader: Transaction) -> tuple[int, float]:
        """How many wait, and for how many seconds the first of them has."""
        found = await reader.row(self._measured)
        assert found is not None
        oldest = found["oldest"]
        return found["pending"], (self._db.clock() - oldest).total_seconds() if isinstance(oldest, datetime) else 0.0


def _instant(found: datetime | str) -> datetime:
    """As the driver has it, of one row: to have it made of each would cost as much as all else of it."""
    return datetime.fromisoformat(found) if isinstance(found, str) else found


def _message(row: Row) -> Message:
    return Message(topic=row["topic"], key=row["key"], headers=row["headers"], value=row["payload"].encode())


def _oldest(outbox: Table, *, is_postgresql: bool) -> Select[Any]:
    c = outbox.c
    is_known = in_keys(c.id, "known", is_postgresql=is_postgresql)
    columns = (c.id, c.topic, c.key, c.headers, c.payload, type_coerce(c.recorded_at, NULLTYPE).label("recorded_at"))
    return select(*columns).where(c.published_at.is_(None), not_(is_known)).order_by(c.id).limit(bindparam("most"))


def _marked(outbox: Table, *, is_postgresql: bool) -> Update:
    these = in_keys(outbox.c.id, "ids", is_postgresql=is_postgresql)
    return update(outbox).where(these).values(published_at=bindparam("at"))


def _measured(outbox: Table) -> Select[int, Any]:
    c = outbox.c
    oldest = func.min(c.recorded_at).label("oldest")
    return select(func.count().label("pending"), oldest).where(c.published_at.is_(None))
