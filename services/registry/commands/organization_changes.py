"""Dated changes of organizations: rename, move, merge, split, dissolve. A correction of what is on record is `change`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import select

from services.registry import facts, store, tables
from services.registry.commands.organizations import OrganizationValues, begun, check_parent
from services.registry.domain import organization as domain
from services.registry.domain.designation import LIVE
from services.registry.domain.organization import DatedChange, Organization
from services.registry.policy import require_for
from shared.auth import Principal
from shared.contracts import registry as contracts
from shared.db import Transaction
from shared.kernel.errors import Invalid, RuleViolation, StaleVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The day from which it holds, and why."""

    on: date
    reason: str
    source: str | None = None


async def rename_organization(
    tx: Transaction, id: str, name: str, *, abbreviation: str | None, ground: Ground, expected_version: int, by: Principal
) -> Organization:
    """Raises Forbidden, NotFound, StaleVersion, RuleViolation."""
    current, change = await _changing(tx, id, "rename", ground, expected_version=expected_version, by=by)
    after = domain.renamed(current, name, abbreviation=abbreviation, change=change)
    return await store.organizations.save(tx, after, facts.organization(contracts.OrganizationChanged, after, why=change))


async def move_organization(
    tx: Transaction, id: str, *, parent_id: str | None, ground: Ground, expected_version: int, by: Principal
) -> Organization:
    """Raises Forbidden, NotFound, StaleVersion, RuleViolation; Invalid for an unknown parent, or one below it."""
    current, change = await _changing(tx, id, "move", ground, expected_version=expected_version, by=by)
    if parent_id is not None:
        await check_parent(tx, parent_id, id)
    after = domain.moved(current, parent_id, change=change)
    return await store.organizations.save(tx, after, facts.organization(contracts.OrganizationChanged, after, why=change))


async def merge_organization(
    tx: Transaction, id: str, *, into_id: str, ground: Ground, expected_version: int, by: Principal
) -> Organization:
    """It ends; the other knows it as a predecessor, and what stood below it stands below the other.

    Its codes and names stay its own: what was recorded under them was of its time.
    Raises Forbidden, NotFound, StaleVersion, Invalid; RuleViolation while it leads live designations.
    """
    current, change = await _changing(tx, id, "merge", ground, expected_version=expected_version, by=by)
    into = await store.organizations.find(tx, into_id)
    if into is None or into.has_ended:
        raise Invalid.at("/into_id", f"There is no organization {into_id!r} that exists still.", code="unknown-reference")
    await check_parent(tx, into_id, id, pointer="/into_id")
    await _check_leads_nothing(tx, id)
    after = domain.ended(current, "merge", successors=(into_id,), change=change)
    saved = await store.organizations.save(tx, after, facts.organization(contracts.OrganizationMerged, after, why=change))
    grown = replace(into, predecessor_ids=(*into.predecessor_ids, id))
    below = [domain.moved(child, into_id, change=change) for child in await _below(tx, id)]
    changed = [(o, facts.organization(contracts.OrganizationChanged, o, why=change)) for o in (grown, *below)]
    await store.organizations.save_all(tx, changed)
    return saved


async def split_organization(
    tx: Transaction,
    id: str,
    *,
    into: Sequence[OrganizationValues],
    goes_on: bool,
    ground: Ground,
    expected_version: int,
    by: Principal,
) -> Organization:
    """New organizations come out of it; unless it goes on, it ends.

    Raises Forbidden, NotFound, StaleVersion, Invalid, Conflict; RuleViolation while it would leave something behind.
    """
    current, change = await _changing(tx, id, "split", ground, expected_version=expected_version, by=by)
    made = [await begun(tx, replace(values, valid_from=ground.on), predecessor_ids=(id,)) for values in into]
    ids = tuple(organization.id for organization in made)
    if goes_on:
        after = replace(current, successor_ids=(*current.successor_ids, *ids))
    else:
        await _check_leaves_nothing(tx, id)
        after = domain.ended(current, "split", successors=ids, change=change)
    saved = await store.organizations.save(tx, after, facts.organization(contracts.OrganizationSplit, after, why=change))
    added = [(o, facts.organization(contracts.OrganizationRegistered, o, why=change)) for o in made]
    await store.organizations.add_all(tx, added)
    return saved


async def dissolve_organization(
    tx: Transaction, id: str, *, ground: Ground, expected_version: int, by: Principal
) -> Organization:
    """Raises Forbidden, NotFound, StaleVersion; RuleViolation while it would leave something behind."""
    current, change = await _changing(tx, id, "dissolve", ground, expected_version=expected_version, by=by)
    await _check_leaves_nothing(tx, id)
    after = domain.ended(current, "dissolve", successors=(), change=change)
    return await store.organizations.save(tx, after, facts.organization(contracts.OrganizationDissolved, after, why=change))


async def _changing(
    tx: Transaction, id: str, action: str, ground: Ground, *, expected_version: int, by: Principal
) -> tuple[Organization, DatedChange]:
    require_for(by, f"{action} organization")
    current = await store.organizations.get(tx, id)
    if current.version != expected_version:
        raise StaleVersion(f"The organization is at version {current.version}.", current_version=current.version)
    return current, DatedChange(on=ground.on, at=tx.at, by=by.actor, reason=ground.reason, source=ground.source)


async def _below(tx: Transaction, id: str) -> list[Organization]:
    """Directly below it, as far as they exist still."""
    return [child for child in await store.organizations.find_by(tx, "parent_id", [id]) if not child.has_ended]


async def _check_leads_nothing(tx: Transaction, id: str) -> None:
    c = tables.designations.c
    live = select(c.focus_area, c.service).where(c.organization_id == id, c.status.in_([state.value for state in LIVE]))
    missing = tuple(
        f"transfer or revoke of {row['focus_area']}/{row['service']}"
        for row in await tx.rows(live.order_by(c.focus_area, c.service))
    )
    if missing:
        raise RuleViolation(f"It leads services still: {'; '.join(missing)}.", code="leads-services", missing=missing)


async def _check_leaves_nothing(tx: Transaction, id: str) -> None:
    await _check_leads_nothing(tx, id)
    missing = tuple(f"move of {child.name} ({child.id})" for child in await _below(tx, id))
    if missing:
        raise RuleViolation(f"Organizations stand below it: {'; '.join(missing)}.", code="stands-above", missing=missing)
