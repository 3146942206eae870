"""Content ↔ the JSON document that rows and revisions keep."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from services.catalog.domain.content import Authorization, Content, Coverage, CoverageLevel, Kind, Shelf


def content_document(content: Content) -> dict[str, Any]:
    found = content.authorization
    return {
        "name": content.name,
        "kind": content.kind.value,
        "focus_areas": list(content.focus_areas),
        "services": list(content.services),
        "shelf": content.shelf.value if content.shelf else None,
        "summary": content.summary,
        "description": content.description,
        "provider_id": content.provider_id,
        "fibf_coverage": [
            {"fibf_id": c.fibf_id, "coverage": c.coverage.value, "comment": c.comment} for c in content.fibf_coverage
        ],
        "authorization": _authorization_document(found) if found else None,
        "pricing": content.pricing,
        "vehicles": list(content.vehicles),
        "is_free": content.is_free,
        "lineage": content.lineage,
        "website": content.website,
        "business_functions": list(content.business_functions),
    }


def _authorization_document(found: Authorization) -> dict[str, Any]:
    return {
        "fedramp_id": found.fedramp_id,
        "status": found.status,
        "kind": found.kind,
        "impact_level": found.impact_level,
        "service_models": list(found.service_models),
        "deployment_model": found.deployment_model,
        "ready_on": found.ready_on and found.ready_on.isoformat(),
        "in_process_on": found.in_process_on and found.in_process_on.isoformat(),
        "authorized_on": found.authorized_on and found.authorized_on.isoformat(),
        "expires_on": found.expires_on and found.expires_on.isoformat(),
        "annual_assessment": found.annual_assessment,
        "partnering_agency": found.partnering_agency,
        "assessor": found.assessor,
    }


def content_of(document: Mapping[str, Any]) -> Content:
    found = document["authorization"]
    return Content(
        name=document["name"],
        kind=Kind(document["kind"]),
        focus_areas=tuple(document["focus_areas"]),
        services=tuple(document["services"]),
        shelf=Shelf(document["shelf"]) if document["shelf"] else None,
        summary=document["summary"],
        description=document["description"],
        provider_id=document["provider_id"],
        fibf_coverage=tuple(
            Coverage(fibf_id=c["fibf_id"], coverage=CoverageLevel(c["coverage"]), comment=c["comment"])
            for c in document["fibf_coverage"]
        ),
        authorization=_authorization_of(found) if found else None,
        pricing=document["pricing"],
        vehicles=tuple(document["vehicles"]),
        is_free=document["is_free"],
        lineage=document["lineage"],
        website=document["website"],
        business_functions=tuple(document["business_functions"]),
    )


def _authorization_of(found: Mapping[str, Any]) -> Authorization:
    return Authorization(
        fedramp_id=found["fedramp_id"],
        status=found["status"],
        kind=found["kind"],
        impact_level=found["impact_level"],
        service_models=tuple(found["service_models"]),
        deployment_model=found["deployment_model"],
        ready_on=_day(found["ready_on"]),
        in_process_on=_day(found["in_process_on"]),
        authorized_on=_day(found["authorized_on"]),
        expires_on=_day(found["expires_on"]),
        annual_assessment=found["annual_assessment"],
        partnering_agency=found["partnering_agency"],
        assessor=found["assessor"],
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
