"""The feed by cursor: pages, long polls, single events."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Path, Query, Response

from services.gateway import queries, schemas
from services.gateway.api.parameters import SEQ_MAX, After, Filtered
from services.gateway.context import Gateway
from services.gateway.feed.reading import CursorBeyondHead, FeedPage
from services.gateway.feed.view import View
from shared.kernel.errors import Invalid, NotFound
from shared.web.edge import AtEdge
from shared.web.routes import Router
from shared.web.wire import Identifier

_LIMIT_DEFAULT = 100
_LIMIT_MAX = 1_000
_WAIT_MAX_S = 25
_PLACES_MAX = 50
_JSON = "application/json"
router = Router(tags=["events"])


@router.get("/v1/events", response_model=schemas.FeedPageShown)
async def list_events(
    at: AtEdge,
    filters: Filtered,
    after: After = 0,
    limit: Annotated[int, Query(ge=1, le=_LIMIT_MAX)] = _LIMIT_DEFAULT,
    wait: Annotated[float, Query(ge=0, le=_WAIT_MAX_S, description="Seconds to wait when there is nothing yet")] = 0,
) -> Response:
    """Every fact you may see, in one order that never changes. Go on with `next_after`."""
    gateway: Gateway = at.request.app.state.context
    view = View(at.principal, filters)
    try:
        page = await _page(gateway, view, after=after, limit=limit, wait_s=wait)
    except CursorBeyondHead as error:
        raise Invalid.at("query:after", str(error), code="beyond-head") from error
    items = b",".join([entry.structured for entry in page.entries])
    body = b'{"items":[%b],"next_after":%d,"head":%d}' % (items, page.next_after, page.head)
    return Response(body, media_type=_JSON, headers={"Cache-Control": "no-store"})


async def _page(gateway: Gateway, view: View, *, after: int, limit: int, wait_s: float) -> FeedPage:
    """The first page that holds something; an empty one when the time is up or the process stops."""
    page = await gateway.reader.page(view, after=after, limit=limit)
    if page.entries or not wait_s:
        return page
    now = asyncio.get_running_loop().time
    until = now() + wait_s
    wake = asyncio.Event()
    with gateway.live.waiting(wake):
        while not page.entries and now() < until and not gateway.live.closed:
            wake.clear()
            page = await gateway.reader.page(view, after=page.next_after, limit=limit)
            if not page.entries and page.next_after == page.head:
                await _woken(wake, until=until)
    return page


async def _woken(wake: asyncio.Event, *, until: float) -> None:
    try:
        async with asyncio.timeout_at(until):
            await wake.wait()
    except TimeoutError:
        return


@router.get("/v1/events/places", response_model=schemas.EventPlaces)
async def place_events(
    at: AtEdge,
    id: Annotated[list[Identifier], Query(min_length=1, max_length=_PLACES_MAX, description="Of events, as figures name them")],
) -> Response:
    """Where events stand in the feed, such as the first and the last that a figure comes from; what they say is not told."""
    gateway: Gateway = at.request.app.state.context
    async with gateway.db.reading() as tx:
        found = await queries.seqs(tx, set(id))
    places = [schemas.EventPlace(id=each, seq=found[each]) for each in dict.fromkeys(id) if each in found]
    return at.show(schemas.EventPlaces(items=places))


@router.get("/v1/events/{seq}", response_model=schemas.FeedEvent)
async def show_event(seq: Annotated[int, Path(ge=1, le=SEQ_MAX)], at: AtEdge) -> Response:
    gateway: Gateway = at.request.app.state.context
    entry = await gateway.reader.one(View(at.principal), seq)
    if entry is None:
        raise NotFound(f"There is no event {seq}, or you may not see it.")
    return Response(entry.structured, media_type=_JSON, headers={"ETag": f'"{seq}"'})
