"""The day that a read is about."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Query

from shared.kernel.errors import Invalid
from shared.web.edge import Edge
from shared.web.wire import Day

AsOf = Annotated[Day | None, Query(description="As it stood for the public at the end of this day (UTC)")]


def past_day(at: Edge, as_of: date | None) -> date | None:
    """Raises Invalid for a day that has not begun."""
    if as_of is not None and as_of > (today := at.context.db.clock().date()):
        detail = f"How offerings stand on {as_of} is not known yet; today is {today}."
        raise Invalid.at("query:as_of", detail, code="in-the-future")
    return as_of
