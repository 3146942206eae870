"""Policies and focus areas."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from services.registry import facts, store
from services.registry.domain.focus_area import AreaService, FocusArea, Policy
from services.registry.policy import require_for
from shared.auth import Principal
from shared.contracts import registry as contracts
from shared.db import Transaction
from shared.kernel.errors import Conflict, Invalid, StaleVersion


async def record_policy(tx: Transaction, policy: Policy, *, by: Principal) -> Policy:
    """Raises Forbidden; Conflict when a policy has this id."""
    require_for(by, "record policy")
    return await store.policies.add(tx, policy, facts.policy_recorded(policy))


async def register_focus_area(tx: Transaction, area: FocusArea, *, by: Principal) -> FocusArea:
    """Raises Forbidden; Invalid for an unknown policy; Conflict when the area exists."""
    require_for(by, "register focus area")
    if await store.policies.find(tx, area.policy) is None:
        raise Invalid.at("/policy", f"There is no policy {area.policy!r}; record it first.", code="unknown-reference")
    _check_services(area)
    return await store.focus_areas.add(tx, area, facts.focus_area(contracts.FocusAreaRegistered, area))


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaChange:
    """New values of a focus area; services can be added and renamed, never removed."""

    title: str
    aliases: tuple[str, ...]
    services: tuple[AreaService, ...]
    marketplace_opens_on: date | None


async def change_focus_area(
    tx: Transaction,
    id: str,
    change: AreaChange,
    *,
    expected_version: int,
    by: Principal,
) -> FocusArea:
    """Raises Forbidden, NotFound, StaleVersion; Conflict when a service would disappear."""
    require_for(by, "change focus area")
    area = await store.focus_areas.get(tx, id)
    if area.version != expected_version:
        raise StaleVersion(f"The focus area {id} is at version {area.version}.", current_version=area.version)
    gone = [s.slug for s in area.services if s.slug not in {service.slug for service in change.services}]
    if gone:
        raise Conflict(f"Services cannot be removed from an area, designations refer to them: {', '.join(gone)}.")
    changed = replace(
        area,
        title=change.title,
        aliases=change.aliases,
        services=change.services,
        marketplace_opens_on=change.marketplace_opens_on,
    )
    _check_services(changed)
    if changed == area:
        return area
    return await store.focus_areas.save(tx, changed, facts.focus_area(contracts.FocusAreaChanged, changed))


def _check_services(area: FocusArea) -> None:
    slugs = [service.slug for service in area.services]
    if len(slugs) != len(set(slugs)):
        raise Invalid.at("/services", "Two services have the same slug.", code="duplicate")
