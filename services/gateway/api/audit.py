"""The audit trail: who did what, and the chain that proves it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Response

from services.gateway import queries, schemas
from services.gateway.api.parameters import SEQ_MAX, After
from services.gateway.audit.checkpoint import shown_key
from services.gateway.audit.making import checkpoints
from services.gateway.context import Gateway
from services.gateway.feed.view import Filters, View
from services.gateway.keyring import key_id
from shared.auth import Principal
from shared.kernel.errors import Forbidden, NotFound
from shared.web.edge import AtEdge
from shared.web.routes import Router
from shared.web.wire import Identifier, Line

_READERS = ("auditor", "omb", "coordinator")
_LIMIT_DEFAULT = 100
_LIMIT_MAX = 1_000
router = Router(tags=["audit"])


def require_reader(by: Principal) -> None:
    """Raises Forbidden."""
    if not any(by.has(role) for role in _READERS):
        raise Forbidden(f"The audit trail is for the roles: {', '.join(_READERS)}.")


@router.get("/v1/audit", response_model=schemas.AuditPage)
async def list_audit_trail(
    at: AtEdge,
    subject: Annotated[Identifier | None, Query(description="Only facts about this aggregate")] = None,
    actor: Annotated[Line | None, Query(description="Only what this subject of a token did")] = None,
    after: After = 0,
    limit: Annotated[int, Query(ge=1, le=_LIMIT_MAX)] = _LIMIT_DEFAULT,
) -> Response:
    """Every fact with its place in the hash chain; for auditor, omb and coordinator."""
    require_reader(at.principal)
    filters = Filters(subject=subject, actor=actor)
    trail = await at.read(lambda tx: queries.audit_trail(tx, filters, after=after, limit=limit))
    items = b",".join([_item(link) for link in trail.links])
    body = b'{"items":[%b],"next_after":%d,"head":%d}' % (items, trail.next_after, trail.head)
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


def _item(link: queries.Link) -> bytes:
    return b'{"seq":%d,"event":%b,"prev_hash":"%b","hash":"%b"}' % (
        link.entry.seq,
        link.entry.structured,
        link.prev_hash.encode(),
        link.hash.encode(),
    )


@router.get("/v1/audit/head", response_model=schemas.HeadShown)
async def show_audit_head(at: AtEdge) -> Response:
    gateway: Gateway = at.request.app.state.context
    head = await gateway.reader.head()
    return at.show(schemas.HeadShown(seq=head.seq, hash=head.hash))


@router.get("/v1/audit/checkpoints", response_model=schemas.CheckpointPage)
async def list_checkpoints(
    at: AtEdge,
    after: After = 0,
    limit: Annotated[int, Query(ge=1, le=_LIMIT_MAX)] = _LIMIT_DEFAULT,
) -> Response:
    """Signed statements about the feed, for everybody to keep: they hold hashes only. Oldest first."""
    found = await at.read(lambda tx: checkpoints(tx, after=after, limit=limit))
    following = found[-1].statement.seq if len(found) == limit else None
    return at.show(schemas.CheckpointPage(items=[schemas.shown_checkpoint(item) for item in found], next_after=following))


@router.get("/v1/audit/keys", response_model=schemas.AuditKeys)
async def list_audit_keys(at: AtEdge) -> Response:
    """What checkpoints are signed with. Keep it elsewhere: a verifier must not ask whom it checks."""
    gateway: Gateway = at.request.app.state.context
    keyring = gateway.keyring
    if keyring is None:
        return at.show(schemas.AuditKeys(items=[]))
    public = keyring.audit.public_key()
    return at.show(schemas.AuditKeys(items=[schemas.AuditKey(key_id=key_id(public), public_key=shown_key(public))]))


@router.get("/v1/audit/proofs/{seq}", response_model=schemas.ProofShown)
async def show_proof(seq: Annotated[int, Path(ge=1, le=SEQ_MAX)], at: AtEdge) -> Response:
    """That a signed checkpoint covers this event: RFC 9162 audit path over the hashes of the checkpoint's events."""
    gateway: Gateway = at.request.app.state.context
    if await gateway.reader.one(View(at.principal), seq) is None:
        raise NotFound(f"There is no event {seq}, or you may not see it.")
    found = await at.read(lambda tx: gateway.proofs.of(tx, seq))
    shown = schemas.ProofShown(
        seq=seq,
        event=found.event,
        prev_hash=found.prev_hash,
        hash=found.hash,
        path=list(found.path),
        checkpoint=schemas.shown_checkpoint(found.checkpoint),
    )
    return at.show(shown)
