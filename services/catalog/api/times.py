"""The day that a read is about."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Depends, Query

from shared.kernel.errors import Malformed
from shared.web.edge import AtEdge
from shared.web.wire import Day


def _as_of(
    at: AtEdge,
    as_of: Annotated[Day | None, Query(description="As it stood for the public at the end of this day (UTC)")] = None,
) -> date | None:
    """Raises Malformed for a day that has not begun."""
    today = at.context.db.clock().date()
    if as_of is not None and as_of > today:
        raise Malformed.at("query:as_of", f"How offerings stand on {as_of} is not known yet; today is {today}.")
    return as_of


AsOf = Annotated[date | None, Depends(_as_of)]
