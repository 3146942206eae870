"""Webhooks: subscribe, look after, test, deliver again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Body, Query, Response

from services.gateway.api.parameters import SEQ_MAX
from services.gateway.context import Gateway
from services.gateway.webhooks import commands, queries, schemas, store
from services.gateway.webhooks.commands import Wanted
from services.gateway.webhooks.subscription import Subscription
from shared.auth import Unauthenticated
from shared.db import Row, Transaction
from shared.web.edge import Answered, AtEdge, Edge, Listed
from shared.web.routes import Router
from shared.web.wire import Identifier

router = Router(tags=["webhooks"])


def _gateway(at: Edge) -> Gateway:
    found: Gateway = at.request.app.state.context
    return found


async def _shown(tx: Transaction, at: Edge, subscription: Subscription) -> schemas.WebhookShown:
    cursor = await store.cursor_of(tx, subscription.id)
    return schemas.shown(subscription, cursor, by=at.principal, at=tx.at)


async def _write(at: Edge, command: Callable[[Transaction], Awaitable[Subscription]], *, status: int = 200) -> Response:
    async def answered(tx: Transaction) -> Answered:
        changed = await command(tx)
        return Answered(await _shown(tx, at, changed), changed.version, f"/v1/webhooks/{changed.id}" if status == 201 else None)

    answer = await at.write(answered, status=status)
    _gateway(at).deliveries.wake()
    return answer


@router.post("/v1/webhooks", status_code=201, response_model=schemas.WebhookShown)
async def create_webhook(body: schemas.NewWebhook, at: AtEdge) -> Response:
    """Deliver what you may see, and asked for, in the order of the feed. `GET …/secrets` shows the secret."""
    rules = _gateway(at).webhook_rules
    wanted = Wanted(url=body.url, description=body.description, filters=body.filters.to_filters())
    return await _write(at, lambda tx: commands.create(tx, rules, at.principal, wanted, after=body.after), status=201)


@router.get("/v1/webhooks", response_model=schemas.WebhookPage)
async def list_webhooks(
    at: AtEdge, paged: Listed, everybody: Annotated[bool, Query(description="Of all owners: coordinator, auditor")] = False
) -> Response:
    """Your own; for coordinator and auditor everybody's on request."""
    if at.principal.is_anonymous:
        raise Unauthenticated("Webhooks are for callers who are signed in.")
    watches = everybody and any(at.principal.has(role) for role in commands.WATCHERS)
    owner = None if watches else at.principal.actor
    clock = _gateway(at).db.clock
    page = await at.read(lambda tx: queries.subscriptions(tx, owner=owner, paged=paged))
    return at.show_page(page, [schemas.shown(found, cursor, by=at.principal, at=clock()) for found, cursor in page.items])


@router.get("/v1/webhooks/{id}", response_model=schemas.WebhookShown)
async def show_webhook(id: Identifier, at: AtEdge) -> Response:
    async def query(tx: Transaction) -> tuple[schemas.WebhookShown, int]:
        found = await commands.readable(tx, at.principal, id)
        return await _shown(tx, at, found), found.version

    model, version = await at.read(query)
    return at.show(model, version=version)


@router.patch("/v1/webhooks/{id}", response_model=schemas.WebhookShown)
async def change_webhook(id: Identifier, body: schemas.WebhookChange, at: AtEdge) -> Response:
    """Address, description, filters. Your roles are taken over as they are now."""
    version, rules = at.expected_version(), _gateway(at).webhook_rules
    wanted = Wanted(url=body.url, description=body.description, filters=body.filters.to_filters() if body.filters else None)

    async def command(tx: Transaction) -> Subscription:
        found = await commands.owned_at(tx, at.principal, id, version=version)
        return await commands.change(tx, rules, at.principal, found, wanted)

    return await _write(at, command)


@router.delete("/v1/webhooks/{id}", status_code=200, response_model=schemas.WebhookShown)
async def delete_webhook(id: Identifier, at: AtEdge) -> Response:
    """With its log and its secrets; the answer shows it a last time."""
    version, rules = at.expected_version(), _gateway(at).webhook_rules

    async def command(tx: Transaction) -> Answered:
        last = await _shown(tx, at, await commands.readable(tx, at.principal, id))
        await commands.remove(tx, rules, at.principal, id, version=version)
        return Answered(last)

    return await at.write(command)


@router.post("/v1/webhooks/{id}/pause", response_model=schemas.WebhookShown)
async def pause_webhook(id: Identifier, at: AtEdge) -> Response:
    """Nothing is lost meanwhile: resuming goes on where it stopped."""
    version, rules = at.expected_version(), _gateway(at).webhook_rules
    return await _write(at, lambda tx: commands.pause(tx, rules, at.principal, id, version=version))


@router.post("/v1/webhooks/{id}/resume", response_model=schemas.WebhookShown)
async def resume_webhook(id: Identifier, at: AtEdge, body: Annotated[schemas.Resumption | None, Body()] = None) -> Response:
    """After a pause, or when it was disabled. Skips nothing, unless you say after which seq to go on."""
    version, rules = at.expected_version(), _gateway(at).webhook_rules
    after = body.after if body else None

    async def command(tx: Transaction) -> Subscription:
        found = await commands.owned_at(tx, at.principal, id, version=version)
        return await commands.resume(tx, rules, at.principal, found, after=after)

    return await _write(at, command)


