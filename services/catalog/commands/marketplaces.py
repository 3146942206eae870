"""Marketplaces follow the designations of their area."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from services.catalog import facts, store
from services.catalog.domain import marketplace as domain
from services.catalog.domain.marketplace import Designation, Marketplace
from services.catalog.store import Area
from shared.contracts import catalog as contracts
from shared.contracts.envelope import Event
from shared.db import Transaction

_FACTS: dict[str, type[contracts.MarketplaceFact]] = {
    "plan": contracts.MarketplacePlanned,
    "open": contracts.MarketplaceOpened,
    "suspend": contracts.MarketplaceSuspended,
    "close": contracts.MarketplaceClosed,
}


async def settle_all(tx: Transaction) -> None:
    """Open what is due by its date."""
    await settle(tx, await store.areas(tx))


async def settle(tx: Transaction, areas: Iterable[str], *, because: Mapping[str, Event] | None = None) -> None:
    """Bring the marketplaces of these areas to the state that their designations call for.

    An area that the registry has not told of yet waits for that. `because`: area → the event that led here.
    """
    known = await store.areas(tx)
    wanted = [area for area in dict.fromkeys(areas) if area in known]
    current = {found.id: found for found in await store.marketplaces.find_by(tx, "id", wanted)}
    designations = await store.designations_of(tx, wanted)
    original = tx.cause
    for area in wanted:
        if because and area in because:
            event = because[area]
            tx.cause = replace(
                original, causation_id=event.id, correlation_id=event.correlation_id, traceparent=event.traceparent
            )
        of_area = [found for found in designations if found.focus_area == area]
        await _settle_one(tx, known[area], current.get(area), of_area)
    tx.cause = original


async def _settle_one(
    tx: Transaction, area: Area, marketplace: Marketplace | None, designations: Sequence[Designation]
) -> None:
    while action := domain.due(marketplace, designations, opens_on=area.opens_on, today=tx.at.date()):
        changed = domain.after(action, marketplace, designations, area=area.id, opens_on=area.opens_on)
        fact = facts.marketplace(_FACTS[action], changed, title=area.title)
        if marketplace is None:
            marketplace = await store.marketplaces.add(tx, changed, fact)
        else:
            marketplace = await store.marketplaces.save(tx, changed, fact)
