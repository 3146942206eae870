"""Legacy systems: registered, changed, planned to end, kept after all, decommissioned with evidence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from sqlalchemy import select

from services.adoption import policy, store, tables
from services.adoption.commands.profiles import known_organization
from services.adoption.domain import system as domain
from services.adoption.domain.system import Facts, System
from shared.auth import Principal
from shared.contracts import adoption as contracts
from shared.db import Transaction
from shared.kernel.errors import Conflict, Forbidden, Invalid, NotFound, StaleVersion
from shared.kernel.ids import new_id


async def register_system(tx: Transaction, *, organization_id: str, number: str, facts: Facts, by: Principal) -> System:
    """Raises Forbidden; NotFound for an organization not known; Conflict when the agency has the number."""
    await require_inventory(tx, organization_id, by=by)
    if (there := await by_number(tx, organization_id, number)) is not None:
        raise Conflict(f"The agency has a system {number!r}: {there.id}.", code="exists")
    return await put_system(tx, None, organization_id=organization_id, number=number, facts=facts)


async def require_inventory(tx: Transaction, organization_id: str, *, by: Principal) -> None:
    """Raises Forbidden for who may not say what systems the agency has; NotFound for an organization not known."""
    await known_organization(tx, organization_id)
    await _require(tx, by, organization_id, to="register a system", coordinator=True)


async def put_system(tx: Transaction, current: System | None, *, organization_id: str, number: str, facts: Facts) -> System:
    """As an inventory says; the caller has seen to who may. Raises RuleViolation for one that is decommissioned."""
    if current is None:
        begun = domain.register(id=new_id(), organization_id=organization_id, number=number, facts=facts)
        return await store.systems.add(tx, begun, await _fact(tx, contracts.SystemRegistered, begun))
    changed = domain.change(current, facts)
    return await store.systems.save(tx, changed, await _fact(tx, contracts.SystemChanged, changed))


async def change_system(tx: Transaction, id: str, facts: Facts, *, expected_version: int, by: Principal) -> System:
    """Raises NotFound, Forbidden, StaleVersion, RuleViolation."""
    return await _act(tx, id, expected_version, by, "change", lambda system: domain.change(system, facts))


async def plan_decommission(
    tx: Transaction, id: str, *, planned_on: date, adoption_id: str | None, expected_version: int, by: Principal
) -> System:
    """Raises NotFound, Forbidden, StaleVersion, RuleViolation; Invalid for an adoption that is not the agency's."""
    current = await visible_system(tx, id, by=by)
    if adoption_id is not None:
        adoption = await store.adoptions.find(tx, adoption_id)
        if adoption is None or adoption.organization_id != current.organization_id:
            raise Invalid.at("/adoption_id", f"The agency has no adoption {adoption_id!r}.", code="unknown-reference")
    on = tx.at.date()
    return await _act(
        tx,
        id,
        expected_version,
        by,
        "plan-decommission",
        lambda system: domain.plan_decommission(system, planned_on=planned_on, adoption_id=adoption_id, on=on),
    )


async def keep_system(tx: Transaction, id: str, *, reason: str, expected_version: int, by: Principal) -> System:
    """Raises NotFound, Forbidden, StaleVersion, RuleViolation."""
    return await _act(tx, id, expected_version, by, "keep", lambda system: domain.keep(system, reason=reason))


async def decommission_system(
    tx: Transaction, id: str, *, ended_on: date, evidence: str, expected_version: int, by: Principal
) -> System:
    """Raises NotFound, Forbidden, StaleVersion, RuleViolation."""
    on = tx.at.date()
    return await _act(
        tx,
        id,
        expected_version,
        by,
        "decommission",
        lambda s: domain.decommission(s, ended_on=ended_on, evidence=evidence, on=on),
    )


_FACTS: dict[str, type[contracts.SystemFact]] = {
    "change": contracts.SystemChanged,
    "keep": contracts.SystemChanged,
    "plan-decommission": contracts.SystemDecommissionPlanned,
    "decommission": contracts.SystemDecommissioned,
}


async def _act(
    tx: Transaction, id: str, expected_version: int, by: Principal, action: str, change: Callable[[System], System]
) -> System:
    current = await visible_system(tx, id, by=by)
    await _require(tx, by, current.organization_id, to=action, coordinator=action == "change")
    if current.version != expected_version:
        raise StaleVersion(f"The system is at version {current.version}.", current_version=current.version)
    changed = change(current)
    if changed == current:
        return current
    return await store.systems.save(tx, changed, await _fact(tx, _FACTS[action], changed))


async def by_number(tx: Transaction, organization_id: str, number: str) -> System | None:
    table = tables.systems
    row = await tx.row(select(table).where(table.c.organization_id == organization_id, table.c.number == number))
    return None if row is None else store.systems.from_row(row)


async def visible_by_number(tx: Transaction, organization_id: str, number: str, *, by: Principal) -> System:
    """Raises NotFound also for what the caller may not see."""
    if (found := await by_number(tx, organization_id, number)) is None:
        raise NotFound(f"There is no legacy system {number!r} of {organization_id!r}.")
    return await visible_system(tx, found.id, by=by)


async def visible_system(tx: Transaction, id: str, *, by: Principal) -> System:
    """Raises NotFound also for what the caller may not see."""
    found = await store.systems.find(tx, id)
    reach = await policy.reach(tx, by)
    if found is None or not (
        reach.everything or reach.acts_for(found.organization_id) or found.facts.focus_area in reach.areas
    ):
        raise NotFound(f"There is no legacy system {id!r}.")
    return found


async def _require(tx: Transaction, by: Principal, organization_id: str, *, to: str, coordinator: bool) -> None:
    if coordinator and by.has("coordinator"):
        return
    if not (await policy.reach(tx, by)).acts_for(organization_id):
        raise Forbidden(f"To {to} needs an agency role that covers the agency.")


async def _fact(tx: Transaction, kind: type[contracts.SystemFact], system: System) -> contracts.SystemFact:
    organization = await known_organization(tx, system.organization_id)
    facts = system.facts
    return kind(
        system_id=system.id,
        agency_id=system.organization_id,
        agency_name=organization.name,
        focus_area=facts.focus_area,
        number=system.number,
        name=facts.name,
        status=system.status.value,
        capabilities=facts.capabilities,
        yearly_costs={str(year): str(cost.total) for year, cost in facts.costs.items()},
        planned_on=system.planned_on,
        decommissioned_on=system.decommissioned_on,
        adoption_id=system.adoption_id,
        reason=system.reason,
    )
