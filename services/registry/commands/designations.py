"""Designations: research, pre-designate, designate, transfer, suspend, reinstate, revoke."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import select

from services.registry import facts, store, tables
from services.registry.commands.plans import lineages
from services.registry.domain import designation as domain
from services.registry.domain.designation import MACHINE, Basis, Designation, Status
from services.registry.domain.plan import missing_for_designation
from services.registry.domain.plan_states import State
from services.registry.policy import require
from shared.auth import Principal
from shared.contracts import registry as contracts
from shared.db import Transaction
from shared.kernel.errors import Invalid, RuleViolation, StaleVersion
from shared.kernel.ids import new_id

_FACTS: dict[str, type[contracts.DesignationFact]] = {
    "research": contracts.DesignationResearched,
    "pre-designate": contracts.DesignationPreDesignated,
    "designate": contracts.DesignationDesignated,
    "suspend": contracts.DesignationSuspended,
    "reinstate": contracts.DesignationReinstated,
    "revoke": contracts.DesignationRevoked,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Which service, led by whom, from when."""

    focus_area: str
    service: str
    organization_id: str | None
    effective_on: date


async def open_designation(tx: Transaction, action: str, opening: Opening, *, basis: Basis, by: Principal) -> Designation:
    """`research` or `pre-designate` a service that has no live designation.

    Raises Forbidden, Invalid for unknown references, RuleViolation when the service is led already or dates overlap.
    """
    require(by, *MACHINE.roles_for(action), to=action)
    await _check_references(tx, opening, basis)
    others = await _of_service(tx, opening.focus_area, opening.service)
    researched = next((other for other in others if other.status is Status.RESEARCH), None)
    if action == "research" and others:
        raise RuleViolation(f"{opening.service} is on record already ({others[-1].status}).", code="on-record-already")
    domain.check_no_overlap(others, service=opening.service, on=opening.effective_on)
    if researched is not None:
        moved = domain.move(
            researched,
            action,
            on=opening.effective_on,
            at=tx.at,
            by=by.actor,
            basis=basis,
            organization_id=opening.organization_id,
        )
        return await store.designations.save(tx, moved, facts.designation(_FACTS[action], moved))
    begun = domain.begin(
        action,
        id=new_id(),
        focus_area=opening.focus_area,
        service=opening.service,
        organization_id=opening.organization_id,
        on=opening.effective_on,
        at=tx.at,
        by=by.actor,
        basis=basis,
    )
    return await store.designations.add(tx, begun, facts.designation(_FACTS[action], begun))


async def move_designation(
    tx: Transaction,
    id: str,
    action: str,
    *,
    on: date,
    basis: Basis,
    expected_version: int,
    by: Principal,
    announced: bool = False,
) -> Designation:
    """`designate`, `suspend`, `reinstate` or `revoke`. Raises Forbidden, NotFound, StaleVersion, RuleViolation.

    `announced` records what was announced in public on the basis then cited; else `designate` rests on a plan in force.
    """
    require(by, *MACHINE.roles_for(action), to=action)
    designation = await _at_version(tx, id, expected_version)
    await _check_policy(tx, basis)
    missing = await missing_plan(tx, designation) if action == "designate" and not announced else ()
    moved = domain.move(designation, action, on=on, at=tx.at, by=by.actor, basis=basis, missing=missing)
    return await store.designations.save(tx, moved, facts.designation(_FACTS[action], moved))


async def missing_plan(tx: Transaction, designation: Designation) -> tuple[str, ...]:
    """What the plans of the area lack to carry it; empty when one is in force. Source: M-19-16."""
    return (await missing_plans(tx, [designation]))[designation.id]


