"""What facts of this service said on a day: of each aggregate the last one that was in effect by then."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal

from sqlalchemy import ColumnElement, Subquery, func, select

from services.adoption import tables
from services.adoption.domain.gate import Outcome
from services.adoption.domain.m3 import Phase
from services.adoption.domain.system import Cost, Facts, Status, System
from shared.contracts.adoption import GoLiveDecided, SystemFact, TargetSet
from shared.db import Transaction, among


def recorded_by(day: date) -> ColumnElement[bool]:
    """Of rows of the outbox."""
    return tables.outbox.c.recorded_at <= datetime.combine(day, time.max, UTC)


def steps_on(day: date) -> Subquery:
    """The last step in effect of each adoption of several; one of a single step is as its own row says."""
    steps = tables.adoption_steps
    by = select(steps.c.adoption_id, func.max(steps.c.number).label("number")).where(steps.c.effective_on <= day)
    last = by.group_by(steps.c.adoption_id).subquery("last")
    found = select(steps).join(last, (steps.c.adoption_id == last.c.adoption_id) & (steps.c.number == last.c.number))
    return found.subquery("in_force")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """When an agency means to be live: as decided, and by its schedule."""

    go_live_on: date | None
    target_on: date | None


async def planned_on(tx: Transaction, adoption_id: str, day: date) -> Planned:
    """As facts recorded until then say."""
    c = tables.outbox.c
    type_ = c.headers["ce_type"].as_string()
    query = select(c.payload, type_.label("type")).where(c.key == adoption_id, recorded_by(day))
    rows = await tx.rows(query.where(type_.in_([GoLiveDecided.TYPE, TargetSet.TYPE])).order_by(c.aggregate_version))
    decisions = [GoLiveDecided.from_json(row["payload"]) for row in rows if row["type"] == GoLiveDecided.TYPE]
    targets = [TargetSet.from_json(row["payload"]) for row in rows if row["type"] == TargetSet.TYPE]
    ends = [each.target_on for each in targets if each.of_phase == Phase.MIGRATION]
    going = decisions[-1].go_live_on if decisions and decisions[-1].outcome == Outcome.GO else None
    return Planned(go_live_on=going, target_on=ends[-1] if ends else None)


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
