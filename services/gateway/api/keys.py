"""API keys: make, list, rotate, revoke."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated

import orjson
from fastapi import Query, Request, Response
from sqlalchemy import select

from services.gateway import tables
from services.gateway.context import Gateway
from services.gateway.keys import commands, schemas, store
from services.gateway.keys.commands import Wanted
from services.gateway.keys.key import ApiKey, new_secret
from shared.db import Transaction
from shared.kernel.errors import NotFound
from shared.web import own_writes
from shared.web.edge import Answered, AtEdge, Edge, Listed
from shared.web.listing import listing
from shared.web.paging import page_of
from shared.web.routes import Router
from shared.web.wire import Identifier

router = Router(tags=["api keys"])
_KEYS = listing(tables.api_keys, "owner", "name", "status", sorts=("name",))


def _gateway(at: Edge) -> Gateway:
    found: Gateway = at.request.app.state.context
    return found


async def _write(
    at: Edge, command: Callable[[Transaction], Awaitable[ApiKey]], *, status: int = 200, secret: str | None = None
) -> Response:
    """The secret joins the answer after what is kept of it for replays was kept."""

    async def answered(tx: Transaction) -> Answered:
        key = await command(tx)
        return Answered(schemas.shown(key), key.version, f"/v1/api-keys/{key.id}" if status == 201 else None)

    answer = await at.write(answered, status=status)
    _gateway(at).exchange.forget()
    kept = "idempotency-replayed" in answer.headers or "qsmo-validate-only" in answer.headers
    if secret is None or kept:
        return answer
    body = orjson.dumps({**orjson.loads(answer.body), "secret": secret})
    headers = {"ETag": answer.headers["etag"], "Cache-Control": "no-store"}
    headers |= {name: answer.headers[name] for name in ("location", own_writes.VERSION) if name in answer.headers}
    return Response(body, answer.status_code, headers, "application/json")


@router.post("/v1/api-keys", status_code=201, response_model=schemas.ApiKeyShown)
async def create_api_key(body: schemas.NewApiKey, at: AtEdge) -> Response:
    """For a system that acts for you: `X-Api-Key: <secret>`, or as a bearer token. The secret is shown this once."""
    rules, secret = _gateway(at).key_rules, new_secret()
    wanted = Wanted(
        name=body.name,
        scopes=tuple(scope.value for scope in body.scopes),
        roles=None if body.roles is None else tuple(body.roles),
        lifetime=timedelta(days=body.lifetime_days),
    )
    command = lambda tx: commands.create(tx, rules, at.principal, wanted, secret=secret)  # noqa: E731 - used once, too long inline
    return await _write(at, command, status=201, secret=secret)


@router.get("/v1/api-keys", response_model=schemas.ApiKeyPage)
async def list_api_keys(
    at: AtEdge, paged: Listed, everybody: Annotated[bool, Query(description="Of all owners: coordinator, auditor")] = False
) -> Response:
    """Your own, oldest first; for coordinator and auditor everybody's on request."""
    commands.require_person(at.principal)
    watches = everybody and any(at.principal.has(role) for role in commands.WATCHERS)
    c = tables.api_keys.c
    query = select(tables.api_keys) if watches else select(tables.api_keys).where(c.owner == at.principal.actor)
    page = await at.read(lambda tx: page_of(tx, query, by=[c.id], request=paged, read=store.from_row, listing=_KEYS))
    return at.show_page(page, [schemas.shown(key) for key in page.items])


@router.get("/v1/api-keys/{id}", response_model=schemas.ApiKeyShown)
async def show_api_key(id: Identifier, at: AtEdge) -> Response:
    key = await at.read(lambda tx: commands.readable(tx, at.principal, id))
    return at.show(schemas.shown(key), version=key.version)


@router.post("/v1/api-keys/{id}/rotate", response_model=schemas.ApiKeyShown)
async def rotate_api_key(id: Identifier, at: AtEdge) -> Response:
    """A new secret, shown this once; the one before is good for a while longer."""
    version, rules, secret = at.expected_version(), _gateway(at).key_rules, new_secret()
    return await _write(
        at, lambda tx: commands.rotate(tx, rules, at.principal, id, version=version, secret=secret), secret=secret
    )


@router.post("/v1/api-keys/{id}/revoke", response_model=schemas.ApiKeyShown)
async def revoke_api_key(id: Identifier, at: AtEdge) -> Response:
    """For good; other replicas hear of it within five seconds."""
    version, rules = at.expected_version(), _gateway(at).key_rules
    return await _write(at, lambda tx: commands.revoke(tx, rules, at.principal, id, version=version))


@router.get("/.well-known/gateway-jwks.json", include_in_schema=False)
async def show_gateway_keys(request: Request) -> Response:
    """What the services verify tokens with that the gateway makes for API keys."""
    gateway: Gateway = request.app.state.context
    if gateway.tokens is None:
        raise NotFound("This installation has no key of its own.")
    return Response(orjson.dumps(gateway.tokens.jwks()), media_type="application/json")
