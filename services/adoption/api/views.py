"""Domain → representation, with what this caller may do next."""

from __future__ import annotations

from services.adoption import schemas
from services.adoption.domain.adoption import MACHINE, Adoption, Step, missing_for
from services.adoption.domain.letter import Letter
from services.adoption.policy import Reach
from services.adoption.store import KnownOffering, KnownOrganization
from shared.web.wire import Action


def adoption(
    found: Adoption, *, agency: KnownOrganization | None, offering: KnownOffering | None, reach: Reach
) -> schemas.AdoptionShown:
    return schemas.AdoptionShown(
        id=found.id,
        version=found.version,
        agency_id=found.organization_id,
        agency_name=agency and agency.name,
        offering_id=found.offering_id,
        offering_code=offering and offering.code,
        offering_name=offering and offering.name,
        offering_revision=found.offering_revision,
        provider_name=offering and offering.provider_name,
        focus_areas=list(offering.focus_areas) if offering else [],
        status=found.status,
        phase=found.phase,
        started_on=found.started_on,
        live_on=found.live_on,
        authorized_until=found.authorized_until,
        source=found.source,
        letters=[_letter(letter) for letter in found.letters],
        history=[_step(step) for step in found.steps],
        actions=_actions(found, reach),
    )


def _letter(letter: Letter) -> schemas.LetterShown:
    return schemas.LetterShown(
        kind=letter.kind,
        ato_on=letter.ato_on,
        authorized_on=letter.authorized_on,
        expires_on=letter.expires_on,
        assessment=letter.assessment,
    )


def _step(step: Step) -> schemas.StepShown:
    return schemas.StepShown(
        action=step.action,
        status=step.status,
        phase=step.phase,
        effective_on=step.effective_on,
        recorded_at=step.recorded_at,
        by=step.by,
        reason=step.reason,
    )


def _actions(found: Adoption, reach: Reach) -> list[Action]:
    """What its own agency may do: possible now, or what stands in the way. Nobody else acts."""
    if not reach.acts_for(found.organization_id):
        return []
    href = f"/v1/adoptions/{found.id}"
    actions = dict.fromkeys(t.action for t in MACHINE.transitions if t.sources != (None,))
    return [
        Action(action=action, href=f"{href}/{action}", possible=not missing, missing=list(missing))
        for action in actions
        for missing in [missing_for(found, action)]
    ]
