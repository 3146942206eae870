"""What an annual plan is held against: the areas it has to speak of, and what is on record there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import ColumnElement, Select, and_, false, or_, select, true

from services.adoption import store, tables
from services.adoption.domain.annual_plan import AnnualPlan, Record, Status
from services.adoption.domain.rollup import State, rolled_up
from services.adoption.domain.system import Status as SystemStatus
from services.adoption.policy import Reach
from services.adoption.queries.iaps import REGULATED
from services.adoption.queries.rollup import component_states
from shared.db import Transaction, among

_READ_BY_QSMOS = (Status.SUBMITTED.value, Status.ACCEPTED.value)


def seen_plans(reach: Reach) -> ColumnElement[bool]:
    """One's own agencies' plans; to a QSMO those that were submitted and speak of an area it leads."""
    table = tables.annual_plans
    if reach.everything:
        return true()
    own = table.c.organization_id.in_(reach.organizations)
    of_areas = or_(*(table.c.areas.contains(f" {area} ", autoescape=True) for area in reach.areas), false())
    return or_(own, and_(table.c.status.in_(_READ_BY_QSMOS), of_areas))


async def areas_to_state(tx: Transaction) -> list[str]:
    """Focus areas that have a QSMO, designated or not yet."""
    c = tables.known_designations.c
    query = select(c.focus_area).where(c.status.in_(REGULATED)).distinct().order_by(c.focus_area)
    return [row["focus_area"] for row in await tx.rows(query)]


async def records(tx: Transaction, agency_id: str, areas: Sequence[str]) -> dict[str, Record]:
    """Of the agency with all below it, by area."""
    serving = await _systems_in_service(tx, agency_id)
    return {
        area: Record(
            state=rolled_up([each.state for each in await component_states(tx, agency_id, area)]),
            systems=serving.get(area, {}),
        )
        for area in areas
    }


async def _systems_in_service(tx: Transaction, agency_id: str) -> dict[str, dict[str, str]]:
    """Area → the system's id → its number."""
    table = tables.systems
    query = select(table.c.id, table.c.number, table.c.focus_area).where(
        table.c.organization_id.in_(_covered(agency_id)), table.c.status == SystemStatus.IN_SERVICE.value
    )
    found: dict[str, dict[str, str]] = {}
    for row in await tx.rows(query.order_by(table.c.number, table.c.id)):
        found.setdefault(row["focus_area"], {})[row["id"]] = row["number"]
    return found


async def systems_of(tx: Transaction, agency_id: str, ids: Collection[str]) -> dict[str, SystemStatus]:
    """Those of the ids that are systems of the agency or of an organization below it."""
    table = tables.systems
    query = select(table.c.id, table.c.status).where(table.c.organization_id.in_(_covered(agency_id)), table.c.id.in_(ids))
    return {row["id"]: SystemStatus(row["status"]) for row in await tx.rows(query)}


def _covered(agency_id: str) -> Select[tuple[str]]:
    organizations = tables.known_organizations
    return select(store.with_all_below(select(organizations.c.id).where(organizations.c.id == agency_id)).c.id)


@dataclass(slots=True)
class AreaSum:
    """What the plans of a year say of one area together. `states`: state → agencies."""

    states: dict[State, int] = field(default_factory=dict)
    systems: int = 0
    ended: int = 0
    milestones: int = 0
    met: int = 0
    late: int = 0


async def sums(tx: Transaction, plans: Sequence[AnnualPlan], *, on: date) -> Mapping[str, AreaSum]:
    """By area. `ended`: of the systems that are to end, those decommissioned; `late`: milestones whose day is over, not met."""
    wanted = {system.system_id for plan in plans for area in plan.areas for system in area.systems}
    table = tables.systems
    ended = select(table.c.id).where(table.c.status == SystemStatus.DECOMMISSIONED.value, among(tx, table.c.id, wanted))
    gone = {row["id"] for row in await tx.rows(ended)}
    found: dict[str, AreaSum] = {}
    for stated in (area for plan in plans for area in plan.areas):
        total = found.setdefault(stated.focus_area, AreaSum())
        total.states[stated.state] = total.states.get(stated.state, 0) + 1
        total.systems += len(stated.systems)
        total.ended += sum(each.system_id in gone for each in stated.systems)
        total.milestones += len(stated.milestones)
        total.met += sum(each.met_on is not None for each in stated.milestones)
        total.late += sum(each.met_on is None and each.due_on < on for each in stated.milestones)
    return found
