"""Providers: registered and changed by hand, linked to organizations as these become known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select

from services.catalog import facts, store, tables
from services.catalog.domain.provider import Kind, Provider, key_of
from services.catalog.policy import require_for
from shared.auth import Principal
from shared.contracts import catalog as contracts
from shared.db import Transaction, among
from shared.kernel.errors import Conflict, Invalid, RuleViolation, StaleVersion
from shared.kernel.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderValues:
    """Everything about a provider that is set by hand."""

    name: str
    kind: Kind
    organization_id: str | None = None
    uei: str | None = None
    small_business: bool | None = None


async def register_provider(tx: Transaction, values: ProviderValues, *, by: Principal) -> Provider:
    """Raises Forbidden; Invalid for an unknown organization; Conflict naming the provider that has the name."""
    require_for(by, "register provider")
    await _check(tx, values, own_id=None)
    provider = _with(Provider(id=new_id(), version=0, key="", name=values.name, kind=values.kind), values)
    return await store.providers.add(tx, provider, facts.provider(contracts.ProviderRegistered, provider))


async def change_provider(
    tx: Transaction,
    id: str,
    values: ProviderValues,
    *,
    expected_version: int,
    by: Principal,
) -> Provider:
    """Raises Forbidden, NotFound, StaleVersion, Invalid, Conflict."""
    require_for(by, "change provider")
    current = await store.providers.get(tx, id)
    if current.version != expected_version:
        raise StaleVersion(f"The provider is at version {current.version}.", current_version=current.version)
    await _check(tx, values, own_id=id)
    changed = _with(current, values)
    if changed == current:
        return current
    return await store.providers.save(tx, changed, facts.provider(contracts.ProviderChanged, changed))


def _with(provider: Provider, values: ProviderValues) -> Provider:
    return replace(
        provider,
        key=key_of(values.name),
        name=values.name,
        kind=values.kind,
        organization_id=values.organization_id,
        uei=values.uei,
        small_business=values.small_business,
    )


async def _check(tx: Transaction, values: ProviderValues, *, own_id: str | None) -> None:
    if not key_of(values.name):
        raise Invalid.at("/name", "A name has at least one letter or digit.")
    if values.organization_id is not None:
        if values.kind is not Kind.FEDERAL:
            raise RuleViolation("Only a federal provider is linked to an organization.", code="not-federal")
        if await tx.row(select(tables.organizations).where(tables.organizations.c.id == values.organization_id)) is None:
            raise Invalid.at(
                "/organization_id", f"There is no organization {values.organization_id!r}.", code="unknown-reference"
            )
    for other in await store.providers.find_by(tx, "key", [key_of(values.name)]):
        if other.id != own_id:
            raise Conflict(f"There is a provider of this name: {other.name} ({other.id}).", code="exists")


async def organizations_named(tx: Transaction, keys: Sequence[str]) -> dict[str, str]:
    """Name key → id, for names that exactly one organization has."""
    table = tables.organizations
    found: dict[str, list[str]] = {}
    for row in await tx.rows(select(table.c.key, table.c.id).where(among(tx, table.c.key, keys))):
        found.setdefault(row["key"], []).append(row["id"])
    return {key: ids[0] for key, ids in found.items() if len(ids) == 1}


async def link_organizations(tx: Transaction, named: Mapping[str, str]) -> None:
    """A provider whose name is exactly that of an organization is that organization. `named`: key → organization id."""
    providers = await store.providers.find_by(tx, "key", sorted(named))
    linked = [
        replace(provider, kind=Kind.FEDERAL, organization_id=named[provider.key])
        for provider in providers
        if provider.organization_id is None
    ]
    await store.providers.save_all(tx, [(p, facts.provider(contracts.ProviderChanged, p)) for p in linked])
