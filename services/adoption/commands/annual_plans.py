"""Annual shared services plans: called for by the coordinator, written by the agencies, taken or given back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

from sqlalchemy import select

from services.adoption import policy, store, tables
from services.adoption.commands.profiles import known_organization
from services.adoption.domain import annual_plan as domain
from services.adoption.domain.annual_plan import MACHINE, AnnualPlan, AreaPlan, Status, Turn
from services.adoption.queries import annual_plans as known
from shared.auth import Principal
from shared.contracts import oversight as contracts
from shared.db import Transaction
from shared.kernel.errors import Forbidden, Invalid, NotFound, RuleViolation, StaleVersion
from shared.kernel.ids import new_id

_CHANGED = contracts.AnnualPlanChanged
_FACTS: dict[str, type[contracts.AnnualPlanFact]] = {
    "submit": contracts.AnnualPlanSubmitted,
    "accept": contracts.AnnualPlanAccepted,
}


async def call_plans(tx: Transaction, fiscal_year: int, due_on: date, *, by: Principal) -> tuple[int, int]:
    """From every CFO Act agency that has none of the year; how many were called, and how many were there.

    Raises Forbidden; RuleViolation for a day that is over, or where no such agency is known.
    """
    policy.require(by, "coordinator", to="call for annual plans")
    if due_on < tx.at.date():
        raise RuleViolation("The plans would be due on a day that is over.", code="missing", missing=("a day that is to come",))
    agencies, plans = tables.known_organizations, tables.annual_plans
    obliged = await tx.rows(select(agencies.c.id, agencies.c.name).where(agencies.c.cfo_act.is_(True)).order_by(agencies.c.id))
    if not obliged:
        needed = "an agency of the CFO Act that is known here"
        raise RuleViolation(f"To call for plans needs {needed}.", code="missing", missing=(needed,))
    there = {
        row["organization_id"]
        for row in await tx.rows(select(plans.c.organization_id).where(plans.c.fiscal_year == fiscal_year))
    }
    turn = Turn(action="call", by=by.actor, on=tx.at.date())
    called = []
    for agency in obliged:
        if agency["id"] not in there:
            plan = AnnualPlan(
                id=new_id(), version=0, organization_id=agency["id"], fiscal_year=fiscal_year, due_on=due_on, turns=(turn,)
            )
            called.append((plan, _fact(contracts.AnnualPlanCalled, plan, agency["name"], "call")))
    await store.annual_plans.add_all(tx, called)
    return len(called), len(there)


async def edit_plan(tx: Transaction, id: str, areas: Sequence[AreaPlan], *, expected_version: int, by: Principal) -> AnnualPlan:
    """Raises NotFound, Forbidden, StaleVersion, RuleViolation; Invalid for systems that are not the agency's."""
    current = await _current(tx, id, "edit", expected_version, by)
    ids = [system.system_id for area in areas for system in area.systems]
    own = await known.systems_of(tx, current.organization_id, ids)
    if strange := [id_ for id_ in ids if id_ not in own]:
        detail = f"The agency has no system {strange[0]!r} in its inventory."
        raise Invalid.at("/areas", detail, code="unknown-reference")
    turn = Turn(action="edit", by=by.actor, on=tx.at.date())
    return await _save(tx, "edit", domain.edit(current, areas, turn))


async def submit_plan(tx: Transaction, id: str, *, expected_version: int, by: Principal) -> AnnualPlan:
    """Raises NotFound, Forbidden, StaleVersion; RuleViolation with all that is missing."""
    current = await _current(tx, id, "submit", expected_version, by)
    records = await known.records(tx, current.organization_id, await known.areas_to_state(tx))
    turn = Turn(action="submit", by=by.actor, on=tx.at.date())
    return await _save(tx, "submit", domain.submit(current, records, turn))


_PLAIN: dict[str, Callable[[AnnualPlan, Turn], AnnualPlan]] = {
    "return": domain.give_back,
    "accept": domain.accept,
    "amend": domain.amend,
}


