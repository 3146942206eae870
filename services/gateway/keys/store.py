"""Rows ↔ keys; secrets only as digests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, update

from services.gateway import tables
from services.gateway.consumers.feed import FeedWriter
from services.gateway.feed.own import record
from services.gateway.keys.key import ApiKey, Status
from shared.contracts.gateway import ApiKeyFact
from shared.db import Row, Transaction
from shared.kernel.errors import NotFound, StaleVersion

_t, _s = tables.api_keys, tables.api_key_secrets
_COLUMNS = ("owner", "name", "roles", "scopes", "status", "created_at", "expires_at")


async def get(tx: Transaction, id: str) -> ApiKey:
    """Raises NotFound."""
    row = await tx.row(select(_t).where(_t.c.id == id))
    if row is None:
        raise NotFound(f"There is no API key {id!r}.")
    return from_row(row)


async def by_digest(tx: Transaction, digest: str) -> ApiKey | None:
    """The key that a secret opens now: active, not expired, the secret not replaced for too long."""
    live = (
        _t.c.status == Status.ACTIVE.value,
        _t.c.expires_at > tx.at,
        or_(_s.c.good_until.is_(None), _s.c.good_until > tx.at),
    )
    row = await tx.row(select(_t).join(_s, _s.c.api_key_id == _t.c.id).where(_s.c.digest == digest, *live))
    return from_row(row) if row else None


async def count_of(tx: Transaction, owner: str) -> int:
    live = select(func.count()).where(_t.c.owner == owner, _t.c.status == Status.ACTIVE.value, _t.c.expires_at > tx.at)
    return int((await tx.execute(live)).scalar_one())


async def live_secrets(tx: Transaction, id: str) -> int:
    live = select(func.count()).where(_s.c.api_key_id == id, or_(_s.c.good_until.is_(None), _s.c.good_until > tx.at))
    return int((await tx.execute(live)).scalar_one())


async def add(tx: Transaction, writer: FeedWriter, key: ApiKey, fact: ApiKeyFact) -> ApiKey:
    await tx.execute(insert(_t).values(id=key.id, version=1, **_to_row(key)))
    await record(tx, writer, fact, subject=key.id, version=1)
    return await get(tx, key.id)


async def save(tx: Transaction, writer: FeedWriter, key: ApiKey, fact: ApiKeyFact) -> ApiKey:
    """Raises StaleVersion when another transaction wrote it since it was read."""
    written = update(_t).where(_t.c.id == key.id, _t.c.version == key.version)
    if (await tx.execute(written.values(version=key.version + 1, **_to_row(key)))).rowcount != 1:
        raise StaleVersion(f"This API key ({key.id}) was changed by someone else since it was read.")
    await record(tx, writer, fact, subject=key.id, version=key.version + 1)
    return await get(tx, key.id)


async def add_secret(tx: Transaction, id: str, digest: str, *, overlap_until: datetime | None = None) -> None:
    """The newest; those before end with the overlap."""
    if overlap_until is not None:
        await tx.execute(update(_s).where(_s.c.api_key_id == id, _s.c.good_until.is_(None)).values(good_until=overlap_until))
    await tx.execute(insert(_s).values(digest=digest, api_key_id=id, made_at=tx.at))


async def remove_secrets(tx: Transaction, id: str) -> None:
    await tx.execute(delete(_s).where(_s.c.api_key_id == id))


def from_row(row: Row) -> ApiKey:
    values = {**row}
    values |= {"roles": tuple(values["roles"]), "scopes": tuple(values["scopes"]), "status": Status(values["status"])}
    return ApiKey(**{str(name): value for name, value in values.items()})


def _to_row(key: ApiKey) -> dict[str, Any]:
    values = {name: getattr(key, name) for name in _COLUMNS}
    return values | {"roles": list(key.roles), "scopes": list(key.scopes), "status": key.status.value}
