"""Wire models of board seats."""

from __future__ import annotations

from pydantic import Field

from shared.web.wire import Identifier, Line, Shown, Slug, Wire


class SeatValues(Wire):
    """Vacant without `subject`."""

    title: Line
    council: Slug | None = None
    organization_id: Identifier | None = None
    subject: Line | None = None


class SeatGiven(SeatValues):
    id: Slug


class SeatShown(Shown):
    id: str
    version: int
    title: str
    council: str | None
    organization_id: str | None
    vacant: bool
    subject: str | None = Field(description="Shown to federal callers only")


class SeatPage(Shown):
    items: list[SeatShown]
    next_cursor: str | None
