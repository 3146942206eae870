"""How an agency can get an offering today, and what it would cost."""

from __future__ import annotations

from dataclasses import dataclass

from services.catalog import store
from services.catalog.commands.vehicles import agency_and_above
from services.catalog.domain.offering import Offering, Status
from services.catalog.domain.price import Estimate, Price, estimate
from services.catalog.domain.provider import Kind as ProviderKind
from services.catalog.domain.provider import Provider
from services.catalog.domain.vehicle import Vehicle, hindrances
from services.catalog.queries.offerings import offering
from shared.auth import Principal
from shared.db import Transaction
from shared.kernel.errors import RuleViolation

_FREE_STEPS = ("Ask the provider for access.", "Sign its terms of service; nothing is paid.")
_INTERAGENCY_STEPS = (
    "Agree with the provider on scope, period and price.",
    "Sign General Terms and Conditions (FS Form 7600A).",
    "Sign an order (FS Form 7600B) for the fiscal year's funds.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to get it; `vehicle` is None where none is needed or it is not registered (`number` alone)."""

    kind: str
    holder: str
    number: str | None = None
    vehicle: Vehicle | None = None
    missing: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()


async def how_to_buy(tx: Transaction, id: str, *, agency_id: str | None, by: Principal) -> tuple[Offering, list[Way]]:
    """Possible ways first. Raises NotFound; Invalid for an unknown agency."""
    view = await offering(tx, id, by=by)
    agency = await agency_and_above(tx, agency_id) if agency_id else None
    found = view.offering
    vehicles = {v.number: v for v in await store.vehicles.find_by(tx, "number", found.content.vehicles)}
    ways = [_by_vehicle(number, vehicles.get(number), tx=tx, agency=agency) for number in found.content.vehicles]
    ways = [*_without_vehicle(found, view.provider), *ways]
    if found.status not in {Status.PUBLISHED, Status.LISTED}:
        stands = f"an offering that is published (it is {found.status})"
        ways = [
            Way(kind=w.kind, holder=w.holder, number=w.number, vehicle=w.vehicle, missing=(stands, *w.missing)) for w in ways
        ]
    return found, sorted(ways, key=lambda way: bool(way.missing))


def _by_vehicle(number: str, vehicle: Vehicle | None, *, tx: Transaction, agency: frozenset[str] | None) -> Way:
    if vehicle is None:
        missing = (f"the vehicle {number!r} registered here, with its period and holder",)
        return Way(kind="unregistered", holder="not known", number=number, missing=missing)
    return Way(
        kind=vehicle.terms.kind.value,
        holder=vehicle.terms.holder,
        number=number,
        vehicle=vehicle,
        missing=hindrances(vehicle, on=tx.at.date(), agency=agency),
        steps=vehicle.terms.steps,
    )


def _without_vehicle(found: Offering, provider: Provider | None) -> list[Way]:
    holder = provider.name if provider else "its provider, which is not named"
    if found.content.is_free:
        return [Way(kind="free", holder=holder, steps=_FREE_STEPS)]
    if provider is not None and provider.kind is ProviderKind.FEDERAL:
        return [Way(kind="interagency_agreement", holder=holder, steps=_INTERAGENCY_STEPS)]
    return []


async def cost_estimate(tx: Transaction, id: str, *, size: int, years: int, by: Principal) -> tuple[Price, Estimate]:
    """Raises NotFound; RuleViolation when the offering has no price for this size."""
    view = await offering(tx, id, by=by)
    price = view.offering.content.price
    found = estimate(price, size=size, years=years) if price else None
    if price is None or found is None:
        needed = "a price with tiers" if price is None else f"a tier that reaches {size} {price.unit}s"
        raise RuleViolation(f"An estimate needs {needed}; ask the provider.", code="no-price", missing=(needed,))
    return price, found
