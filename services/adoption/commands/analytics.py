"""The read model of figures is made anew from the facts."""

from __future__ import annotations

from sqlalchemy import text

from services.adoption.queries import analytics
from services.adoption.store import figures
from shared.db import Database
from shared.kernel.cause import Cause

# Rows of the outbox may become visible out of their order by transactions that commit late; this far back is looked again.
_LATE_ROWS = 10_000
_LOCK = text("LOCK TABLE figure_subjects IN EXCLUSIVE MODE")


async def rebuild(db: Database, cause: Cause, *, keep: bool) -> int:
    """How many facts it is made of; without `keep` nothing else is done.

    Reads go on meanwhile; writing waits only while the rest is caught up with.
    """
    async with db.reading(cause) as tx:
        folding, last = await analytics.folded(tx)
    async with db.transaction(cause) as tx:
        if keep and tx.is_postgresql:
            await tx.execute(_LOCK)
        async for _, facts in analytics.told(tx, after=max(0, last - _LATE_ROWS)):
            for fact in facts:
                folding.take(fact)
        if keep:
            await figures.replace_all(tx, folding)
    return sum(count for count, _, _ in folding.ranges.values())
