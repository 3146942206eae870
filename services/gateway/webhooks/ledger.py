"""What came of each attempt, written before the next is made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, or_, select, update

from services.gateway import tables
from services.gateway.consumers.feed import FeedWriter
from services.gateway.webhooks import store
from services.gateway.webhooks.commands import disable
from services.gateway.webhooks.schedule import wait_after
from services.gateway.webhooks.sending import GONE, Outcome
from services.gateway.webhooks.store import Cursor
from services.gateway.webhooks.subscription import Status, Subscription
from shared.db import Database, Row, Transaction
from shared.kernel.cause import Cause
from shared.kernel.errors import NotFound
from shared.kernel.ids import new_id

CAUSE = Cause(actor="system:webhooks", correlation_id="webhooks")
_REPLAY_TRIES = 5
_w, _c, _r, _a = tables.webhooks, tables.webhook_cursors, tables.webhook_replays, tables.webhook_attempts


class LostLead(Exception):
    """Another process has moved this cursor: it leads now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A subscription with its cursor, as they stand."""

    subscription: Subscription
    cursor: Cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One POST. `cause`: event, replay or ping; a ping has no seq."""

    message_id: str
    cause: str
    outcome: Outcome
    number: int = 1
    seq: int | None = None


class Ledger:
    """Rows of cursors, attempts and replays."""

    def __init__(self, db: Database, writer: FeedWriter, *, disable_after: timedelta) -> None:
        self._db = db
        self._writer = writer
        self._disable_after = disable_after

    async def due(self) -> list[Work]:
        """Active subscriptions whose time to try (again) has come."""
        query = (
            select(_w, _c.c.seq, _c.c.attempt, _c.c.failing_since, _c.c.next_attempt_at)
            .join(_c, _c.c.webhook_id == _w.c.id)
            .where(_w.c.status == Status.ACTIVE.value)
        )
        async with self._db.reading() as tx:
            ready = query.where(or_(_c.c.next_attempt_at.is_(None), _c.c.next_attempt_at <= tx.at))
            return [_work(row) for row in await tx.rows(ready)]

    async def failing_s(self) -> float:
        """For how long the active subscription that fails longest has failed."""
        query = select(func.min(_c.c.failing_since)).join(_w, _c.c.webhook_id == _w.c.id)
        async with self._db.reading() as tx:
            since = (await tx.execute(query.where(_w.c.status == Status.ACTIVE.value))).scalar_one()
            return (tx.at - since).total_seconds() if since is not None else 0.0

    async def due_replays(self) -> list[tuple[str, str]]:
        """(replay, webhook)."""
        async with self._db.reading() as tx:
            ready = or_(_r.c.next_attempt_at.is_(None), _r.c.next_attempt_at <= tx.at)
            query = select(_r.c.id, _r.c.webhook_id).join(_w, _w.c.id == _r.c.webhook_id)
            query = query.where(_r.c.status == "running", _w.c.status == Status.ACTIVE.value, ready)
            return [(row["id"], row["webhook_id"]) for row in await tx.rows(query.order_by(_r.c.id))]

    async def work(self, id: str) -> Work | None:
        """As it stands now; None when there is nothing (any more) to deliver to."""
        try:
            async with self._db.reading() as tx:
                found = Work(subscription=await store.get(tx, id), cursor=await store.cursor_of(tx, id))
        except NotFound:
            return None
        return found if found.subscription.status is Status.ACTIVE else None

    async def delivered(self, work: Work, attempt: Attempt) -> Work | None:
        """The cursor has passed the event; None when the subscription was changed meanwhile: read it again.

        Raises LostLead.
        """
        assert attempt.seq is not None
        passed = Cursor(seq=attempt.seq)
        async with self._db.transaction(CAUSE) as tx:
            await self._log(tx, work.subscription.id, attempt)
            if not await store.move(tx, work.subscription.id, passed, since=work.cursor.seq):
                raise LostLead
            current = await tx.row(select(_w.c.version).where(_w.c.id == work.subscription.id))
        unchanged = current is not None and current["version"] == work.subscription.version
        return replace(work, cursor=passed) if unchanged else None

    async def failed(self, work: Work, attempt: Attempt) -> None:
        """Try again later, from the same event; or give the subscription up. Raises LostLead."""
        async with self._db.transaction(CAUSE) as tx:
            await self._log(tx, work.subscription.id, attempt)
            since = work.cursor.failing_since or tx.at
            wait = wait_after(attempt.number, retry_after_s=attempt.outcome.retry_after_s)
            waiting = Cursor(seq=work.cursor.seq, attempt=attempt.number, failing_since=since, next_attempt_at=tx.at + wait)
            if not await store.move(tx, work.subscription.id, waiting, since=work.cursor.seq):
                raise LostLead
            if reason := self._hopeless(attempt.outcome, since=since, at=tx.at):
                await self._disable(tx, work, reason)

    def _hopeless(self, outcome: Outcome, *, since: datetime, at: datetime) -> str | None:
        if outcome.status == GONE:
            return "the receiver answered 410: it does not want these any more"
        if at - since >= self._disable_after:
            return f"every attempt since {since:%Y-%m-%dT%H:%M:%SZ} failed"
        return None

    async def _disable(self, tx: Transaction, work: Work, reason: str) -> None:
        current = await store.get(tx, work.subscription.id)
        if current.status is Status.ACTIVE:
            await disable(tx, self._writer, current, reason=reason, after=work.cursor.seq)

    async def skipped(self, work: Work, seq: int) -> Work:
        """There was nothing for this subscription up to `seq`. Raises LostLead."""
        passed = replace(work.cursor, seq=seq)
        async with self._db.transaction(CAUSE) as tx:
            if not await store.move(tx, work.subscription.id, passed, since=work.cursor.seq):
                raise LostLead
        return replace(work, cursor=passed)

    async def pinged(self, id: str, attempt: Attempt) -> None:
        async with self._db.transaction(CAUSE) as tx:
            await self._log(tx, id, attempt)

    async def replay(self, id: str) -> Row | None:
        async with self._db.reading() as tx:
            return await tx.row(select(_r).where(_r.c.id == id, _r.c.status == "running"))

    async def replayed(self, row: Row, attempt: Attempt | None, *, up_to: int) -> bool:
        """Moves the replay on; False when it is over."""
        async with self._db.transaction(CAUSE) as tx:
            if attempt is not None:
                await self._log(tx, row["webhook_id"], attempt)
            values = _after(row, attempt, up_to=up_to, at=tx.at)
            moved = update(_r).where(_r.c.id == row["id"], _r.c.status == "running").values(values)
            rows = (await tx.execute(moved)).rowcount
        return rows == 1 and values["status"] == "running" and not values["attempt"]

    async def _log(self, tx: Transaction, id: str, attempt: Attempt) -> None:
        row = {
            "id": new_id(),
            "webhook_id": id,
            "message_id": attempt.message_id,
            "cause": attempt.cause,
            "seq": attempt.seq,
            "attempt": attempt.number,
            "delivered": int(attempt.outcome.delivered),
            "status": attempt.outcome.status,
            "error": attempt.outcome.error,
            "duration_ms": attempt.outcome.duration_ms,
            "at": tx.at,
        }
        await tx.execute(insert(_a).values(row))

    async def forget(self, *, older_than: timedelta) -> None:
        async with self._db.transaction(CAUSE) as tx:
            await tx.execute(delete(_a).where(_a.c.at < tx.at - older_than))


def _after(row: Row, attempt: Attempt | None, *, up_to: int, at: datetime) -> dict[str, object]:
    """What the replay's row says after an attempt, or after a stretch without anything to deliver."""
    if attempt is None or attempt.outcome.delivered:
        done = up_to >= row["to_seq"]
        return {"done_seq": up_to, "attempt": 0, "next_attempt_at": None, "status": "done" if done else "running"}
    if attempt.number >= _REPLAY_TRIES:
        told = attempt.outcome.error or f"HTTP {attempt.outcome.status}"
        return {"status": "failed", "attempt": attempt.number, "detail": f"seq {up_to}: {told}"}
    again = at + wait_after(attempt.number, retry_after_s=attempt.outcome.retry_after_s)
    return {"status": "running", "attempt": attempt.number, "next_attempt_at": again}


def _work(row: Row) -> Work:
    names = {"seq", "attempt", "failing_since", "next_attempt_at"}
    return Work(
        subscription=store.from_row({name: value for name, value in row.items() if name not in names}),
        cursor=store.cursor_from(row),
    )
