"""What agencies need and nobody offers, with what they spend on the systems that do it today."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select

from services.adoption import store, tables
from services.adoption.domain.demand import Demand
from services.adoption.domain.duplication import activities
from services.adoption.domain.system import Status
from services.adoption.queries.accounting import SYSTEMS_MAX
from shared.db import Transaction
from shared.kernel.time import FiscalYear

_NOTHING = Decimal("0.00")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`spend`: US dollars of this fiscal year for the systems in service of those who ask, in full for each activity."""

    demand: Demand
    spend: Decimal


async def demands(tx: Transaction, area: str, *, by_spend: bool, limit: int) -> list[Asked]:
    """Most agencies first, then, for who may know of it, most spend: an order tells too."""
    table = tables.demands
    rows = await tx.rows(select(table).where(table.c.focus_area == area))
    found = [store.demands.from_row(row) for row in rows]
    spend = await _spend(tx, area, found)
    asked = [Asked(demand=demand, spend=spend[demand.id]) for demand in found]
    return sorted(asked, key=lambda each: (-each.demand.agencies, -each.spend if by_spend else 0, each.demand.fibf_id))[:limit]


async def _spend(tx: Transaction, area: str, asked: Sequence[Demand]) -> dict[str, Decimal]:
    """By demand."""
    table, year = tables.systems, FiscalYear.of(tx.at.date())
    in_service = select(table).where(table.c.focus_area == area, table.c.status != Status.DECOMMISSIONED.value)
    costs: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in await tx.rows(in_service.limit(SYSTEMS_MAX)):
        system = store.systems.from_row(row)
        for activity in activities(system):
            costs[system.organization_id, activity] += system.cost_in(year)
    return {
        demand.id: sum((costs[agency, demand.fibf_id] for agency in {call.organization_id for call in demand.calls}), _NOTHING)
        for demand in asked
    }
