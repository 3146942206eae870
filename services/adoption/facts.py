"""Adoptions → the facts published about them."""

from __future__ import annotations

from typing import Any

from services.adoption.domain.adoption import Adoption
from services.adoption.store import KnownOffering, KnownOrganization
from shared.contracts import adoption as contracts


def adoption(
    kind: type[contracts.AdoptionFact],
    found: Adoption,
    *,
    agency: KnownOrganization,
    offering: KnownOffering,
    reason: str | None = None,
    **more: Any,
) -> contracts.AdoptionFact:
    return kind(
        adoption_id=found.id,
        agency_id=found.organization_id,
        agency_name=agency.name,
        offering_id=found.offering_id,
        offering_code=offering.code,
        offering_revision=found.offering_revision,
        focus_areas=offering.focus_areas,
        status=found.status.value,
        phase=found.phase.value,
        started_on=found.started_on,
        live_on=found.live_on,
        authorized_until=found.authorized_until,
        letters=len(found.letters),
        source=found.source,
        reason=reason,
        effective_on=found.last.effective_on,
        activities=offering.activities,
        **more,
    )
