"""Annual shared services plans → wire models."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import date

from sqlalchemy import select

from services.adoption import policy, queries, store, tables
from services.adoption.api import annual_plan_models as models
from services.adoption.commands import annual_plans as commands
from services.adoption.domain.annual_plan import MACHINE, AnnualPlan, AreaPlan, Consolidation, Milestone, missing_to_submit
from services.adoption.domain.rollup import State
from services.adoption.domain.system import Status as SystemStatus
from services.adoption.queries import annual_plans as known
from shared.auth import Principal
from shared.db import Transaction
from shared.kernel.errors import Invalid
from shared.kernel.ids import new_id
from shared.web.wire import Action

_PATHS = {"edit": "", "meet": "/milestones/{milestone_id}/meet"}


def areas_of(given: models.AnnualPlanGiven, current: AnnualPlan) -> list[AreaPlan]:
    """Milestones that the plan has keep what was met. Raises Invalid for an id of a milestone it does not have."""
    there = {milestone.id: milestone for area in current.areas for milestone in area.milestones}
    return [
        AreaPlan(
            focus_area=area.focus_area,
            state=area.state,
            why=area.why,
            systems=tuple(Consolidation(system_id=each.system_id, ends_in=each.ends_in) for each in area.systems),
            milestones=tuple(_milestone(each, there, f"/areas/{n}/milestones/{m}") for m, each in enumerate(area.milestones)),
        )
        for n, area in enumerate(given.areas)
    ]


def _milestone(given: models.MilestoneGiven, there: Mapping[str, Milestone], pointer: str) -> Milestone:
    if given.id is None:
        return Milestone(id=new_id(), title=given.title, due_on=given.due_on)
    if (found := there.get(given.id)) is None:
        raise Invalid.at(f"{pointer}/id", f"The plan has no milestone {given.id!r}.", code="unknown-reference")
    return Milestone(id=found.id, title=given.title, due_on=given.due_on, met_on=found.met_on, evidence=found.evidence)


async def shown(tx: Transaction, found: AnnualPlan, by: Principal) -> models.AnnualPlanShown:
    on, reach = tx.at.date(), await policy.reach(tx, by)
    whole = reach.everything or reach.acts_for(found.organization_id)
    areas = [area for area in found.areas if whole or area.focus_area in reach.areas]
    to_state = await known.areas_to_state(tx)
    stated = [area.focus_area for area in areas]
    records = await known.records(tx, found.organization_id, list(dict.fromkeys([*to_state, *stated]) if whole else stated))
    before = await _year_before(tx, found)
    systems = await known.systems_of(tx, found.organization_id, [s.system_id for area in areas for s in area.systems])
    required = {area: record for area, record in records.items() if area in to_state}
    missing = list(missing_to_submit(found, required)) if whole else []
    organization = (await queries.organizations_by_id(tx, [found.organization_id]))[found.organization_id]
    return models.AnnualPlanShown(
        **_brief(found, areas, organization.name, on),
        areas=[_area(area, records[area.focus_area].state, before.get(area.focus_area), systems, on) for area in areas],
        history=[models.PlanTurnShown(**asdict(turn)) for turn in found.turns] if whole else [],
        missing=missing,
        actions=[_action(found, action, missing) for action in await _allowed(tx, found, by)],
    )


def in_list(found: AnnualPlan, agency_name: str, reach: policy.Reach, on: date) -> models.AnnualPlanInList:
    whole = reach.everything or reach.acts_for(found.organization_id)
    areas = [area for area in found.areas if whole or area.focus_area in reach.areas]
    return models.AnnualPlanInList(**_brief(found, areas, agency_name, on))


def _brief(found: AnnualPlan, areas: Collection[AreaPlan], agency_name: str, on: date) -> dict[str, object]:
    milestones = [milestone for area in areas for milestone in area.milestones]
    return {
        "id": found.id,
        "version": found.version,
        "agency_id": found.organization_id,
        "agency_name": agency_name,
        "fiscal_year": found.fiscal_year,
        "due_on": found.due_on,
        "status": found.status,
        "overdue": found.is_overdue(on),
        "states": {area.focus_area: area.state for area in areas},
        "systems": sum(len(area.systems) for area in areas),
        "milestones": len(milestones),
        "milestones_met": sum(each.met_on is not None for each in milestones),
    }


def _area(
    found: AreaPlan, on_record: State, before: State | None, systems: Mapping[str, SystemStatus], on: date
) -> models.AreaPlanShown:
    return models.AreaPlanShown(
        focus_area=found.focus_area,
        state=found.state,
        why=found.why,
        on_record=on_record,
        year_before=before,
        systems=[models.ConsolidationShown(**asdict(each), status=systems.get(each.system_id)) for each in found.systems],
        milestones=[
            models.MilestoneShown(**asdict(each), late=each.met_on is None and each.due_on < on) for each in found.milestones
        ],
    )


async def _year_before(tx: Transaction, found: AnnualPlan) -> dict[str, State]:
    table = tables.annual_plans
    row = await tx.row(
        select(table).where(table.c.organization_id == found.organization_id, table.c.fiscal_year == found.fiscal_year - 1)
    )
    return {area.focus_area: area.state for area in store.annual_plans.from_row(row).areas} if row else {}


async def _allowed(tx: Transaction, found: AnnualPlan, by: Principal) -> list[str]:
    actions = dict.fromkeys(t.action for t in MACHINE.transitions if t.action != "call")
    return [action for action in actions if await commands.may(tx, found, action, by)]


def _action(found: AnnualPlan, action: str, missing: list[str]) -> Action:
    sources = [str(source) for t in MACHINE.transitions if t.action == action for source in t.sources]
    lacking = [] if found.status in sources else [f"state {' or '.join(sources)} (it is {found.status})"]
    if not lacking and action == "submit":
        lacking = missing
    if not lacking and action == "meet" and all(each.met_on for area in found.areas for each in area.milestones):
        lacking = ["a milestone that is not met"]
    href = f"/v1/annual-plans/{found.id}{_PATHS.get(action, f'/{action}')}"
    return Action(action=action, href=href, possible=not lacking, missing=lacking)
