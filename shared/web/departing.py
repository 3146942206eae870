"""What goes away says so half a year ahead: in the document, and in every answer (RFC 9745, RFC 8594)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime
from typing import Any

NOTICE = timedelta(days=180)
_SINCE, _UNTIL, _INSTEAD = "x-deprecated-since", "x-sunset", "x-instead"
Headers = list[tuple[bytes, bytes]]


def going_away(*, since: date, until: date, instead: str) -> dict[str, Any]:
    """For a route: `@router.get(path, **going_away(…))`. `instead`: the path that takes its place.

    Raises ValueError for less than `NOTICE` between the two days.
    """
    if until - since < NOTICE:
        raise ValueError(f"What goes away is told {NOTICE.days} days ahead; from {since} that is {since + NOTICE}.")
    told = {_SINCE: since.isoformat(), _UNTIL: until.isoformat(), _INSTEAD: instead}
    return {"deprecated": True, "openapi_extra": told}


def fields(route: object) -> Headers:
    """Of an answer that this route gave, none for what stays."""
    told = getattr(route, "openapi_extra", None)
    if not told or _UNTIL not in told:
        return []
    since, until = (datetime.combine(date.fromisoformat(told[name]), time(), UTC) for name in (_SINCE, _UNTIL))
    page = f"/docs/operations/{getattr(route, 'operation_id', None) or getattr(route, 'name', '')}"
    link = f'<{page}>; rel="deprecation"; type="text/html", <{told[_INSTEAD]}>; rel="successor-version"'
    return [
        (b"deprecation", b"@%d" % since.timestamp()),
        (b"sunset", format_datetime(until, usegmt=True).encode()),
        (b"link", link.encode()),
    ]
