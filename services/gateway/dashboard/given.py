"""What the addresses of pages carry."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Query, Request

from shared.kernel.errors import Invalid

# A form sends what was left empty too.
Area = Annotated[str, Query(pattern=r"^[a-z0-9-]{0,80}$")]
Day = Annotated[str | None, Query(max_length=10)]
File = Annotated[str | None, Query(max_length=100)]


def day_of(given: str | None) -> date | None:
    """Raises Invalid."""
    try:
        return date.fromisoformat(given) if given else None
    except ValueError as error:
        raise Invalid.at("query:as_of", f"{given!r} is not a day; give one as 2026-01-31.") from error


def here(request: Request) -> str:
    """The page's own address, to which `file=` is added."""
    query = str(request.query_params)
    return f"{request.url.path}?{query}&" if query else f"{request.url.path}?"


async def as_file(file: File = None) -> None:
    """For pages whose tables may be taken as they are shown: `PageRoute` does it."""
