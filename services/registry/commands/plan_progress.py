"""What a plan promised: milestones, conditions and corrective actions; and the daily look at what is late."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from sqlalchemy import select

from services.registry import facts, store, tables
from services.registry.commands.plans import Condition, obligation, plan_at
from services.registry.domain import plan as domain
from services.registry.domain.plan import Plan
from services.registry.domain.plan_progress import (
    MILESTONE,
    OBLIGATION,
    Milestone,
    MilestoneMove,
    Obligation,
    ObligationKind,
    move_milestone,
    move_obligation,
)
from services.registry.domain.plan_states import IN_FORCE, State
from shared.auth import Principal
from shared.contracts import registry as contracts
from shared.db import Transaction
from shared.kernel.errors import Forbidden, NotFound
from shared.kernel.ids import new_id

_MILESTONE_FACTS: dict[str, type[contracts.MilestoneFact]] = {
    "reschedule": contracts.MilestoneRescheduled,
    "meet": contracts.MilestoneMet,
    "meet-partially": contracts.MilestonePartiallyMet,
    "miss": contracts.MilestoneMissed,
}
_OBLIGATION_FACTS: dict[str, type[contracts.CorrectiveActionFact]] = {
    "propose-done": contracts.CorrectiveActionProposedDone,
    "verify": contracts.CorrectiveActionVerified,
    "reopen": contracts.CorrectiveActionReopened,
}


async def schedule_milestone(
    tx: Transaction, id: str, *, title: str, due_on: date, expected_version: int, by: Principal
) -> Plan:
    """In a draft or while the plan is in force. Raises Forbidden, NotFound, StaleVersion, RuleViolation."""
    roles = MILESTONE.roles_for("schedule")
    plan = await plan_at(tx, id, by=by, expected_version=expected_version, roles=roles, to="schedule a milestone")
    domain.check_state(plan, "schedule a milestone", State.DRAFT, *IN_FORCE)
    milestone = Milestone(id=new_id(), title=title, due_on=due_on)
    changed = replace(plan, milestones=(*plan.milestones, milestone))
    fact = facts.milestone(contracts.MilestoneScheduled, changed, milestone, today=tx.at.date())
    return await store.plans.save(tx, changed, fact)


async def change_milestone(
    tx: Transaction,
    id: str,
    milestone_id: str,
    action: str,
    *,
    given: MilestoneMove,
    expected_version: int,
    by: Principal,
) -> Plan:
    """Raises Forbidden, NotFound, StaleVersion, RuleViolation."""
    roles = MILESTONE.roles_for(action)
    plan = await plan_at(tx, id, by=by, expected_version=expected_version, roles=roles, to=f"{action} a milestone")
    domain.check_state(plan, f"{action} a milestone", *IN_FORCE)
    milestone = next((m for m in plan.milestones if m.id == milestone_id), None)
    if milestone is None:
        raise NotFound(f"There is no milestone {milestone_id!r} in this plan.")
    moved = move_milestone(milestone, action, given)
    changed = _with_milestone(plan, moved)
    fact = facts.milestone(_MILESTONE_FACTS[action], changed, moved, today=tx.at.date())
    return await store.plans.save(tx, changed, fact)


async def open_corrective_action(tx: Transaction, id: str, given: Condition, *, expected_version: int, by: Principal) -> Plan:
    """While the plan is in force. Raises Forbidden, NotFound, StaleVersion, RuleViolation."""
    roles = OBLIGATION.roles_for("open")
    plan = await plan_at(tx, id, by=by, expected_version=expected_version, roles=roles, to="open a corrective action")
    domain.check_state(plan, "open a corrective action", *IN_FORCE)
    opened = obligation(ObligationKind.CORRECTIVE_ACTION, given)
    changed = replace(plan, obligations=(*plan.obligations, opened))
    fact = facts.corrective_action(contracts.CorrectiveActionOpened, changed, opened)
    return await store.plans.save(tx, changed, fact)


async def change_corrective_action(
    tx: Transaction,
    id: str,
    obligation_id: str,
    action: str,
    *,
    evidence: tuple[str, ...],
    reason: str | None,
    expected_version: int,
    by: Principal,
) -> Plan:
    """`propose-done`, `verify` or `reopen`. Raises Forbidden (also to verify one's own proposal), NotFound, StaleVersion."""
    roles = OBLIGATION.roles_for(action)
    plan = await plan_at(tx, id, by=by, expected_version=expected_version, roles=roles, to=f"{action} a corrective action")
    domain.check_state(plan, f"{action} a corrective action", *IN_FORCE)
    current = next((o for o in plan.obligations if o.id == obligation_id), None)
    if current is None:
        raise NotFound(f"There is no corrective action {obligation_id!r} in this plan.")
    moved = move_obligation(current, action, by=by.actor, evidence=evidence, reason=reason)
    if action == "verify" and current.proposed_by == by.actor:
        raise Forbidden("You proposed that this is done; to verify it takes another person.", code="separation-of-duties")
    changed = _with_obligation(plan, moved)
    return await store.plans.save(tx, changed, facts.corrective_action(_OBLIGATION_FACTS[action], changed, moved))


async def tell_what_is_late(tx: Transaction) -> int:
    """Publishes what became at risk or overdue since the last look; how many facts that were.

    Each is said once: a milestone again only after it was rescheduled, an obligation after it was reopened.
    """
    today = tx.at.date()
    table = tables.plans
    query = select(table).where(table.c.state.in_([state.value for state in IN_FORCE])).order_by(table.c.id)
    told = 0
    for row in await tx.rows(query):
        plan = store.plans.from_row(row)
        for milestone in (m for m in plan.milestones if m.at_risk(today) and not m.warned):
            warned = replace(milestone, warned=True)
            changed = _with_milestone(plan, warned)
            fact = facts.milestone(contracts.MilestoneAtRisk, changed, warned, today=today)
            plan, told = await store.plans.save(tx, changed, fact), told + 1
        for late in (o for o in plan.obligations if o.is_due_unfulfilled(today)):
            overdue = move_obligation(late, "fall-overdue", by=tx.cause.actor)
            changed = _with_obligation(plan, overdue)
            fact_overdue = facts.corrective_action(contracts.CorrectiveActionOverdue, changed, overdue)
            plan, told = await store.plans.save(tx, changed, fact_overdue), told + 1
    return told


def _with_milestone(plan: Plan, changed: Milestone) -> Plan:
    return replace(plan, milestones=tuple(changed if m.id == changed.id else m for m in plan.milestones))


def _with_obligation(plan: Plan, changed: Obligation) -> Plan:
    return replace(plan, obligations=tuple(changed if o.id == changed.id else o for o in plan.obligations))
