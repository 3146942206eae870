"""What owners do with their keys. A key makes no keys: that takes the person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from services.gateway.consumers.feed import FeedWriter
from services.gateway.keys import store
from services.gateway.keys.key import MACHINE, ApiKey, Status, digest_of
from shared.auth import Principal, Unauthenticated
from shared.contracts import gateway as facts
from shared.db import Transaction
from shared.kernel.errors import Conflict, Forbidden, Invalid, NotFound, StaleVersion
from shared.kernel.ids import new_id

WATCHERS = ("coordinator", "auditor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    writer: FeedWriter
    per_owner: int
    overlap: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`roles`: None for all that the owner has."""

    name: str
    scopes: tuple[str, ...]
    roles: tuple[str, ...] | None
    lifetime: timedelta


def require_person(by: Principal) -> None:
    """Raises Unauthenticated, Forbidden for who came with a key."""
    if by.is_anonymous:
        raise Unauthenticated("API keys are for callers who are signed in.")
    if by.api_key is not None:
        raise Forbidden("API keys are looked after with a bearer token, not with an API key.")


async def create(tx: Transaction, rules: Rules, by: Principal, wanted: Wanted, *, secret: str) -> ApiKey:
    """Raises Invalid for roles that the owner does not have, Conflict when the owner has too many keys."""
    require_person(by)
    own = tuple(map(str, by.roles))
    if strangers := [role for role in wanted.roles or () if role not in own]:
        raise Invalid.at("/roles", f"You do not have the role {strangers[0]!r}; a key has some of yours.", code="not-yours")
    if await store.count_of(tx, by.actor) >= rules.per_owner:
        raise Conflict(f"An owner has at most {rules.per_owner} API keys; revoke one first.", code="too-many-api-keys")
    made = ApiKey(
        id=new_id(),
        version=0,
        owner=by.actor,
        name=wanted.name,
        roles=own if wanted.roles is None else wanted.roles,
        scopes=wanted.scopes,
        status=Status.ACTIVE,
        created_at=tx.at,
        expires_at=tx.at + wanted.lifetime,
    )
    added = await store.add(tx, rules.writer, made, facts.ApiKeyCreated(**_about(made)))
    await store.add_secret(tx, made.id, digest_of(secret))
    return added


async def readable(tx: Transaction, by: Principal, id: str) -> ApiKey:
    """For its owner and those who watch. Raises NotFound."""
    require_person(by)
    key = await store.get(tx, id)
    if key.owner != by.actor and not any(by.has(role) for role in WATCHERS):
        raise NotFound(f"There is no API key {id!r}.")
    return key


async def rotate(tx: Transaction, rules: Rules, by: Principal, id: str, *, version: int, secret: str) -> ApiKey:
    """The secret before is good until the overlap ends. Raises Conflict while a rotation is under way."""
    key = _at(await readable(tx, by, id), version)
    if key.owner != by.actor:
        raise Forbidden("Only the owner of an API key rotates it.")
    MACHINE.after("rotate", state=key.status)
    if await store.live_secrets(tx, id) > 1:
        raise Conflict("Two secrets of this key are live; rotate again when the older one has expired.", code="rotating")
    until = tx.at + rules.overlap
    await store.add_secret(tx, id, digest_of(secret), overlap_until=until)
    return await store.save(tx, rules.writer, key, facts.ApiKeyRotated(**_about(key), overlap_until=until))


async def revoke(tx: Transaction, rules: Rules, by: Principal, id: str, *, version: int) -> ApiKey:
    """At once, for good."""
    key = _at(await readable(tx, by, id), version)
    if key.owner != by.actor and not by.has("coordinator"):
        raise Forbidden("An API key is revoked by its owner or a coordinator.")
    revoked = key.revoked()
    await store.remove_secrets(tx, id)
    return await store.save(tx, rules.writer, revoked, facts.ApiKeyRevoked(**_about(revoked)))


def _at(key: ApiKey, version: int) -> ApiKey:
    if key.version != version:
        raise StaleVersion("This API key was changed since you read it.", current_version=key.version)
    return key


def _about(key: ApiKey) -> dict[str, Any]:
    return {
        "api_key_id": key.id,
        "owner": key.owner,
        "name": key.name,
        "scopes": key.scopes,
        "roles": key.roles,
        "status": key.status.value,
        "expires_at": key.expires_at,
    }
