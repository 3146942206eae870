"""Wire values → the domain's content."""

from __future__ import annotations

from services.catalog import schemas
from services.catalog.domain.content import Authorization, Content, Coverage


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
        fibf_coverage=tuple(Coverage(fibf_id=c.fibf_id, coverage=c.coverage, comment=c.comment) for c in given.fibf_coverage),
        authorization=_authorization(given.authorization) if given.authorization else None,
        pricing=given.pricing,
        vehicles=tuple(dict.fromkeys(given.vehicles)),
        is_free=given.is_free,
        lineage=given.lineage,
        website=given.website,
        business_functions=tuple(dict.fromkeys(given.business_functions)),
    )


def _authorization(given: schemas.AuthorizationGiven) -> Authorization:
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
