"""Findings of oversight → corrective actions of the plan in force."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select, update

from services.registry import facts, store, tables
from services.registry.domain.plan import Plan
from services.registry.domain.plan_progress import Obligation, ObligationKind
from services.registry.domain.plan_states import IN_FORCE
from shared.contracts import registry as contracts
from shared.db import Row, Transaction
from shared.kernel.ids import new_id

_table = tables.known_findings
_WAITING = select(_table).where(_table.c.plan_id.is_(None), _table.c.withdrawn.is_(False)).order_by(_table.c.id)


async def are_waiting(tx: Transaction) -> bool:
    return await tx.row(_WAITING.limit(1)) is not None


async def open_for_findings(tx: Transaction) -> int:
    """How many were opened. One of an area without a plan in force waits. Raises StaleVersion.

    The owner is the lead office of the newest plan in force, or its host.
    """
    opened = 0
    for finding in await tx.rows(_WAITING.with_for_update()):
        plan = await _newest_in_force(tx, finding["focus_area"])
        if plan is not None:
            await _open(tx, plan, finding)
            opened += 1
    return opened


async def _newest_in_force(tx: Transaction, area: str) -> Plan | None:
    c = tables.plans.c
    query = select(tables.plans).where(c.focus_area == area, c.state.in_([state.value for state in IN_FORCE]))
    row = await tx.row(query.order_by(c.number.desc(), c.id).limit(1))
    return None if row is None else store.plans.from_row(row)


async def _open(tx: Transaction, plan: Plan, finding: Row) -> None:
    action = Obligation(
        id=new_id(),
        kind=ObligationKind.CORRECTIVE_ACTION,
        title=finding["title"],
        owner=plan.lead_office_id or plan.host_organization_id,
        due_on=finding["due_on"],
        finding_id=finding["id"],
    )
    changed = replace(plan, obligations=(*plan.obligations, action))
    await store.plans.save(tx, changed, facts.corrective_action(contracts.CorrectiveActionOpened, changed, action))
    await tx.execute(update(_table).where(_table.c.id == finding["id"]).values(plan_id=plan.id))
