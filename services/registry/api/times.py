"""The two times of a read: what held on a day, by what was known at an instant."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from shared.web.wire import Day, Instant

AsOf = Annotated[Day | None, Query(description="By effective date: as it was in law on this day")]
KnownAt = Annotated[Instant | None, Query(description="By what had been recorded at this instant")]
