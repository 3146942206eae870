"""Wire values → the domain's content."""

from __future__ import annotations

from decimal import Decimal

from services.catalog import schemas
from services.catalog.domain.content import Authorization, Content, Coverage, Guide, Promise, Suits
from services.catalog.domain.price import Price, Tier, is_in_order
from services.catalog.schemas import content as parts
from shared.kernel.errors import Invalid


def content(given: schemas.OfferingValues) -> Content:
    """Repeated areas, services and vehicles count once."""
    return Content(
        name=given.name,
        kind=given.kind,
        focus_areas=tuple(dict.fromkeys(given.focus_areas)),
        services=tuple(dict.fromkeys(given.services)),
        shelf=given.shelf,
        summary=given.summary,
        description=given.description,
        provider_id=given.provider_id,
        fibf_coverage=tuple(Coverage(**dict(covered)) for covered in given.fibf_coverage),
        authorization=_authorization(given.authorization) if given.authorization else None,
        pricing=given.pricing,
        vehicles=tuple(dict.fromkeys(given.vehicles)),
        is_free=given.is_free,
        lineage=given.lineage,
        website=given.website,
        business_functions=tuple(dict.fromkeys(given.business_functions)),
        standards=tuple(dict.fromkeys(given.standards)),
        price=_price(given.price) if given.price else None,
        suits=_suits(given.suits),
        in_production=given.in_production,
        onboarding_days=given.onboarding_days,
        hosting=given.hosting,
        interfaces=tuple(dict.fromkeys(given.interfaces)),
        transactions_per_year=given.transactions_per_year,
        promises=tuple(Promise(**dict(promise)) for promise in given.promises),
        lessons=tuple(given.lessons),
        depends_on=tuple(dict.fromkeys(given.depends_on)),
        bundle=tuple(dict.fromkeys(given.bundle)),
        migrates_to=given.migrates_to,
        guide=_guide(given.guide) if given.guide else None,
        cost_method=given.cost_method,
        satisfaction=given.satisfaction,
    )


def _price(given: parts.PriceGiven) -> Price:
    """Raises Invalid for tiers that do not rise."""
    tiers = tuple(Tier(up_to=t.up_to, amount=Decimal(t.amount.amount), per=t.per) for t in given.tiers)
    setup = Decimal(given.setup.amount) if given.setup else Decimal(0)
    price = Price(model=given.model, unit=given.unit, tiers=tiers, setup=setup, included=tuple(given.included))
    if not is_in_order(price):
        raise Invalid.at("/price/tiers", "Each tier reaches further than the one before; only the last may be open.")
    return price


def _suits(given: list[parts.SuitsGiven]) -> tuple[Suits, ...]:
    """Raises Invalid for a dimension named twice."""
    if len({each.dimension for each in given}) != len(given):
        raise Invalid.at("/suits", "A dimension is named twice.", code="duplicate")
    return tuple(Suits(**dict(each)) for each in given)


def _guide(given: parts.GuideGiven) -> Guide:
    return Guide(body=given.body, steps=tuple(given.steps), artifacts=tuple(given.artifacts), standards=tuple(given.standards))


def _authorization(given: parts.AuthorizationGiven) -> Authorization:
    return Authorization(
        fedramp_id=given.fedramp_id,
        status=given.status,
        kind=given.kind,
        impact_level=given.impact_level,
        service_models=tuple(dict.fromkeys(given.service_models)),
        deployment_model=given.deployment_model,
        ready_on=given.ready_on,
        in_process_on=given.in_process_on,
        authorized_on=given.authorized_on,
        expires_on=given.expires_on,
        annual_assessment=given.annual_assessment,
        partnering_agency=given.partnering_agency,
        assessor=given.assessor,
    )