async def missing_plans(tx: Transaction, designations: Sequence[Designation]) -> dict[str, tuple[str, ...]]:
    """As `missing_plan`, by the designation's id."""
    scopes = await _scopes(tx, {designation.focus_area for designation in designations})
    above = await lineages(tx, [d.organization_id for d in designations if d.organization_id])
    return {
        d.id: missing_for_designation(
            scopes.get(d.focus_area, ()),
            service=d.service,
            lead=d.organization_id or "",
            within=above.get(d.organization_id or "", ()),
        )
        for d in designations
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scope:
    """Of a plan, what a designation rests on."""

    state: State
    host_organization_id: str
    lead_office_id: str | None
    services: Collection[str]


async def _scopes(tx: Transaction, areas: Collection[str]) -> dict[str, list[_Scope]]:
    """What the plans of each area cover, without their text."""
    c = tables.plans.c
    parts = (c.document["lead_office_id"].label("lead_office_id"), c.document["services"].label("services"))
    query = select(c.focus_area, c.state, c.host_organization_id, *parts).where(c.focus_area.in_(sorted(areas)))
    found: dict[str, list[_Scope]] = {}
    for row in await tx.rows(query.order_by(c.id)):
        scope = _Scope(
            state=State(row["state"]),
            host_organization_id=row["host_organization_id"],
            lead_office_id=row["lead_office_id"],
            services=row["services"],
        )
        found.setdefault(row["focus_area"], []).append(scope)
    return found


async def transfer_designation(
    tx: Transaction,
    id: str,
    *,
    to_organization_id: str,
    on: date,
    basis: Basis,
    expected_version: int,
    by: Principal,
) -> Designation:
    """End it and pre-designate another organization, in one change; returns the new designation.

    Raises Forbidden, NotFound, StaleVersion, Invalid, RuleViolation.
    """
    require(by, *MACHINE.roles_for("transfer"), to="transfer")
    ending = await _at_version(tx, id, expected_version)
    await _check_policy(tx, basis)
    await _check_organization(tx, to_organization_id)
    if to_organization_id == ending.organization_id:
        raise RuleViolation("A transfer needs another organization.", code="missing", missing=("another organization",))
    successor_id = new_id()
    ended = replace(domain.move(ending, "transfer", on=on, at=tx.at, by=by.actor, basis=basis), successor_id=successor_id)
    await store.designations.save(
        tx, ended, facts.designation(contracts.DesignationTransferred, ended, successor_id=successor_id)
    )
    begun = replace(
        domain.begin(
            "pre-designate",
            id=successor_id,
            focus_area=ending.focus_area,
            service=ending.service,
            organization_id=to_organization_id,
            on=on,
            at=tx.at,
            by=by.actor,
            basis=basis,
        ),
        predecessor_id=ending.id,
    )
    fact = facts.designation(contracts.DesignationPreDesignated, begun, predecessor_id=ending.id)
    return await store.designations.add(tx, begun, fact)


async def _at_version(tx: Transaction, id: str, expected_version: int) -> Designation:
    designation = await store.designations.get(tx, id)
    if designation.version != expected_version:
        raise StaleVersion(
            f"The designation is at version {designation.version}, not {expected_version}.",
            current_version=designation.version,
        )
    return designation


async def _of_service(tx: Transaction, area: str, service: str) -> list[Designation]:
    table = tables.designations
    query = select(table).where(table.c.focus_area == area, table.c.service == service).order_by(table.c.began_on)
    return [store.designations.from_row(row) for row in await tx.rows(query)]


async def _check_references(tx: Transaction, opening: Opening, basis: Basis) -> None:
    area = await store.focus_areas.find(tx, opening.focus_area)
    if area is None:
        raise Invalid.at("/focus_area", f"There is no focus area {opening.focus_area!r}.", code="unknown-reference")
    if not area.has_service(opening.service):
        known = ", ".join(service.slug for service in area.services)
        raise Invalid.at(
            "/service", f"{opening.focus_area} has no service {opening.service!r}; it has: {known}.", code="unknown-reference"
        )
    if opening.organization_id is not None:
        await _check_organization(tx, opening.organization_id)
    await _check_policy(tx, basis)


async def _check_organization(tx: Transaction, id: str) -> None:
    if await store.organizations.find(tx, id) is None:
        raise Invalid.at("/organization_id", f"There is no organization {id!r}.", code="unknown-reference")


async def _check_policy(tx: Transaction, basis: Basis) -> None:
    if basis.policy is not None and await store.policies.find(tx, basis.policy) is None:
        raise Invalid.at("/policy", f"There is no policy {basis.policy!r}.", code="unknown-reference")
