"""Rows ↔ subscriptions: `add`, `save` and `remove` write the fact along; the cursor moves apart from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from services.gateway import tables
from services.gateway.consumers.feed import FeedWriter
from services.gateway.feed.own import record
from services.gateway.feed.view import Filters
from services.gateway.webhooks.subscription import Secret, Status, Subscription
from shared.contracts.envelope import instant
from shared.contracts.gateway import WebhookFact
from shared.db import Row, Transaction
from shared.kernel.errors import NotFound, StaleVersion

_t = tables.webhooks
_c = tables.webhook_cursors.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Everything up to `seq` is delivered or not for this subscription. `attempt`: failures in a row of what comes next."""

    seq: int
    attempt: int = 0
    failing_since: datetime | None = None
    next_attempt_at: datetime | None = None


async def get(tx: Transaction, id: str) -> Subscription:
    """Raises NotFound."""
    row = await tx.row(select(_t).where(_t.c.id == id))
    if row is None:
        raise NotFound(f"There is no webhook {id!r}.")
    return from_row(row)


async def count_of(tx: Transaction, owner: str) -> int:
    return int((await tx.execute(select(func.count()).where(_t.c.owner == owner))).scalar_one())


async def add(
    tx: Transaction, writer: FeedWriter, subscription: Subscription, fact: WebhookFact, *, after: int
) -> Subscription:
    await tx.execute(insert(_t).values(id=subscription.id, version=1, **_to_row(subscription)))
    await tx.execute(insert(tables.webhook_cursors).values(webhook_id=subscription.id, seq=after, attempt=0))
    await record(tx, writer, fact, subject=subscription.id, version=1)
    return subscription.changed(version=1)


async def save(tx: Transaction, writer: FeedWriter, subscription: Subscription, fact: WebhookFact) -> Subscription:
    """Raises StaleVersion when another transaction wrote it since it was read."""
    version = subscription.version + 1
    written = update(_t).where(_t.c.id == subscription.id, _t.c.version == subscription.version)
    if (await tx.execute(written.values(version=version, **_to_row(subscription)))).rowcount != 1:
        raise _stale(subscription)
    await record(tx, writer, fact, subject=subscription.id, version=version)
    return subscription.changed(version=version)


async def remove(tx: Transaction, writer: FeedWriter, subscription: Subscription, fact: WebhookFact) -> None:
    """With its log and secrets; the facts of it stay. Raises StaleVersion."""
    removed = delete(_t).where(_t.c.id == subscription.id, _t.c.version == subscription.version)
    if (await tx.execute(removed)).rowcount != 1:
        raise _stale(subscription)
    for table in (tables.webhook_cursors, tables.webhook_attempts, tables.webhook_replays):
        await tx.execute(delete(table).where(table.c.webhook_id == subscription.id))
    await record(tx, writer, fact, subject=subscription.id, version=subscription.version + 1)


async def cursor_of(tx: Transaction, id: str) -> Cursor:
    """Raises NotFound."""
    row = await tx.row(select(tables.webhook_cursors).where(_c.webhook_id == id))
    if row is None:
        raise NotFound(f"There is no webhook {id!r}.")
    return cursor_from(row)


def cursor_from(row: Row) -> Cursor:
    names = ("seq", "attempt", "failing_since", "next_attempt_at")
    return Cursor(**{name: row[name] for name in names})


async def move(tx: Transaction, id: str, cursor: Cursor, *, since: int | None = None) -> bool:
    """False when the cursor does not stand at `since` any more: somebody else has moved it."""
    moved = update(tables.webhook_cursors).where(_c.webhook_id == id)
    if since is not None:
        moved = moved.where(_c.seq == since)
    values = {
        "seq": cursor.seq,
        "attempt": cursor.attempt,
        "failing_since": cursor.failing_since,
        "next_attempt_at": cursor.next_attempt_at,
    }
    return (await tx.execute(moved.values(values))).rowcount == 1


def from_row(row: Row) -> Subscription:
    values = {**row}
    values["filters"] = filters_from(values["filters"])
    values["roles"] = tuple(values["roles"])
    values["status"] = Status(values["status"])
    values["secrets"] = tuple(_secret(item) for item in values["secrets"])
    return Subscription(**values)


def filters_from(document: dict[str, Any]) -> Filters:
    return Filters(**{**document, "types": tuple(document.get("types", ()))})


def filters_document(filters: Filters) -> dict[str, Any]:
    names = ("focus_area", "subject", "agency", "filter")
    given = {name: getattr(filters, name) for name in names}
    return {"types": list(filters.types), **{name: value for name, value in given.items() if value is not None}}


def _to_row(subscription: Subscription) -> dict[str, Any]:
    return {
        "owner": subscription.owner,
        "roles": list(subscription.roles),
        "url": subscription.url,
        "description": subscription.description,
        "filters": filters_document(subscription.filters),
        "status": subscription.status.value,
        "reason": subscription.reason,
        "secrets": [_secret_document(secret) for secret in subscription.secrets],
        "sealed_key": subscription.sealed_key,
        "public_key": subscription.public_key,
        "created_at": subscription.created_at,
    }


def _secret(document: dict[str, Any]) -> Secret:
    until = document.get("good_until")
    return Secret(
        sealed=document["sealed"],
        made_at=datetime.fromisoformat(document["made_at"]),
        good_until=datetime.fromisoformat(until) if until else None,
    )


def _secret_document(secret: Secret) -> dict[str, Any]:
    until = instant(secret.good_until) if secret.good_until else None
    return {"sealed": secret.sealed, "made_at": instant(secret.made_at), "good_until": until}


def _stale(subscription: Subscription) -> StaleVersion:
    return StaleVersion(f"This webhook ({subscription.id}) was changed by someone else since it was read.")