@router.post("/v1/webhooks/{id}/rotate-secret", response_model=schemas.WebhookShown)
async def rotate_webhook_secret(id: Identifier, at: AtEdge) -> Response:
    """A new secret; messages carry the signatures of both until the one before expires."""
    version, rules = at.expected_version(), _gateway(at).webhook_rules

    async def command(tx: Transaction) -> Subscription:
        return await commands.rotate(tx, rules, await commands.owned_at(tx, at.principal, id, version=version))

    return await _write(at, command)


@router.get("/v1/webhooks/{id}/secrets", response_model=schemas.SecretsShown)
async def show_webhook_secrets(id: Identifier, at: AtEdge) -> Response:
    """Those that sign now, newest first; for the owner alone."""
    found = await at.read(lambda tx: commands.owned(tx, at.principal, id))
    keyring = _gateway(at).webhook_rules.keyring
    items = [
        schemas.SecretShown(
            secret=commands.revealed(keyring, found, secret=secret), made_at=secret.made_at, good_until=secret.good_until
        )
        for secret in found.live_secrets(_gateway(at).db.clock())
    ]
    return Response(schemas.SecretsShown(items=items).model_dump_json(), 200, {"Cache-Control": "no-store"}, "application/json")


_NOT_SENT = schemas.PingShown(
    message_id="", delivered=False, status=None, error="validate_only: nothing was sent", duration_ms=0
)


@router.post("/v1/webhooks/{webhook_id}/ping", response_model=schemas.PingShown)
async def ping_webhook(webhook_id: Identifier, at: AtEdge) -> Response:
    """Sends a `qsmo.gateway.webhook.pinged.v1` now, and says what came of it."""
    if at.principal.is_anonymous:
        raise Unauthenticated("Webhooks are for callers who are signed in.")
    at.ignore_key()
    dry = at.is_dry_run()
    found = await at.read(lambda tx: commands.owned(tx, at.principal, webhook_id))
    if dry:
        return Response(_NOT_SENT.model_dump_json(), headers={"QSMO-Validate-Only": "true"}, media_type="application/json")
    made = await _gateway(at).deliveries.ping(found)
    outcome = made.outcome
    shown = schemas.PingShown(
        message_id=made.message_id,
        delivered=outcome.delivered,
        status=outcome.status,
        error=outcome.error,
        duration_ms=outcome.duration_ms,
    )
    return Response(shown.model_dump_json(), media_type="application/json")


@router.get("/v1/webhooks/{id}/deliveries", response_model=schemas.AttemptPage)
async def list_webhook_deliveries(
    id: Identifier,
    at: AtEdge,
    paged: Listed,
    delivered: Annotated[bool | None, Query(description="Only attempts that succeeded, or that did not")] = None,
    seq: Annotated[int | None, Query(ge=1, le=SEQ_MAX, description="Only attempts for this event")] = None,
) -> Response:
    """Every attempt, oldest first."""
    await at.read(lambda tx: commands.readable(tx, at.principal, id))
    page = await at.read(lambda tx: queries.attempts(tx, id, delivered=delivered, seq=seq, paged=paged))
    return at.show_page(page, [_attempt(row) for row in page.items])


def _attempt(row: Row) -> schemas.AttemptShown:
    return schemas.AttemptShown.model_validate({name: row[name] for name in schemas.AttemptShown.model_fields})


@router.post("/v1/webhooks/{webhook_id}/redeliver", status_code=202, response_model=schemas.ReplayShown)
async def redeliver(webhook_id: Identifier, body: schemas.Redelivery, at: AtEdge) -> Response:
    """One event once more, with the same `webhook-id`."""
    return await _replay(at, webhook_id, from_seq=body.seq, to_seq=body.seq)


@router.post("/v1/webhooks/{webhook_id}/replay", status_code=202, response_model=schemas.ReplayShown)
async def replay_webhook(webhook_id: Identifier, body: schemas.ReplayRange, at: AtEdge) -> Response:
    """A stretch of the feed once more, in order, beside what is new; with the same `webhook-id`s."""
    return await _replay(at, webhook_id, from_seq=body.from_seq, to_seq=body.to_seq)


async def _replay(at: Edge, id: str, *, from_seq: int, to_seq: int) -> Response:
    async def command(tx: Transaction) -> Answered:
        found = await commands.owned(tx, at.principal, id)
        asked = await commands.replay(tx, found, from_seq=from_seq, to_seq=to_seq)
        return Answered(_replay_shown(await queries.replay(tx, asked)))

    answer = await at.write(command, status=202)
    _gateway(at).deliveries.wake()
    return answer


@router.get("/v1/webhooks/{id}/replays", response_model=schemas.ReplaysShown)
async def list_webhook_replays(id: Identifier, at: AtEdge) -> Response:
    """The newest first."""
    await at.read(lambda tx: commands.readable(tx, at.principal, id))
    rows = await at.read(lambda tx: queries.replays(tx, id))
    shown = schemas.ReplaysShown(items=[_replay_shown(row) for row in rows])
    return Response(shown.model_dump_json(), media_type="application/json")


def _replay_shown(row: Row) -> schemas.ReplayShown:
    return schemas.ReplayShown.model_validate({name: row[name] for name in schemas.ReplayShown.model_fields})
