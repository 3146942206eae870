"""Everything in one file: snapshots and what changed since."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from fastapi import Query, Response
from fastapi.responses import StreamingResponse

from services.gateway.api.audit import require_reader
from services.gateway.api.parameters import After
from services.gateway.context import Gateway
from services.gateway.exports.columns import Column, columns
from services.gateway.exports.files import MEDIA_TYPES, Tabular, written
from services.gateway.exports.lines import Export, Items, Lines, begun, dumped
from services.gateway.exports.resources import RESOURCES, Resource
from services.gateway.feed.view import View
from shared.kernel.errors import Invalid
from shared.web.edge import AtEdge, Edge
from shared.web.routes import Router
from shared.web.wire import Day

Exported = StrEnum("Exported", {name: name for name in ("events", "audit", *RESOURCES)})  # type: ignore[misc]
_NDJSON = "application/x-ndjson"
_AS_OF = ", ".join(name for name, found in RESOURCES.items() if found.takes_as_of)
_BODIES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            _NDJSON: {"schema": {"type": "string"}},
            MEDIA_TYPES[Tabular.CSV].partition(";")[0]: {"schema": {"type": "string"}},
            MEDIA_TYPES[Tabular.PARQUET]: {"schema": {"type": "string", "format": "binary"}},
        },
        "description": "One JSON document a line, or a table",
    }
}
router = Router(tags=["exports"])


class Format(StrEnum):
    """Lines, or tables."""

    NDJSON = "ndjson"
    CSV = "csv"
    PARQUET = "parquet"


@router.get("/v1/exports", responses=_BODIES, response_class=Response)
async def export(
    at: AtEdge,
    resource: Annotated[Exported, Query(description="What to export, as you may see it")],
    after: After = 0,
    format: Annotated[Format, Query(description="csv and parquet: of lists alone, whole")] = Format.NDJSON,  # noqa: A002 - the parameter's name
    as_of: Annotated[Day | None, Query(description=f"By effective date; of {_AS_OF}")] = None,
) -> Response:
    """`ndjson`: first a header, then an item a line, last a trailer with a SHA-256 over all lines before it.

    `csv` and `parquet`: nested objects are dotted columns, lists are JSON text; `Repr-Digest` has the file's SHA-256.
    `seq` (in the header, and in `QSMO-Export-Seq`) is where to go on: `after=<seq>` of `GET /v1/events` or of this. An item may
    be newer than `seq`; its `version` says which facts it knows already. With `after` only what changed since, and tombstones
    for what is gone.
    """
    gateway: Gateway = at.request.app.state.context
    if resource == "audit":
        require_reader(at.principal)
    seq = (await gateway.reader.head()).seq
    asked = Export(resource=resource.value, after=after, seq=seq, as_of=as_of)
    _require_possible(asked, is_table=format is not Format.NDJSON)
    headers = {
        "QSMO-Export-Seq": str(seq),
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="qsmo-{resource.value}-{seq}.{format.value}"',
    }
    if format is Format.NDJSON:
        lines = gateway.exporter.lines(asked, await begun(_lines(at, gateway, asked)))
        return StreamingResponse(lines, media_type=_NDJSON, headers=headers)
    return await _table(at, gateway, asked, format_=Tabular(format.value), headers=headers)


def _require_possible(asked: Export, *, is_table: bool) -> None:
    """Raises Invalid for what does not go together, and for a seq that is not there yet."""
    found = RESOURCES.get(asked.resource)
    if asked.as_of and not (found and found.takes_as_of):
        raise Invalid.at("query:as_of", f"{asked.resource} are exported as they are now; as_of is for {_AS_OF}.")
    if asked.as_of and asked.after:
        raise Invalid.at("query:as_of", "What changed is told as it is now: as_of is for whole lists, without after.")
    if is_table and found is None:
        raise Invalid.at("query:format", f"{asked.resource} are of many shapes, no table: take them as ndjson.")
    if is_table and asked.after:
        raise Invalid.at("query:format", "What changed, with tombstones, is to be had as ndjson alone.")
    if asked.after and found and found.facts is None:
        raise Invalid.at("query:after", f"No facts tell of single {asked.resource}; take the list whole, without after.")
    if asked.after > asked.seq:
        detail = f"The feed's head is {asked.seq}; nothing comes after {asked.after}."
        raise Invalid.at("query:after", detail, code="beyond-head")


def _lines(at: Edge, gateway: Gateway, asked: Export) -> Lines:
    if asked.resource == "events":
        return gateway.exporter.events(asked, View(at.principal))
    if asked.resource == "audit":
        return gateway.exporter.audit(asked)
    return dumped(_items(at, gateway, asked))


def _items(at: Edge, gateway: Gateway, asked: Export) -> Items:
    found = RESOURCES[asked.resource]
    upstream = gateway.upstreams[found.service]
    authorization = at.request.headers.get("authorization")
    if asked.after:
        return gateway.exporter.changes(asked, upstream, found, view=View(at.principal), authorization=authorization)
    return gateway.exporter.snapshot(asked, upstream, found, authorization=authorization)


async def _table(at: Edge, gateway: Gateway, asked: Export, *, format_: Tabular, headers: dict[str, str]) -> Response:
    about = {"resource": asked.resource, "seq": str(asked.seq)}
    if asked.as_of:
        about["as_of"] = asked.as_of.isoformat()
    wanted = await _columns(at, gateway, RESOURCES[asked.resource])
    async with gateway.exporter.tables:
        file = await written(format_, wanted, _items(at, gateway, asked), about=about)
    headers |= {"Repr-Digest": file.repr_digest, "Content-Length": str(file.size_bytes)}
    return StreamingResponse(file.chunks(), media_type=MEDIA_TYPES[format_], headers=headers)


async def _columns(at: Edge, gateway: Gateway, resource: Resource) -> list[Column]:
    """Raises UpstreamAway."""
    merged = await gateway.documents.merged(at.request.app.openapi())
    try:
        return list(columns(merged.document, resource.path))
    except KeyError as err:
        raise gateway.upstreams[resource.service].away("what its lists hold is not known yet") from err
