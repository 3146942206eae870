"""What the look for stalled adoptions needs to know."""

from __future__ import annotations

from itertools import pairwise

from sqlalchemy import or_, select

from services.adoption import store, tables
from services.adoption.domain.adoption import Adoption, Status
from services.adoption.domain.m3 import Phase
from shared.db import Transaction


async def maybe_stalled(tx: Transaction) -> list[Adoption]:
    """Active adoptions on their way to operations, and those told to be stalled."""
    c = tables.adoptions.c
    on_the_way = or_(c.phase != Phase.OPERATIONS.value, c.stall_found_on.is_not(None))
    rows = await tx.rows(select(tables.adoptions).where(c.status == Status.ACTIVE.value, on_the_way).order_by(c.id))
    return [store.adoptions.from_row(row) for row in rows]


async def phase_durations(tx: Transaction) -> dict[Phase, list[int]]:
    """Whole days that adoptions spent in each phase they have left by going on to the next, holds included."""
    c = tables.adoption_steps.c
    rows = await tx.rows(select(c.adoption_id, c.phase, c.effective_on).order_by(c.adoption_id, c.number))
    entered: dict[tuple[str, Phase], int] = {}
    for row in rows:
        entered.setdefault((row["adoption_id"], Phase(row["phase"])), row["effective_on"].toordinal())
    found: dict[Phase, list[int]] = {}
    for (adoption, phase), (following, after) in pairwise(entered):
        if adoption == following:
            found.setdefault(phase, []).append(entered[following, after] - entered[adoption, phase])
    return found
