"""Facts of the catalog: marketplaces, providers, offerings, standards."""

from __future__ import annotations

from datetime import date

from shared.contracts.fact import Fact, Visibility
from shared.contracts.registry import Part

_PUBLIC_OFFERING_STATES = frozenset({"published", "listed", "suspended", "retired"})


class MarketplaceFact(Fact):
    """The marketplace of a focus area as it is after the change."""

    focus_area: str
    title: str
    status: str
    opened_on: date | None = None


class MarketplacePlanned(MarketplaceFact, type="catalog.marketplace.planned"):
    pass


class MarketplaceOpened(MarketplaceFact, type="catalog.marketplace.opened"):
    pass


class MarketplaceSuspended(MarketplaceFact, type="catalog.marketplace.suspended"):
    pass


class MarketplaceClosed(MarketplaceFact, type="catalog.marketplace.closed"):
    pass


class ProviderFact(Fact):
    """A provider as it is after the change."""

    provider_id: str
    name: str
    kind: str
    organization_id: str | None = None
    uei: str | None = None
    small_business: bool | None = None


class ProviderRegistered(ProviderFact, type="catalog.provider.registered"):
    pass


class ProviderChanged(ProviderFact, type="catalog.provider.changed"):
    pass


class AuthorizationEntry(Part):
    """A FedRAMP authorization or one like it."""

    fedramp_id: str | None = None
    status: str
    kind: str | None = None
    impact_level: str | None = None
    service_models: tuple[str, ...] = ()
    deployment_model: str | None = None
    authorized_on: date | None = None
    expires_on: date | None = None


class TierEntry(Part):
    """Applies to sizes up to and with `up_to`; `amount` in US dollars, `per` year, unit or once."""

    up_to: int | None = None
    amount: str
    per: str


class PriceEntry(Part):
    """What an agency of a size pays; the first tier that reaches the size applies to all of it."""

    unit: str
    tiers: tuple[TierEntry, ...]
    setup: str = "0"


class FitEntry(Part):
    """What agencies compare with their needs. `coverage`: FIBF id → answer; `suits`: dimension → least level."""

    coverage: dict[str, str] = {}
    suits: dict[str, int] = {}
    price: PriceEntry | None = None
    hosting: str | None = None
    in_production: bool = False
    onboarding_days: int | None = None
    transactions_per_year: int | None = None
    interfaces: tuple[str, ...] = ()
    is_free: bool = False
    vehicles: tuple[str, ...] = ()


class OfferingFact(Fact):
    """An offering as it is after the change; `revision` counts what was published or listed, from 1 (0: none yet)."""

    offering_id: str
    code: str
    name: str
    kind: str
    status: str
    revision: int
    focus_areas: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    shelf: str | None = None
    summary: str = ""
    provider_id: str | None = None
    provider_name: str | None = None
    authorization: AuthorizationEntry | None = None
    fit: FitEntry | None = None
    source: str | None = None
    reason: str | None = None

    @property
    def focus_area(self) -> str | None:
        return self.focus_areas[0] if self.focus_areas else None

    def visibility_level(self) -> Visibility:
        public = self.status in _PUBLIC_OFFERING_STATES and self.revision > 0
        return Visibility.PUBLIC if public else Visibility.RESTRICTED


class OfferingDrafted(OfferingFact, type="catalog.offering.drafted"):
    pass


class OfferingSubmitted(OfferingFact, type="catalog.offering.submitted"):
    pass


class OfferingChangesRequested(OfferingFact, type="catalog.offering.changes_requested"):
    pass


class OfferingListed(OfferingFact, type="catalog.offering.listed"):
    """Taken over from a public register, not offered by a QSMO."""


class OfferingPublished(OfferingFact, type="catalog.offering.published"):
    pass


class OfferingRevised(OfferingFact, type="catalog.offering.revised"):
    pass


class OfferingAuthorizationChanged(OfferingFact, type="catalog.offering.authorization_changed"):
    pass


class OfferingSuspended(OfferingFact, type="catalog.offering.suspended"):
    pass


class OfferingRetired(OfferingFact, type="catalog.offering.retired"):
    """`successor_id` when there is one."""

    successor_id: str | None = None


class ActivityEntry(Part):
    """A FIBF service activity; agencies state their needs by these."""

    id: str
    title: str


class StandardFact(Fact):
    """A standard as it is after the change; `counts`: item kind → how many items its edition has."""

    standard_id: str
    title: str
    kind: str
    family: str
    focus_area: str | None = None
    status: str
    edition: int
    source_version: str | None = None
    counts: dict[str, int] = {}
    reason: str | None = None
    successor_id: str | None = None


class StandardPublished(StandardFact, type="catalog.standard.published"):
    """A new edition; `activities` are all of its FIBF activities, not only the new ones."""

    added: int
    changed: int
    withdrawn: int
    activities: tuple[ActivityEntry, ...] = ()


class StandardDrafted(StandardFact, type="catalog.standard.drafted"):
    """Items of the edition in work were edited."""


class StandardTurned(StandardFact, type="catalog.standard.turned"):
    """The edition in work moved on or back; `status` says where to."""


class StandardSuperseded(StandardFact, type="catalog.standard.superseded"):
    pass


class OfferingAuthorizationExpiring(OfferingFact, type="catalog.offering.authorization_expiring"):
    """Told 180, 90 and 30 days ahead, once each; `days` says which."""

    days: int
    expires_on: date


class VehicleFact(Fact):
    """An acquisition vehicle as it is after the change; amounts are US dollars as decimal text."""

    vehicle_id: str
    number: str
    title: str
    kind: str
    holder: str
    status: str
    ordering_from: date | None = None
    ordering_to: date | None = None
    ceiling: str | None = None
    obligated: str = "0"
    eligible: tuple[str, ...] = ()


class VehicleRegistered(VehicleFact, type="catalog.vehicle.registered"):
    pass


class VehicleChanged(VehicleFact, type="catalog.vehicle.changed"):
    pass


class VehicleOrdered(VehicleFact, type="catalog.vehicle.ordered"):
    """`amount` was obligated by an agency."""

    amount: str
    agency_id: str
    offering_id: str | None = None

    def visibility_level(self) -> Visibility:
        return Visibility.FEDERAL


class VehicleExpiring(VehicleFact, type="catalog.vehicle.expiring"):
    """Told 180, 90 and 30 days ahead, once each; `days` says which."""

    days: int


class VehicleExpired(VehicleFact, type="catalog.vehicle.expired"):
    pass


class MappedEntry(Part):
    """What a business function is mapped to; `standards` are ids of standards."""

    focus_area: str | None = None
    standards: tuple[str, ...] = ()


class MappingFact(Fact):
    """How a register's business function is mapped, as it is after the change; `effect` is what holds."""

    mapping_id: str
    term: str
    status: str
    effect: MappedEntry | None = None
    proposal: MappedEntry | None = None
    reason: str = ""
    note: str | None = None
    remapped: int = 0
    left: int = 0


class MappingNoticed(MappingFact, type="catalog.mapping.noticed"):
    """It came with an import, and nobody had looked at it before."""


class MappingProposed(MappingFact, type="catalog.mapping.proposed"):
    pass


class MappingConfirmed(MappingFact, type="catalog.mapping.confirmed"):
    """`remapped` offerings changed with it, `left` did not because their fields are not the register's any more."""


class MappingRejected(MappingFact, type="catalog.mapping.rejected"):
    pass
