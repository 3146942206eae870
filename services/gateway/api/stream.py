"""The feed as it happens: Server-Sent Events."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Header, Query, Response
from starlette.exceptions import HTTPException

from services.gateway.api.parameters import SEQ_MAX, Filtered
from services.gateway.context import Gateway
from services.gateway.feed.stream import EventStream
from services.gateway.feed.view import View
from shared.kernel.errors import Invalid, Unavailable
from shared.web.edge import AtEdge
from shared.web.routes import Router

_DIGITS_MAX = 19
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "Events without end"}
}
router = Router(tags=["events"])


@router.get("/v1/events/stream", responses=_STREAM, response_class=Response)
async def stream_events(
    at: AtEdge,
    filters: Filtered,
    after: Annotated[int | None, Query(ge=0, le=SEQ_MAX, description="Begin after this seq; at the head if absent")] = None,
    last_event_id: Annotated[str | None, Header(description="The seq seen last, as `id` gave it; goes before `after`")] = None,
) -> Response:
    """`id` is the seq, `event` the type, `data` the CloudEvent. A client that resumes by Last-Event-ID misses nothing."""
    gateway: Gateway = at.request.app.state.context
    if gateway.live.closed:
        raise Unavailable("This server is stopping; connect again.")
    wanted = _resumed(last_event_id) if last_event_id is not None else after
    if wanted is not None and wanted <= gateway.live.last:  # as after a restart, when all come again at once
        cursor = wanted
    else:
        head = (await gateway.reader.head()).seq
        if wanted is not None and wanted > head:
            pointer = "query:after" if last_event_id is None else "header:Last-Event-ID"
            raise Invalid.at(pointer, f"The feed's head is {head}; a stream cannot begin after {wanted}.", code="beyond-head")
        cursor = head if wanted is None else wanted
    return EventStream(
        gateway.live,
        View(at.principal, filters),
        cursor=cursor,
        rotation_s=gateway.settings.stream_rotation_s,
        slow_s=gateway.settings.stream_slow_s,
        fanout=gateway.fanout,
    )


def _resumed(last_event_id: str) -> int:
    if not (last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) <= _DIGITS_MAX):
        raise HTTPException(400, "Last-Event-ID must be the `id` of an event of this stream: a seq.")
    return int(last_event_id)
