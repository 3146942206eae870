"""What owners do with their subscriptions; the platform's own disabling; replays asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, insert, select

from services.gateway import tables
from services.gateway.consumers.feed import FeedWriter
from services.gateway.feed.reading import head_of
from services.gateway.feed.view import Filters
from services.gateway.keyring import Keyring
from services.gateway.webhooks import signing, store
from services.gateway.webhooks.guard import Guard
from services.gateway.webhooks.store import Cursor
from services.gateway.webhooks.subscription import Secret, Status, Subscription
from shared.auth import Principal, Unauthenticated
from shared.contracts import gateway as facts
from shared.db import Transaction
from shared.kernel.errors import Conflict, Forbidden, Invalid, NotFound, RuleViolation, StaleVersion
from shared.kernel.ids import new_id

WATCHERS = ("coordinator", "auditor")
_REPLAYS_MAX = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What commands need to know besides the rows."""

    writer: FeedWriter
    keyring: Keyring
    guard: Guard
    per_owner: int
    overlap: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an owner asks for; None leaves it as it is."""

    url: str | None = None
    description: str | None = None
    filters: Filters | None = None


async def readable(tx: Transaction, by: Principal, id: str) -> Subscription:
    """For its owner and those who watch; nobody else learns that it is there. Raises NotFound."""
    if by.is_anonymous:
        raise Unauthenticated("Webhooks are for callers who are signed in.")
    subscription = await store.get(tx, id)
    if subscription.owner != by.actor and not any(by.has(role) for role in WATCHERS):
        raise NotFound(f"There is no webhook {id!r}.")
    return subscription


async def owned(tx: Transaction, by: Principal, id: str) -> Subscription:
    """Raises NotFound, Forbidden."""
    subscription = await readable(tx, by, id)
    if subscription.owner != by.actor:
        raise Forbidden("Only the owner of a webhook may do this.")
    return subscription


async def owned_at(tx: Transaction, by: Principal, id: str, *, version: int) -> Subscription:
    """Raises also StaleVersion."""
    return _at(await owned(tx, by, id), version)


def _at(subscription: Subscription, version: int) -> Subscription:
    if subscription.version != version:
        raise StaleVersion("This webhook was changed since you read it.", current_version=subscription.version)
    return subscription


async def create(tx: Transaction, rules: Rules, by: Principal, wanted: Wanted, *, after: int | None) -> Subscription:
    """Begins at the head, or after a seq. Raises Invalid, Conflict when the owner has too many."""
    assert wanted.url is not None
    rules.guard.check_url(wanted.url)
    if await store.count_of(tx, by.actor) >= rules.per_owner:
        raise Conflict(f"An owner has at most {rules.per_owner} webhooks; delete one first.", code="too-many-webhooks")
    id, private = new_id(), Ed25519PrivateKey.generate()
    made = Subscription(
        id=id,
        version=0,
        owner=by.actor,
        roles=tuple(map(str, by.roles)),
        url=wanted.url,
        description=wanted.description or "",
        filters=wanted.filters or Filters(),
        status=Status.ACTIVE,
        reason=None,
        secrets=(Secret(sealed=rules.keyring.seal(signing.new_secret(), about=id), made_at=tx.at),),
        sealed_key=rules.keyring.seal(private.private_bytes_raw(), about=id),
        public_key=signing.shown_public_key(private),
        created_at=tx.at,
    )
    begin = await _begin(tx, after)
    return await store.add(tx, rules.writer, made, facts.WebhookCreated(**_about(made)), after=begin)


async def _begin(tx: Transaction, after: int | None) -> int:
    head = (await head_of(tx)).seq
    if after is not None and after > head:
        raise Invalid.at("/after", f"The feed's head is {head}; delivery cannot begin after {after}.", code="beyond-head")
    return head if after is None else after


async def change(tx: Transaction, rules: Rules, by: Principal, subscription: Subscription, wanted: Wanted) -> Subscription:
    """Takes over the owner's roles as they are now. Raises Invalid."""
    if wanted.url is not None:
        rules.guard.check_url(wanted.url)
    given = {"url": wanted.url, "description": wanted.description, "filters": wanted.filters}
    changed = subscription.changed(**{name: value for name, value in given.items() if value is not None}, **_roles(by))
    return await store.save(tx, rules.writer, changed, facts.WebhookChanged(**_about(changed)))


