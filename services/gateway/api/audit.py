"""The audit trail: who did what, and the chain that proves it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from services.gateway import queries, schemas
from services.gateway.api.parameters import After
from services.gateway.context import Gateway
from services.gateway.feed.view import Filters
from shared.kernel.errors import Forbidden
from shared.web.edge import AtEdge
from shared.web.wire import Identifier, Line

_READERS = ("auditor", "omb", "coordinator")
_LIMIT_DEFAULT = 100
_LIMIT_MAX = 1_000
router = APIRouter(tags=["audit"])


@router.get("/v1/audit", response_model=schemas.AuditPage)
async def list_audit_trail(
    at: AtEdge,
    subject: Annotated[Identifier | None, Query(description="Only facts about this aggregate")] = None,
    actor: Annotated[Line | None, Query(description="Only what this subject of a token did")] = None,
    after: After = 0,
    limit: Annotated[int, Query(ge=1, le=_LIMIT_MAX)] = _LIMIT_DEFAULT,
) -> Response:
    """Every fact with its place in the hash chain; for auditor, omb and coordinator."""
    if not any(at.principal.has(role) for role in _READERS):
        raise Forbidden(f"The audit trail is for the roles: {', '.join(_READERS)}.")
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
