"""Aggregates → the facts published about them."""

from __future__ import annotations

from typing import Any, TypeVar

from services.catalog.domain.content import Authorization, Content
from services.catalog.domain.mapping import FunctionMapping, Target
from services.catalog.domain.marketplace import Marketplace
from services.catalog.domain.offering import Offering
from services.catalog.domain.price import Price
from services.catalog.domain.provider import Provider
from services.catalog.domain.standard import Standard
from services.catalog.domain.vehicle import Vehicle
from shared.contracts import catalog as contracts

F = TypeVar("F", bound=contracts.OfferingFact)
S = TypeVar("S", bound=contracts.StandardFact)
M = TypeVar("M", bound=contracts.MappingFact)
V = TypeVar("V", bound=contracts.VehicleFact)


def marketplace(kind: type[contracts.MarketplaceFact], found: Marketplace, *, title: str) -> contracts.MarketplaceFact:
    return kind(focus_area=found.id, title=title, status=found.status.value, opened_on=found.opened_on)


def provider(kind: type[contracts.ProviderFact], found: Provider) -> contracts.ProviderFact:
    return kind(
        provider_id=found.id,
        name=found.name,
        kind=found.kind.value,
        organization_id=found.organization_id,
        uei=found.uei,
        small_business=found.small_business,
    )


def offering(kind: type[F], found: Offering, *, provider_name: str | None, **more: Any) -> F:
    content = found.content
    return kind(
        offering_id=found.id,
        code=found.code,
        name=content.name,
        kind=content.kind.value,
        status=found.status.value,
        revision=found.revision,
        focus_areas=content.focus_areas,
        services=content.services,
        shelf=content.shelf.value if content.shelf else None,
        summary=content.summary,
        provider_id=content.provider_id,
        provider_name=provider_name,
        authorization=_authorization(content.authorization) if content.authorization else None,
        fit=_fit(content) if _says_how_it_fits(content) else None,
        source=found.source,
        reason=found.reason,
        **more,
    )


def _says_how_it_fits(content: Content) -> bool:
    """A product taken over from a register says nothing of this; thousands of those are imported."""
    said = (content.fibf_coverage, content.suits, content.price, content.hosting, content.vehicles, content.is_free)
    return any(said) or content.in_production or bool(content.interfaces)


def _fit(content: Content) -> contracts.FitEntry:
    return contracts.FitEntry(
        coverage={covered.fibf_id: covered.coverage.value for covered in content.fibf_coverage},
        suits={each.dimension.value: each.least for each in content.suits},
        price=_price(content.price) if content.price else None,
        hosting=content.hosting.value if content.hosting else None,
        in_production=content.in_production,
        onboarding_days=content.onboarding_days,
        transactions_per_year=content.transactions_per_year,
        interfaces=content.interfaces,
        is_free=content.is_free,
        vehicles=content.vehicles,
    )


def _price(price: Price) -> contracts.PriceEntry:
    tiers = tuple(contracts.TierEntry(up_to=t.up_to, amount=str(t.amount), per=t.per.value) for t in price.tiers)
    return contracts.PriceEntry(unit=price.unit.value, tiers=tiers, setup=str(price.setup))


def _authorization(found: Authorization) -> contracts.AuthorizationEntry:
    return contracts.AuthorizationEntry(
        fedramp_id=found.fedramp_id,
        status=found.status,
        kind=found.kind,
        impact_level=found.impact_level,
        service_models=found.service_models,
        deployment_model=found.deployment_model,
        authorized_on=found.authorized_on,
        expires_on=found.expires_on,
    )


def standard(kind: type[S], found: Standard, **more: Any) -> S:
    return kind(
        standard_id=found.id,
        title=found.title,
        kind=found.kind.value,
        family=found.family,
        focus_area=found.focus_area,
        status=found.status.value,
        edition=found.edition,
        source_version=found.source_version,
        counts=dict(found.counts),
        reason=found.reason,
        successor_id=found.successor_id,
        **more,
    )


def mapping(kind: type[M], found: FunctionMapping) -> M:
    return kind(
        mapping_id=found.id,
        term=found.term,
        status=found.status.value,
        effect=_mapped(found.effect),
        proposal=_mapped(found.proposal),
        reason=found.reason,
        note=found.note,
        remapped=found.remapped,
        left=found.left,
    )


def _mapped(target: Target | None) -> contracts.MappedEntry | None:
    return contracts.MappedEntry(focus_area=target.focus_area, standards=target.standards) if target else None


def vehicle(kind: type[V], found: Vehicle, **more: Any) -> V:
    terms = found.terms
    return kind(
        vehicle_id=found.id,
        number=found.number,
        title=terms.title,
        kind=terms.kind.value,
        holder=terms.holder,
        status=found.status.value,
        ordering_from=terms.ordering_from,
        ordering_to=terms.ordering_to,
        ceiling=str(terms.ceiling) if terms.ceiling is not None else None,
        obligated=str(found.obligated),
        eligible=terms.eligible,
        **more,
    )
