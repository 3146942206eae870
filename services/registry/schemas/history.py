"""Wire models of versions and their differences."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from shared.web.wire import Shown


class VersionShown(Shown):
    """One version: what happened, by whom, when, since when it holds and why."""

    version: int
    what: str
    by: str
    at: datetime
    effective_on: date | None
    reason: str | None
    policy: str | None
    clause: str | None


class VersionPage(Shown):
    items: list[VersionShown]
    next_cursor: str | None


class Difference(Shown):
    field: str
    before: Any
    after: Any


class VersionDiff(Shown):
    id: str
    from_version: int
    to_version: int
    differences: list[Difference]
