"""Imports under way or done, wherever they run."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import orjson
from fastapi import Query, Response

from services.gateway.clients import Answer, Upstream, UpstreamAway
from services.gateway.context import Gateway
from services.gateway.fedramp.operations import Child, children_of, own_operation
from shared.imports.api import Operation, OperationId
from shared.imports.rows import Result
from shared.kernel.errors import Invalid, NotFound
from shared.web.edge import AtEdge, Edge, Paged
from shared.web.routes import Router

_JSON = "application/json"
router = Router(tags=["imports"])


@router.get("/v1/operations/{id}", response_model=Operation)
async def show_operation(id: OperationId, at: AtEdge) -> Response:
    own = await at.read(lambda tx: own_operation(tx, id))
    if own is not None:
        return at.show(own)
    _, answer = await _found(at, id)
    return Response(answer.body, answer.status, media_type=_JSON)


@router.get("/v1/operations/{id}/rows", response_model=dict[str, Any])
async def list_operation_rows(
    id: OperationId,
    at: AtEdge,
    paged: Paged,
    result: Annotated[Result | None, Query(description="Only these")] = None,
) -> Response:
    """Parked and refused rows, service by service in the order of the file."""
    children = await _children(at, id)
    index, cursor = _place(paged.cursor, len(children))
    items: list[Any] = []
    while index < len(children) and len(items) < paged.limit:
        params = {"limit": paged.limit - len(items), "cursor": cursor, "result": result.value if result else None}
        page = await _rows(at, children[index], params)
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            index += 1
    following = f"{index}.{cursor or ''}" if index < len(children) else None
    return Response(orjson.dumps({"items": items, "next_cursor": following}), media_type=_JSON)


def _place(cursor: str | None, children: int) -> tuple[int, str | None]:
    if cursor is None:
        return 0, None
    index, _, rest = cursor.partition(".")
    if not (index.isascii() and index.isdigit() and len(index) < 3 and int(index) < children):
        raise Invalid.at("query:cursor", "This cursor was not given out by this list; start without one.")
    return int(index), rest or None


async def _children(at: Edge, id: str) -> list[Child]:
    """Of the gateway's operation; a service's own operation is its own only child."""
    try:
        return await at.read(lambda tx: children_of(tx, id))
    except NotFound:
        upstream, _ = await _found(at, id)
        return [Child(upstream.service, id)]


async def _found(at: Edge, id: str) -> tuple[Upstream, Answer]:
    """The service that knows the operation. Raises NotFound, or UpstreamAway while one that might know is away."""
    gateway: Gateway = at.request.app.state.context
    upstreams = list(gateway.upstreams.values())
    path = f"/v1/operations/{id}"
    answers = await asyncio.gather(*(_asked(at, upstream, path) for upstream in upstreams))
    for upstream, answer in zip(upstreams, answers, strict=True):
        if isinstance(answer, Answer) and answer.is_success:
            return upstream, answer
    for answer in answers:
        if isinstance(answer, UpstreamAway):
            raise answer
    raise NotFound(f"There is no operation {id!r}.")


async def _asked(at: Edge, upstream: Upstream, path: str) -> Answer | UpstreamAway:
    try:
        answer = await upstream.get(path, authorization=at.request.headers.get("authorization"))
    except UpstreamAway as away:
        return away
    return answer if answer.status < 500 else upstream.away(f"it answers HTTP {answer.status}")


async def _rows(at: Edge, child: Child, params: dict[str, Any]) -> dict[str, Any]:
    """Raises Invalid for a cursor that the service does not know, UpstreamAway."""
    gateway: Gateway = at.request.app.state.context
    upstream = gateway.upstreams[child.service]
    path = f"/v1/operations/{child.operation_id}/rows"
    answer = await upstream.get(path, params=params, authorization=at.request.headers.get("authorization"))
    if answer.status == 422:
        raise Invalid.at("query:cursor", "This cursor was not given out by this list; start without one.")
    if not answer.is_success:
        raise upstream.away(f"it answers HTTP {answer.status}")
    return dict(answer.json())