async def pause(tx: Transaction, rules: Rules, by: Principal, id: str, *, version: int) -> Subscription:
    """By the owner, or by a coordinator for everybody's sake."""
    subscription = _at(await readable(tx, by, id), version)
    _require_owner_or_coordinator(by, subscription)
    paused = subscription.paused()
    return await store.save(tx, rules.writer, paused, facts.WebhookPaused(**_about(paused)))


def _require_owner_or_coordinator(by: Principal, subscription: Subscription) -> None:
    if subscription.owner != by.actor and not by.has("coordinator"):
        raise Forbidden("This is for the owner of the webhook and for a coordinator.")


async def resume(
    tx: Transaction, rules: Rules, by: Principal, subscription: Subscription, *, after: int | None
) -> Subscription:
    """From where it stopped, so that nothing is skipped; or from another seq, if its owner says so."""
    cursor = await store.cursor_of(tx, subscription.id)
    begin = cursor.seq if after is None else await _begin(tx, after)
    resumed = subscription.resumed().changed(**_roles(by))
    await store.move(tx, resumed.id, Cursor(seq=begin))
    return await store.save(tx, rules.writer, resumed, facts.WebhookResumed(**_about(resumed), after=begin))


async def rotate(tx: Transaction, rules: Rules, subscription: Subscription) -> Subscription:
    """The new secret signs from now on; so does the one before, until the overlap ends."""
    sealed = rules.keyring.seal(signing.new_secret(), about=subscription.id)
    until = tx.at + rules.overlap
    rotated = subscription.rotated(sealed, at=tx.at, overlap_until=until)
    fact = facts.WebhookSecretRotated(**_about(rotated), overlap_until=until)
    return await store.save(tx, rules.writer, rotated, fact)


async def remove(tx: Transaction, rules: Rules, by: Principal, id: str, *, version: int) -> None:
    subscription = _at(await readable(tx, by, id), version)
    _require_owner_or_coordinator(by, subscription)
    await store.remove(tx, rules.writer, subscription, facts.WebhookDeleted(**_about(subscription) | {"status": "deleted"}))


async def disable(tx: Transaction, writer: FeedWriter, subscription: Subscription, *, reason: str, after: int) -> None:
    """By the platform. Raises StaleVersion when it was changed meanwhile."""
    disabled = subscription.disabled(reason)
    await store.save(tx, writer, disabled, facts.WebhookDisabled(**_about(disabled), after=after))


async def replay(tx: Transaction, subscription: Subscription, *, from_seq: int, to_seq: int) -> str:
    """Asks for a stretch of the feed to be delivered again, beside what is new; the id of the replay.

    Raises Invalid, Conflict while many wait.
    """
    head = (await head_of(tx)).seq
    if not from_seq <= to_seq <= head:
        raise Invalid.at("/to_seq", f"A replay goes from a seq to one not before it, up to the head ({head}).")
    if subscription.status is not Status.ACTIVE:
        raise RuleViolation("Only an active webhook is replayed to.", missing=("resume it",))
    r = tables.webhook_replays
    waiting = select(func.count()).where(r.c.webhook_id == subscription.id, r.c.status == "running")
    if (await tx.execute(waiting)).scalar_one() >= _REPLAYS_MAX:
        raise Conflict(f"{_REPLAYS_MAX} replays of this webhook are under way; wait for one to end.", code="too-many-replays")
    row: dict[str, Any] = {
        "id": new_id(),
        "webhook_id": subscription.id,
        "from_seq": from_seq,
        "to_seq": to_seq,
        "done_seq": from_seq - 1,
        "attempt": 0,
        "status": "running",
        "actor": tx.cause.actor,
        "requested_at": tx.at,
    }
    await tx.execute(insert(r).values(row))
    return str(row["id"])


def revealed(keyring: Keyring, subscription: Subscription, *, secret: Secret) -> str:
    return signing.shown_secret(keyring.open(secret.sealed, about=subscription.id))


def _roles(by: Principal) -> dict[str, Any]:
    return {"roles": tuple(map(str, by.roles))}


def _about(subscription: Subscription) -> dict[str, Any]:
    return {
        "webhook_id": subscription.id,
        "owner": subscription.owner,
        "host": subscription.host,
        "status": subscription.status.value,
        "reason": subscription.reason,
    }
