"""What happened in a focus area, by effective date: steps of designations, turns of plans."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select

from services.registry import store, tables
from services.registry.domain.designation import Designation, Step
from services.registry.domain.plan import Plan, Turn
from services.registry.policy import sees_turn
from shared.auth import Principal
from shared.db import Transaction


@dataclass(frozen=True, slots=True)
class Happening:
    """One dated step of a designation, or one turn of a plan."""

    of: Designation | Plan
    step: Step | Turn

    @property
    def effective_on(self) -> date:
        return self.step.effective_on if isinstance(self.step, Step) else self.step.on

    @property
    def recorded_at(self) -> datetime:
        return self.step.recorded_at if isinstance(self.step, Step) else self.step.at


async def timeline(
    tx: Transaction, area: str, *, as_of: date | None = None, known_at: datetime | None = None, by: Principal
) -> list[Happening]:
    """What took effect up to a day, by what was recorded at an instant; of plans what this caller may know. Raises NotFound."""
    await store.focus_areas.get(tx, area)
    designations, plans = tables.designations, tables.plans
    led = await tx.rows(select(designations).where(designations.c.focus_area == area))
    planned = await tx.rows(select(plans).where(plans.c.focus_area == area))
    found = [Happening(d, step) for d in map(store.designations.from_row, led) for step in d.steps]
    found += [
        Happening(plan, turn) for plan in map(store.plans.from_row, planned) for turn in plan.turns if sees_turn(by, plan, turn)
    ]
    shown = [
        it for it in found if (as_of is None or it.effective_on <= as_of) and (known_at is None or it.recorded_at <= known_at)
    ]
    return sorted(shown, key=_order)


def _order(found: Happening) -> tuple[date, datetime, str]:
    return found.effective_on, found.recorded_at, found.of.service if isinstance(found.of, Designation) else found.of.id
