"""How long adoptions stayed in each phase, those included that are still in it or gave up."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from itertools import groupby
from typing import Any

from sqlalchemy import select

from services.adoption import tables
from services.adoption.domain.adoption import Status
from services.adoption.domain.forecast import Spell
from services.adoption.domain.m3 import Phase
from shared.db import Row, Transaction

Spells = dict[Phase, list[Spell]]


async def spells(tx: Transaction, areas: Iterable[str], *, on: date) -> tuple[Spells, Spells]:
    """(of adoptions whose offering is in one of the areas, of all), by steps in effect until the day.

    Those of public registers passed no phase here.
    """
    adoptions, steps, known = tables.adoptions, tables.adoption_steps, tables.known_offering_areas
    told = adoptions.c.source.is_(None)
    columns = (adoptions.c.id, adoptions.c.offering_id)
    query = select(*columns, steps.c.status, steps.c.phase, steps.c.effective_on)
    query = query.join(steps, steps.c.adoption_id == adoptions.c.id).where(told, steps.c.effective_on <= on)
    rows = await tx.rows(query.order_by(adoptions.c.id, steps.c.number))
    several = {row["id"] for row in rows}
    beginners = await tx.rows(
        select(*columns, adoptions.c.status, adoptions.c.phase, adoptions.c.started_on.label("effective_on")).where(
            told, adoptions.c.phase == Phase.ASSESSMENT.value, adoptions.c.started_on <= on
        )
    )
    within = {
        row["offering_id"] for row in await tx.rows(select(known.c.offering_id).where(known.c.focus_area.in_(list(areas))))
    }
    own: Spells = {}
    everywhere: Spells = {}
    for _, group in groupby([*rows, *(row for row in beginners if row["id"] not in several)], key=lambda row: row["id"]):
        history = list(group)
        for phase, spell in _spells(history, on):
            everywhere.setdefault(phase, []).append(spell)
            if history[0]["offering_id"] in within:
                own.setdefault(phase, []).append(spell)
    return own, everywhere


def _spells(history: list[Row], on: date) -> list[tuple[Phase, Spell]]:
    """One that ended stopped being watched on the day of its last step."""
    entered: dict[Any, date] = {}
    for row in history:
        entered.setdefault(row["phase"], row["effective_on"])
    live = history[-1]["status"] in {Status.ACTIVE.value, Status.ON_HOLD.value}
    until = on if live else history[-1]["effective_on"]
    marks = [*entered.values(), until]
    return [
        (Phase(phase), Spell(max(0, (marks[n + 1] - begun).days), n + 1 < len(entered)))
        for n, (phase, begun) in enumerate(entered.items())
        if phase != Phase.OPERATIONS.value
    ]
