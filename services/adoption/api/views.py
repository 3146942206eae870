"""Domain → representation, with what this caller may do next."""

from __future__ import annotations

from datetime import date

from services.adoption import schemas
from services.adoption.domain.adoption import MACHINE, Adoption, Step, Surroundings, missing_for, missing_to_advance
from services.adoption.domain.gate import Assessment, GoLive
from services.adoption.domain.letter import Letter
from services.adoption.domain.m3 import CRITERIA, Criterion
from services.adoption.domain.stall import next_step
from services.adoption.policy import Reach
from services.adoption.store import KnownOffering, KnownOrganization
from shared.web.wire import Action


def adoption(
    found: Adoption,
    *,
    agency: KnownOrganization | None,
    offering: KnownOffering | None,
    reach: Reach,
    around: Surroundings | None,
    on: date,
) -> schemas.AdoptionShown:
    """`around` is None of a past day, of which no next step is told."""
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
        target_on=found.target_on,
        late=found.is_late(on=on),
        source=found.source,
        stall=_stall(found, on),
        next_step=_next_step(found, around) if around else None,
        letters=[_letter(letter) for letter in found.letters],
        history=[_step(step) for step in found.steps],
        actions=_actions(found, reach, around) if around else [],
    )


def _stall(found: Adoption, on: date) -> schemas.StallShown | None:
    if found.stall is None or not found.is_stalled:
        return None
    stall = found.stall
    days = (on - stall.progress_on).days
    return schemas.StallShown(
        progress_on=stall.progress_on,
        found_on=stall.found_on,
        threshold_days=stall.threshold_days,
        days=days,
        why=f"Nothing has moved in {found.phase} since {stall.progress_on}, for {days} days: no step, criterion, risk, "
        f"signature, task or document. {stall.threshold_days} days are taken as usual.",
    )


def _next_step(found: Adoption, around: Surroundings) -> schemas.NextStepShown | None:
    step = next_step(found, around)
    return None if step is None else schemas.NextStepShown(what=step.what, whose=step.whose)


def gates(found: Adoption, around: Surroundings) -> schemas.GatesShown:
    return schemas.GatesShown(
        adoption_id=found.id,
        phase=found.phase,
        criteria=[_assessed(criterion, found.gates.of(criterion.id)) for criterion in CRITERIA.values()],
        signatures=[
            schemas.SignatureShown(phase=signed.phase, side=signed.side, on=signed.on, by=signed.by)
            for signed in found.gates.signatures
        ],
        go_live=_go_live(found.gates.go_live) if found.gates.go_live else None,
        outstanding=list(missing_to_advance(found, around)),
    )


def _go_live(found: GoLive) -> schemas.GoLiveShown:
    return schemas.GoLiveShown(
        outcome=found.outcome, go_live_on=found.go_live_on, on=found.on, by=found.by, contingency=found.contingency
    )


def _assessed(criterion: Criterion, known: Assessment | None) -> schemas.AssessedShown:
    return schemas.AssessedShown(
        id=criterion.id,
        phase=criterion.phase,
        text=criterion.text,
        result=known.result.value if known else "unmet",
        grounds=known and known.grounds,
        on=known and known.on,
        by=known and known.by,
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


def _actions(found: Adoption, reach: Reach, around: Surroundings) -> list[Action]:
    """What its own agency may do: possible now, or what stands in the way. Nobody else acts."""
    if not reach.acts_for(found.organization_id):
        return []
    href = f"/v1/adoptions/{found.id}"
    actions = dict.fromkeys(t.action for t in MACHINE.transitions if t.sources != (None,))
    return [
        Action(action=action, href=f"{href}/{action}", possible=not missing, missing=list(missing))
        for action in actions
        for missing in [missing_for(found, action, around)]
    ]
