"""Loads the starter facts through the same commands as everyone: once, in one transaction."""

from __future__ import annotations

from services.registry import store
from services.registry.commands import areas, board_seats, organizations
from services.registry.domain.designation import Basis
from services.registry.domain.focus_area import FocusArea, Policy
from services.registry.domain.organization import Alias
from services.registry.domain.plan_review import BoardSeat
from services.registry.importers import starter
from services.registry.importers.steps import Ledger
from shared.auth import Principal, Role
from shared.db import Database, Transaction
from shared.kernel.cause import Cause

_STARTER = Principal("system:starter", (Role("omb"), Role("coordinator")))


async def load(db: Database) -> bool:
    """Whether anything was loaded: nothing is, once the registry has the starter's policy."""
    found = starter.load()
    async with db.transaction(Cause(actor=_STARTER.actor)) as tx:
        if await store.policies.find(tx, found.policy.id) is not None:
            return False
        await _load(tx, found)
    return True


async def _load(tx: Transaction, found: starter.Starter) -> None:
    policy = found.policy
    await areas.record_policy(
        tx,
        Policy(id=policy.id, version=0, title=policy.title, issuer=policy.issuer, issued_on=policy.issued_on, url=policy.url),
        by=_STARTER,
    )
    for area in found.areas:
        await areas.register_focus_area(tx, _focus_area(area, policy.id), by=_STARTER)
    ids = await _organizations(tx, found)
    for step in found.steps:
        for service in step.services:
            await _take(tx, step, service, ids)
    for seat in found.board_seats:
        organization_id = ids[seat.organization] if seat.organization else None
        opened = BoardSeat(id=seat.id, version=0, title=seat.title, council=seat.council, organization_id=organization_id)
        await board_seats.register_seat(tx, opened, by=_STARTER)


def _focus_area(area: starter.StarterArea, policy: str) -> FocusArea:
    return FocusArea(
        id=area.slug,
        version=0,
        title=area.title,
        policy=policy,
        aliases=area.aliases,
        services=area.services,
        marketplace_opens_on=area.marketplace_opens_on,
    )


async def _organizations(tx: Transaction, found: starter.Starter) -> dict[str, str]:
    """Registers them; key → id."""
    ids: dict[str, str] = {}
    for given in found.organizations:
        values = organizations.OrganizationValues(
            name=given.name,
            kind=given.kind,
            abbreviation=given.abbreviation,
            parent_id=ids[given.parent] if given.parent else None,
            codes=given.codes,
            aliases=tuple(Alias(name=name) for name in given.aliases),
            cfo_act=given.cfo_act,
        )
        ids[given.key] = (await organizations.register_organization(tx, values, by=_STARTER)).id
    return ids


async def _take(tx: Transaction, step: starter.StarterStep, service: str, ids: dict[str, str]) -> None:
    ledger = Ledger(tx, by=_STARTER)
    await ledger.take(
        step.action,
        area=step.area,
        service=service,
        organization_id=ids[step.organization] if step.organization else None,
        on=step.effective_on,
        basis=Basis(policy=step.policy, clause=step.clause, reason=step.reason, source=step.source),
    )
