"""Questions to subscriptions, their log and their replays."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from services.gateway import tables
from services.gateway.webhooks import store
from services.gateway.webhooks.store import Cursor
from services.gateway.webhooks.subscription import Subscription
from shared.db import Row, Transaction
from shared.web.listing import listing
from shared.web.paging import Page, PageRequest, page_of

_w, _a, _r = tables.webhooks, tables.webhook_attempts, tables.webhook_replays
_REPLAYS_SHOWN = 50
_WEBHOOKS = listing(_w, "owner", "url", "description", "status")
_ATTEMPTS = listing(_a, "message_id", "cause", "seq", "attempt", "status", "duration_ms", sorts=("duration_ms",))


async def subscriptions(tx: Transaction, *, owner: str | None, paged: PageRequest) -> Page[tuple[Subscription, Cursor]]:
    """Oldest first; of everybody without an owner."""
    query = select(_w) if owner is None else select(_w).where(_w.c.owner == owner)
    page = await page_of(tx, query, by=[_w.c.id], request=paged, read=store.from_row, listing=_WEBHOOKS)
    ids = [found.id for found in page.items]
    c = tables.webhook_cursors
    rows = await tx.rows(select(c).where(c.c.webhook_id.in_(ids)))
    cursors = {row["webhook_id"]: store.cursor_from(row) for row in rows}
    return page.of([(found, cursors[found.id]) for found in page.items])


async def attempts(tx: Transaction, id: str, *, delivered: bool | None, seq: int | None, paged: PageRequest) -> Page[Row]:
    """Oldest first."""
    query = select(_a).where(_a.c.webhook_id == id)
    if delivered is not None:
        query = query.where(_a.c.delivered == int(delivered))
    if seq is not None:
        query = query.where(_a.c.seq == seq)
    return await page_of(tx, query, by=[_a.c.id], request=paged, read=lambda row: row, listing=_ATTEMPTS)


async def replays(tx: Transaction, id: str) -> Sequence[Row]:
    """Newest first."""
    return await tx.rows(select(_r).where(_r.c.webhook_id == id).order_by(_r.c.id.desc()).limit(_REPLAYS_SHOWN))


async def replay(tx: Transaction, id: str) -> Row:
    row = await tx.row(select(_r).where(_r.c.id == id))
    assert row is not None
    return row
