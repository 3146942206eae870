"""The gate at the end of a phase: its exit criteria, and at a tollgate the signatures of agency and QSMO."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from services.adoption.domain.m3 import CRITERIA, TOLLGATES, Criterion, Phase, criteria_of
from services.adoption.domain.risk import RiskAssessment, lacking
from shared.kernel.errors import NotFound, RuleViolation


class Result(StrEnum):
    """A criterion that has no result is unmet."""

    MET = "met"
    WAIVED = "waived"


class Side(StrEnum):
    """Who signs a tollgate."""

    AGENCY = "agency"
    QSMO = "qsmo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """`grounds`: the evidence of one that is met, the reason of one that is waived."""

    criterion: str
    result: Result
    grounds: str
    on: date
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One side's word that the phase may be left."""

    phase: Phase
    side: Side
    on: date
    by: str


class Outcome(StrEnum):
    """Of the assessment before go-live."""

    GO = "go"
    NO_GO = "no_go"


# So many days lie between the decision and the day. Source: M3, go/no-go assessment 30 to 60 days before go-live.
AHEAD_DAYS = (30, 60)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoLive:
    """`contingency`: what is done instead, for a no-go."""

    outcome: Outcome
    go_live_on: date
    on: date
    by: str
    contingency: str | None = None


def missing_of(decision: GoLive) -> tuple[str, ...]:
    """What a decision lacks; empty when it can be taken."""
    missing = []
    least, most = AHEAD_DAYS
    if decision.outcome is Outcome.GO and not least <= (decision.go_live_on - decision.on).days <= most:
        missing.append(f"a day of going live {least} to {most} days ahead")
    if decision.outcome is Outcome.NO_GO and not decision.contingency:
        missing.append("a contingency plan")
    return tuple(missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gates:
    """What has been assessed, signed and decided so far, in all phases."""

    assessments: tuple[Assessment, ...] = ()
    signatures: tuple[Signature, ...] = ()
    go_live: GoLive | None = None
    risks: tuple[RiskAssessment, ...] = ()

    @property
    def may_go_live(self) -> bool:
        return self.go_live is not None and self.go_live.outcome is Outcome.GO

    def of(self, criterion: str) -> Assessment | None:
        return next((found for found in self.assessments if found.criterion == criterion), None)

    def signed(self, phase: Phase, side: Side) -> Signature | None:
        return next((found for found in self.signatures if (found.phase, found.side) == (phase, side)), None)


NO_GATES = Gates()


def outstanding(gates: Gates, phase: Phase) -> tuple[str, ...]:
    """What keeps the phase from being left, each as a sentence that names the criterion or the side."""
    return (*_unmet(gates, phase), *_unrated(gates, phase), *_unsigned(gates, phase))


def assess(gates: Gates, assessment: Assessment, *, phase: Phase) -> Gates:
    """Raises NotFound for no criterion of ours, RuleViolation for one of another phase or one that has a result."""
    criterion = _criterion(assessment.criterion, phase)
    if (known := gates.of(criterion.id)) is not None:
        raise RuleViolation(
            f"{criterion.id} is {known.result} since {known.on}; reopen it to assess it anew.",
            code="criterion-assessed",
            allowed_actions=("reopen",),
        )
    return replace(gates, assessments=(*gates.assessments, assessment))


def reopen(gates: Gates, criterion: str, *, phase: Phase) -> Gates:
    """Unmet again; who signed the tollgate of this phase signed something else, so those signatures go.

    Raises NotFound, RuleViolation.
    """
    found = gates.of(_criterion(criterion, phase).id)
    if found is None:
        raise RuleViolation(f"{criterion} is unmet: there is nothing to reopen.", code="criterion-unmet")
    return replace(
        gates,
        assessments=tuple(each for each in gates.assessments if each is not found),
        signatures=tuple(each for each in gates.signatures if each.phase is not phase),
    )


def sign(gates: Gates, signature: Signature) -> Gates:
    """Raises RuleViolation where there is no tollgate, while criteria are open or risks unrated, for a second signature of a
    side, and for one person signing for both.
    """
    phase = signature.phase
    if phase not in TOLLGATES:
        raise RuleViolation(f"The phase {phase} ends without a tollgate: nothing is signed.", code="no-tollgate")
    if missing := (*_unmet(gates, phase), *_unrated(gates, phase)):
        detail = "The tollgate is signed when every exit criterion is met or waived, and every category of risk rated."
        raise RuleViolation(detail, code="missing", missing=missing)
    if gates.signed(phase, signature.side):
        raise RuleViolation(f"The {signature.side} has signed this tollgate already.", code="tollgate-signed")
    _require_others(gates.signatures, signature)
    return replace(gates, signatures=(*gates.signatures, signature))


def _require_others(signatures: Sequence[Signature], signature: Signature) -> None:
    """Separation of duties is on the person."""
    if any((other.phase, other.by) == (signature.phase, signature.by) for other in signatures):
        raise RuleViolation("The same person cannot sign for both sides.", code="separation-of-duties")


def _criterion(id: str, phase: Phase) -> Criterion:
    found = CRITERIA.get(id)
    if found is None:
        raise NotFound(f"There is no exit criterion {id!r}; GET /v1/meta/m3 lists them.")
    if found.phase is not phase:
        raise RuleViolation(
            f"{id} belongs to the phase {found.phase}, and the adoption is in {phase}.", code="criterion-of-another-phase"
        )
    return found


def _unmet(gates: Gates, phase: Phase) -> tuple[str, ...]:
    return tuple(f"exit criterion {each.id}: {each.text}" for each in criteria_of(phase) if gates.of(each.id) is None)


def _unrated(gates: Gates, phase: Phase) -> tuple[str, ...]:
    """Source: M3 progress reviews after phases 1, 3 and 4 look at the Risk Assessment Tool."""
    return lacking(gates.risks, phase) if phase in TOLLGATES else ()


def _unsigned(gates: Gates, phase: Phase) -> tuple[str, ...]:
    if phase not in TOLLGATES:
        return ()
    return tuple(unsigned_by(phase, side) for side in Side if gates.signed(phase, side) is None)


def unsigned_by(phase: Phase, side: Side) -> str:
    return f"tollgate of {phase} signed by the {side}"
