"""What facts of this service said on a day: of each aggregate the last one that was in effect by then."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, date, datetime, time
from decimal import Decimal

from sqlalchemy import ColumnElement, select

from services.adoption import tables
from services.adoption.domain.system import Cost, Facts, Status, System
from shared.contracts.adoption import SystemFact
from shared.db import Transaction, among


def recorded_by(day: date) -> ColumnElement[bool]:
    """Of rows of the outbox."""
    return tables.outbox.c.recorded_at <= datetime.combine(day, time.max, UTC)


async def systems_on(tx: Transaction, ids: Collection[str], day: date) -> list[System]:
    """As they were, with what each cost a year in one sum; decommissioned from the day of their end on."""
    c = tables.outbox.c
    query = select(c.key, c.payload, c.recorded_at).where(among(tx, c.key, ids))
    told: dict[str, list[tuple[date, SystemFact]]] = defaultdict(list)
    for row in await tx.rows(query.order_by(c.key, c.aggregate_version)):
        told[row["key"]].append((row["recorded_at"].date(), SystemFact.from_json(row["payload"])))
    found = (_in_effect(facts, day) for facts in told.values())
    return [_system(fact) for fact in found if fact is not None]


def _in_effect(facts: list[tuple[date, SystemFact]], day: date) -> SystemFact | None:
    """A fact takes effect on its own day, but not before the one before it (as in figures)."""
    found, since = None, date.min
    for recorded_on, fact in facts:
        since = max(since, fact.decommissioned_on or recorded_on)
        found = fact if since <= day else found
    return found


def _system(fact: SystemFact) -> System:
    costs = {int(year): Cost(operation=Decimal(amount)) for year, amount in fact.yearly_costs.items()}
    return System(
        id=fact.system_id,
        version=0,
        organization_id=fact.agency_id,
        number=fact.number,
        status=Status(fact.status),
        facts=Facts(name=fact.name, focus_area=fact.focus_area, capabilities=fact.capabilities, costs=costs),
        planned_on=fact.planned_on,
        decommissioned_on=fact.decommissioned_on,
        adoption_id=fact.adoption_id,
        reason=fact.reason,
    )
