"""Organizations and the reviews of names that fit none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from services.registry import facts, store
from services.registry.domain.organization import Alias, Code, Kind, Organization
from services.registry.policy import require_for
from shared.auth import Principal
from shared.contracts import registry as contracts
from shared.db import Transaction
from shared.kernel.errors import Conflict, Invalid, StaleVersion
from shared.kernel.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationValues:
    """Everything about an organization that a coordinator sets."""

    name: str
    kind: Kind
    abbreviation: str | None = None
    parent_id: str | None = None
    codes: tuple[Code, ...] = ()
    aliases: tuple[Alias, ...] = ()
    cfo_act: bool = False
    valid_from: date | None = None
    valid_to: date | None = None


async def register_organization(tx: Transaction, values: OrganizationValues, *, by: Principal) -> Organization:
    """Raises Forbidden; Invalid for an unknown parent; Conflict naming the organization that has one of the codes."""
    require_for(by, "register organization")
    organization = await begun(tx, values)
    fact = facts.organization(contracts.OrganizationRegistered, organization)
    await store.organizations.add_all(tx, [(organization, fact)])
    return replace(organization, version=1)


async def begun(tx: Transaction, values: OrganizationValues, *, predecessor_ids: tuple[str, ...] = ()) -> Organization:
    """A new one, not yet written. Raises Invalid, Conflict."""
    await _check(tx, values, own_id=None)
    new = Organization(id=new_id(), version=0, name=values.name, kind=values.kind, predecessor_ids=predecessor_ids)
    return _with(new, values)


async def change_organization(
    tx: Transaction,
    id: str,
    values: OrganizationValues,
    *,
    expected_version: int,
    by: Principal,
) -> Organization:
    """Corrects what is on record, without a date. Raises Forbidden, NotFound, StaleVersion, Invalid, Conflict."""
    require_for(by, "change organization")
    current = await store.organizations.get(tx, id)
    if current.version != expected_version:
        raise StaleVersion(f"The organization is at version {current.version}.", current_version=current.version)
    await _check(tx, values, own_id=id)
    if current.successor_ids and current.has_ended and values.valid_to != current.valid_to:
        raise Conflict(f"It ended on {current.valid_to} and has successors; that day is not changed.")
    changed = _with(current, values)
    if changed == current:
        return current
    return await store.organizations.save(tx, changed, facts.organization(contracts.OrganizationChanged, changed))


def _with(organization: Organization, values: OrganizationValues) -> Organization:
    return replace(
        organization,
        name=values.name,
        kind=values.kind,
        abbreviation=values.abbreviation,
        parent_id=values.parent_id,
        codes=values.codes,
        aliases=values.aliases,
        cfo_act=values.cfo_act,
        valid_from=values.valid_from,
        valid_to=values.valid_to,
    )


async def _check(tx: Transaction, values: OrganizationValues, *, own_id: str | None) -> None:
    if values.parent_id is not None:
        await check_parent(tx, values.parent_id, own_id)
    taken = await store.organizations.by_code(tx, values.codes)
    for code, organization in taken.items():
        if organization.id != own_id:
            raise Conflict(f"The code {code.scheme}:{code.value} is that of {organization.name} ({organization.id}).")


async def check_parent(tx: Transaction, parent_id: str, own_id: str | None, *, pointer: str = "/parent_id") -> None:
    """Raises Invalid for an unknown parent, or one that is or stands below its own child."""
    seen: str | None = parent_id
    while seen is not None:
        if seen == own_id:
            raise Invalid.at(pointer, "An organization cannot stand below itself.", code="cycle")
        parent = await store.organizations.find(tx, seen)
        if parent is None:
            raise Invalid.at(pointer, f"There is no organization {seen!r}.", code="unknown-reference")
        seen = parent.parent_id
