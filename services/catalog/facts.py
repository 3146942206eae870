"""Aggregates → the facts published about them."""

from __future__ import annotations

from typing import Any, TypeVar

from services.catalog.domain.content import Authorization
from services.catalog.domain.marketplace import Marketplace
from services.catalog.domain.offering import Offering
from services.catalog.domain.provider import Provider
from services.catalog.domain.standard import Standard
from services.catalog.domain.vehicle import Vehicle
from shared.contracts import catalog as contracts

F = TypeVar("F", bound=contracts.OfferingFact)
S = TypeVar("S", bound=contracts.StandardFact)
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
        source=found.source,
        reason=found.reason,
        **more,
    )


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
