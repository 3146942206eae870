"""Wire models of versions and their differences."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.web.wire import Shown


class VersionShown(Shown):
    """One version of the plan: what happened, by whom, when and why."""

    version: int
    what: str
    by: str
    at: datetime
    reason: str | None


class VersionList(Shown):
    items: list[VersionShown]


class Difference(Shown):
    field: str
    before: Any
    after: Any


class PlanDiff(Shown):
    plan_id: str
    from_version: int
    to_version: int
    differences: list[Difference]
