"""Query parameters of the feed."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from services.gateway.clients import RawHeaders
from services.gateway.feed.conditions import condition
from services.gateway.feed.view import Filters
from shared.filtering import FILTER_MAX_CHARS
from shared.web import own_writes
from shared.web.edge import Edge
from shared.web.wire import Identifier, Slug

SEQ_MAX = (1 << 63) - 1
# All begin so: what does not is a mistake, and would find nothing.
_TYPE = r"^qsmo(\.[A-Za-z0-9_-]+)*$"
_TYPE_MAX = 200
_TYPES_MAX = 20
_AFTER = own_writes.AFTER.lower().encode()


async def _filters(
    type: Annotated[
        list[Annotated[str, Query(pattern=_TYPE, max_length=_TYPE_MAX)]] | None,
        Query(description="An event type, or the beginning of one up to a dot; repeatable", max_length=_TYPES_MAX),
    ] = None,
    focus_area: Annotated[Slug | None, Query(description="Only facts of this focus area")] = None,
    subject: Annotated[Identifier | None, Query(description="Only facts about this aggregate")] = None,
    agency: Annotated[Identifier | None, Query(description="Only facts of this organization (its id)")] = None,
    filter: Annotated[  # noqa: A002 - the parameter's name
        str | None,
        Query(
            max_length=FILTER_MAX_CHARS,
            description="As in searches, of type, source, subject, focus_area, agency, actor, visibility, time and seq: "
            '`focus_area = "cybersecurity" and not source = adoption and time >= 2026-01-31`',
        ),
    ] = None,
) -> Filters:
    """Raises Malformed."""
    if filter is not None:
        condition(filter)
    return Filters(types=tuple(type or ()), focus_area=focus_area, subject=subject, agency=agency, filter=filter)


Filtered = Annotated[Filters, Depends(_filters)]
After = Annotated[int, Query(ge=0, le=SEQ_MAX, description="Only what comes after this seq")]


def after(at: Edge) -> RawHeaders:
    """After which writes the services behind a page are asked."""
    return [pair for pair in at.request.headers.raw if pair[0] == _AFTER]


def on_behalf(headers: RawHeaders) -> RawHeaders:
    """… and by whom."""
    return [pair for pair in headers if pair[0] in {_AFTER, b"authorization"}]