async def turn_plan(tx: Transaction, id: str, action: str, reason: str, *, expected_version: int, by: Principal) -> AnnualPlan:
    """`return`, `accept` or `amend`. Raises NotFound, Forbidden, StaleVersion, RuleViolation."""
    current = await _current(tx, id, action, expected_version, by)
    if not reason and action != "accept":
        raise RuleViolation(f"{action} needs a reason.", code="missing", missing=("reason",))
    turn = Turn(action=action, by=by.actor, on=tx.at.date(), reason=reason)
    return await _save(tx, action, _PLAIN[action](current, turn), reason=reason)


async def meet_milestone(
    tx: Transaction, id: str, milestone_id: str, evidence: str, *, expected_version: int, by: Principal
) -> AnnualPlan:
    """Raises NotFound, Forbidden, StaleVersion, RuleViolation."""
    current = await _current(tx, id, "meet", expected_version, by)
    turn = Turn(action="meet", by=by.actor, on=tx.at.date())
    return await _save(tx, "meet", domain.meet(current, milestone_id, evidence, turn))


async def tell_overdue(tx: Transaction) -> None:
    """Every plan that was never submitted and whose day is over, once."""
    table, on = tables.annual_plans, tx.at.date()
    late = select(table).where(table.c.status == Status.DRAFT.value, table.c.due_on < on).order_by(table.c.id)
    for found in map(store.annual_plans.from_row, await tx.rows(late)):
        if found.overdue_on is None and found.is_overdue(on):
            told = replace(found, overdue_on=on)
            organization = await known_organization(tx, found.organization_id)
            fact = _fact(contracts.AnnualPlanOverdue, told, organization.name, "overdue")
            await store.annual_plans.save(tx, told, fact)


async def visible_plan(tx: Transaction, id: str, *, by: Principal) -> AnnualPlan:
    """Raises NotFound also for what the caller may not see."""
    table = tables.annual_plans
    seen = known.seen_plans(await policy.reach(tx, by))
    row = await tx.row(select(table).where(table.c.id == id, seen))
    if row is None:
        raise NotFound(f"There is no annual plan {id!r}.")
    return store.annual_plans.from_row(row)


async def may(tx: Transaction, plan: AnnualPlan, action: str, by: Principal) -> bool:
    roles = MACHINE.roles_for(action)
    if "agency" in roles and (await policy.reach(tx, by)).acts_for(plan.organization_id):
        return True
    return any(by.has(role) for role in roles if role != "agency")


async def _current(tx: Transaction, id: str, action: str, expected_version: int, by: Principal) -> AnnualPlan:
    current = await visible_plan(tx, id, by=by)
    if not await may(tx, current, action, by):
        raise Forbidden(f"To {action} this plan needs one of the roles: {', '.join(MACHINE.roles_for(action))}.")
    if current.version != expected_version:
        raise StaleVersion(f"The plan is at version {current.version}.", current_version=current.version)
    return current


async def _save(tx: Transaction, action: str, plan: AnnualPlan, *, reason: str = "") -> AnnualPlan:
    organization = await known_organization(tx, plan.organization_id)
    fact = _fact(_FACTS.get(action, _CHANGED), plan, organization.name, action, reason=reason)
    return await store.annual_plans.save(tx, plan, fact)


def _fact(
    kind: type[contracts.AnnualPlanFact], plan: AnnualPlan, agency_name: str, action: str, *, reason: str = ""
) -> contracts.AnnualPlanFact:
    milestones = [each for area in plan.areas for each in area.milestones]
    return kind(
        plan_id=plan.id,
        agency_id=plan.organization_id,
        agency_name=agency_name,
        fiscal_year=plan.fiscal_year,
        due_on=plan.due_on,
        status=plan.status.value,
        action=action,
        states={area.focus_area: area.state.value for area in plan.areas},
        systems=sum(len(area.systems) for area in plan.areas),
        milestones=len(milestones),
        milestones_met=sum(each.met_on is not None for each in milestones),
        reason=reason or None,
    )
