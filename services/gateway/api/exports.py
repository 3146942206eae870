"""Everything in one file: snapshots and what changed since."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from services.gateway.api.audit import require_reader
from services.gateway.api.parameters import After
from services.gateway.context import Gateway
from services.gateway.exports import RESOURCES, Export, Lines, begun
from services.gateway.feed.view import View
from shared.kernel.errors import Invalid
from shared.web.edge import AtEdge, Edge

Exported = StrEnum("Exported", {name: name for name in ("events", "audit", *RESOURCES)})  # type: ignore[misc]
_NDJSON: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}, "description": "One JSON document a line"}
}
router = APIRouter(tags=["exports"])


class Format(StrEnum):
    NDJSON = "ndjson"


@router.get("/v1/exports", responses=_NDJSON, response_class=Response)
async def export(
    at: AtEdge,
    resource: Annotated[Exported, Query(description="What to export, as you may see it")],
    after: After = 0,
    format: Format = Format.NDJSON,  # noqa: A002, ARG001 - the parameter's name; there is one so far
) -> Response:
    """First a header, then an item a line, last a trailer with a SHA-256 over all lines before it.

    `seq` in the header is where to go on: `after=<seq>` of `GET /v1/events` or of this. An item may be newer than `seq`; its
    `version` says which facts it knows already. With `after` only what changed since, and tombstones for what is gone.
    """
    gateway: Gateway = at.request.app.state.context
    if resource == "audit":
        require_reader(at.principal)
    seq = (await gateway.reader.head()).seq
    if after > seq:
        raise Invalid.at("query:after", f"The feed's head is {seq}; nothing comes after {after}.", code="beyond-head")
    asked = Export(resource=resource.value, after=after, seq=seq)
    lines = gateway.exporter.lines(asked, await begun(_items(at, gateway, asked)))
    headers = {
        "QSMO-Export-Seq": str(seq),
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="qsmo-{resource.value}-{seq}.ndjson"',
    }
    return StreamingResponse(lines, media_type="application/x-ndjson", headers=headers)


def _items(at: Edge, gateway: Gateway, asked: Export) -> Lines:
    view = View(at.principal)
    if asked.resource == "events":
        return gateway.exporter.events(asked, view)
    if asked.resource == "audit":
        return gateway.exporter.audit(asked)
    found = RESOURCES[asked.resource]
    upstream = gateway.upstreams[found.service]
    authorization = at.request.headers.get("authorization")
    if asked.after:
        return gateway.exporter.changes(asked, upstream, found, view=view, authorization=authorization)
    return gateway.exporter.snapshot(upstream, found, authorization=authorization)
