"""An adoption: one part of the government takes one offering into use, phase by phase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from itertools import pairwise

from services.adoption.domain.gate import NO_GATES, Gates, GoLive, missing_of, outstanding
from services.adoption.domain.letter import Letter, authorized_until, with_letters
from services.adoption.domain.m3 import Phase
from services.adoption.domain.work import NO_WORK, Work
from shared.kernel.errors import RuleViolation
from shared.kernel.machine import StateMachine, Transition

FEDRAMP = "fedramp"


class Status(StrEnum):
    """Beside the phase, which a hold keeps."""

    ACTIVE = "active"
    ON_HOLD = "on_hold"
    WITHDRAWN = "withdrawn"
    COMPLETED = "completed"


LIVE = (Status.ACTIVE, Status.ON_HOLD)
_AGENCY = ("agency",)

MACHINE = StateMachine(
    "adoption",
    (
        Transition(action="start", sources=(None,), target=Status.ACTIVE, roles=_AGENCY, needs=("agency", "offering")),
        Transition(action="record", sources=(None,), target=Status.ACTIVE, roles=("coordinator", "omb"), needs=("letter",)),
        Transition(
            action="advance",
            sources=(Status.ACTIVE,),
            target=Status.ACTIVE,
            roles=_AGENCY,
            needs=(
                "a next phase",
                "every exit criterion of the phase met or waived",
                "at a tollgate every category of risk rated",
                "its tollgate signed by both sides",
                "after selection a live agreement",
                "the newest revision of the offering accepted",
                "after migration a decision to go live",
            ),
        ),
        Transition(action="hold", sources=(Status.ACTIVE,), target=Status.ON_HOLD, roles=_AGENCY),
        Transition(action="resume", sources=(Status.ON_HOLD,), target=Status.ACTIVE, roles=_AGENCY),
        Transition(action="withdraw", sources=LIVE, target=Status.WITHDRAWN, roles=_AGENCY, needs=("reason",)),
        Transition(
            action="complete", sources=(Status.ACTIVE,), target=Status.COMPLETED, roles=_AGENCY, needs=("phase operations",)
        ),
    ),
)

_PHASES = tuple(Phase)
# From selection on the agency has chosen a revision; in operations it runs whatever is provided.
_PINNED = (Phase.SELECTION, Phase.ENGAGEMENT, Phase.MIGRATION)
PHASE_MACHINE = StateMachine(
    "adoption phase",
    (
        Transition(action="start", sources=(None,), target=Phase.ASSESSMENT, roles=_AGENCY),
        Transition(action="record", sources=(None,), target=Phase.OPERATIONS, roles=("coordinator", "omb")),
        *(Transition(action="advance", sources=(before,), target=after, roles=_AGENCY) for before, after in pairwise(_PHASES)),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One dated change: when it took effect, and when it was recorded here."""

    action: str
    status: Status
    phase: Phase
    effective_on: date
    recorded_at: datetime
    by: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """Found on a day to have made no progress since another, for longer than the threshold."""

    found_on: date
    progress_on: date
    threshold_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """`offering_revision` is the one chosen; `steps` is the whole history, by effective date."""

    id: str
    version: int
    organization_id: str
    offering_id: str
    offering_revision: int
    steps: tuple[Step, ...]
    letters: tuple[Letter, ...] = ()
    source: str | None = None
    gates: Gates = NO_GATES
    stall: Stall | None = None
    work: Work = NO_WORK

    @property
    def last(self) -> Step:
        return self.steps[-1]

    @property
    def status(self) -> Status:
        return self.last.status

    @property
    def phase(self) -> Phase:
        return self.last.phase

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    @property
    def started_on(self) -> date:
        return self.steps[0].effective_on

    @property
    def live_on(self) -> date | None:
        """Since when it is in operations."""
        return next((step.effective_on for step in self.steps if step.phase is Phase.OPERATIONS), None)

    @property
    def progress_on(self) -> date:
        """The day of the last step, assessment, signature or decision, task done or artifact filed, as it was recorded."""
        days = [self.last.recorded_at.date(), *self.work.progress_on]
        days += [signature.on for signature in self.gates.signatures]
        days += [assessment.on for assessment in self.gates.assessments]
        days += [risk.on for risk in self.gates.risks]
        return max([*days, self.gates.go_live.on] if self.gates.go_live else days)

    @property
    def is_stalled(self) -> bool:
        """Told to stand still, and without progress since."""
        return self.stall is not None and self.status is Status.ACTIVE and self.progress_on < self.stall.found_on

    @property
    def target_on(self) -> date | None:
        """When the present phase is to end; None once it has ended, or when no day is set."""
        target = self.work.target(self.phase) if self.is_live else None
        return target.target_on if target else None

    def is_late(self, *, on: date) -> bool:
        target = self.target_on
        return target is not None and self.status is Status.ACTIVE and on > target

    @property
    def authorized_until(self) -> date | None:
        return authorized_until(self.letters)


def start(
    *,
    id: str,
    organization_id: str,
    offering_id: str,
    offering_revision: int,
    on: date,
    at: datetime,
    by: str,
    reason: str | None = None,
) -> Adoption:
    """A new adoption, in assessment."""
    step = _first("start", on=on, at=at, by=by, reason=reason)
    return Adoption(
        id=id,
        version=0,
        organization_id=organization_id,
        offering_id=offering_id,
        offering_revision=offering_revision,
        steps=(step,),
    )


def record(
    letters: Sequence[Letter],
    *,
    id: str,
    organization_id: str,
    offering_id: str,
    offering_revision: int,
    at: datetime,
    by: str,
) -> Adoption:
    """An adoption that a public register tells of: in operations since its earliest letter. `letters`: at least one."""
    step = _first("record", on=min(letter.ato_on for letter in letters), at=at, by=by, reason=None)
    return Adoption(
        id=id,
        version=0,
        organization_id=organization_id,
        offering_id=offering_id,
        offering_revision=offering_revision,
        steps=(step,),
        letters=with_letters((), letters),
        source=FEDRAMP,
    )


def _first(action: str, *, on: date, at: datetime, by: str, reason: str | None) -> Step:
    return Step(
        action=action,
        status=Status(MACHINE.after(action, state=None)),
        phase=Phase(PHASE_MACHINE.after(action, state=None)),
        effective_on=on,
        recorded_at=at,
        by=by,
        reason=reason,
    )


def learn(adoption: Adoption, letters: Sequence[Letter], *, at: datetime, by: str) -> Adoption:
    """The adoption with the letters it lacked; the same value when it knows them all.

    One that came from a register began with its earliest letter: an earlier one puts its beginning earlier. One that the
    agency itself reports keeps its own dates.
    """
    known = with_letters(adoption.letters, letters)
    if known is adoption.letters:
        return adoption
    earliest = min(letter.ato_on for letter in known)
    if adoption.source != FEDRAMP or earliest >= adoption.started_on:
        return replace(adoption, letters=known)
    step = _first("record", on=earliest, at=at, by=by, reason="an earlier letter became known")
    return replace(adoption, letters=known, steps=(step, *adoption.steps))


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What an adoption's moves depend on beside itself. `changes`: of the newest revision against the chosen one.

    `agreed`: a live agreement stands behind it. `newest_revision`: of its offering, None when nothing was heard of it.
    """

    agreed: bool = False
    newest_revision: int | None = None
    changes: tuple[str, ...] = ()


def move(
    adoption: Adoption,
    action: str,
    *,
    around: Surroundings,
    on: date,
    at: datetime,
    by: str,
    reason: str | None = None,
) -> Adoption:
    """The adoption after `advance`, `hold`, `resume`, `withdraw` or `complete`.

    Raises RuleViolation when the state does not allow it, something is missing, or `on` lies before the last step.
    """
    status = Status(MACHINE.after(action, state=adoption.status))
    if missing := (*missing_for(adoption, action, around), *(("reason",) if action == "withdraw" and not reason else ())):
        raise RuleViolation(f"{action} needs: {', '.join(missing)}.", code="missing", missing=missing)
    if on < adoption.last.effective_on:
        raise RuleViolation(
            f"{action} cannot take effect on {on}: {adoption.last.action} is in effect since {adoption.last.effective_on}.",
            code="effective-date-order",
        )
    phase = Phase(PHASE_MACHINE.after(action, state=adoption.phase)) if action == "advance" else adoption.phase
    step = Step(action=action, status=status, phase=phase, effective_on=on, recorded_at=at, by=by, reason=reason)
    return replace(adoption, steps=(*adoption.steps, step))


def missing_for(adoption: Adoption, action: str, around: Surroundings) -> tuple[str, ...]:
    """What stands between the adoption as it is and the action, beside what the caller says; empty when nothing does."""
    sources = tuple(str(source) for t in MACHINE.transitions if t.action == action for source in t.sources)
    if adoption.status not in sources:
        return (f"state {' or '.join(sources)} (it is {adoption.status})",)
    if action == "complete" and adoption.phase is not Phase.OPERATIONS:
        return (f"phase operations (it is {adoption.phase})",)
    if action == "advance" and not PHASE_MACHINE.allowed(adoption.phase):
        return (f"a phase after {adoption.phase}",)
    return missing_to_advance(adoption, around) if action == "advance" else ()


def missing_to_advance(adoption: Adoption, around: Surroundings) -> tuple[str, ...]:
    """Of the gate, then of what the adoption rests on."""
    missing = list(outstanding(adoption.gates, adoption.phase))
    if adoption.phase is Phase.SELECTION and not around.agreed:
        missing.append("a live agreement for this adoption")
    if adoption.phase in _PINNED and (newest := is_outdated(adoption, around)):
        chosen = adoption.offering_revision
        changed = f"; changed since: {'; '.join(around.changes)}" if around.changes else ""
        missing.append(
            f"revision {newest} of the offering accepted (revision {chosen} was chosen; "
            f"GET /v1/offerings/{adoption.offering_id}/diff?from={chosen}&to={newest} says what changed){changed}"
        )
    if adoption.phase is Phase.MIGRATION and not adoption.gates.may_go_live:
        missing.append("a decision to go live")
    return tuple(missing)


def is_outdated(adoption: Adoption, around: Surroundings) -> int | None:
    """The newest revision of the offering, when it is not the one chosen."""
    newest = around.newest_revision
    return newest if newest is not None and newest > adoption.offering_revision else None


def accepted(adoption: Adoption, around: Surroundings) -> Adoption:
    """The adoption of the newest revision. Raises RuleViolation when it has ended, or that is the one chosen."""
    if not adoption.is_live:
        raise RuleViolation(f"The adoption is {adoption.status}.", code="not-live")
    newest = is_outdated(adoption, around)
    if newest is None:
        raise RuleViolation("The revision chosen is the newest.", code="not-outdated")
    return replace(adoption, offering_revision=newest)


def decided(adoption: Adoption, decision: GoLive) -> Adoption:
    """Whether the adoption may go live. Raises RuleViolation outside migration, or with what the decision lacks."""
    if adoption.phase is not Phase.MIGRATION:
        needed = f"phase migration (it is {adoption.phase})"
        raise RuleViolation(f"A go-live decision needs {needed}.", code="missing", missing=(needed,))
    if missing := missing_of(decision):
        raise RuleViolation(f"A go-live decision needs {'; '.join(missing)}.", code="missing", missing=missing)
    return through(adoption, replace(adoption.gates, go_live=decision))


def through(adoption: Adoption, gates: Gates) -> Adoption:
    """The adoption with what is now assessed and signed. Raises RuleViolation while it is not active, or not kept here."""
    _require_kept_here(adoption)
    if adoption.status is not Status.ACTIVE:
        raise RuleViolation(
            f"The adoption is {adoption.status}: its gates stand as they are.",
            code="not-active",
            allowed_actions=MACHINE.allowed(adoption.status),
        )
    return replace(adoption, gates=gates)


def _require_kept_here(adoption: Adoption) -> None:
    """What a public register tells of is public: nothing of the agency's own is put beside it."""
    if adoption.source == FEDRAMP:
        detail = "A public register tells of this adoption; gates, risks and work are kept of those that are started here."
        raise RuleViolation(detail, code="not-active", allowed_actions=MACHINE.allowed(adoption.status))


def at_work(adoption: Adoption, work: Work) -> Adoption:
    """The adoption with its work as it is now. Raises RuleViolation when it has ended, or is only told of by a register."""
    _require_kept_here(adoption)
    if not adoption.is_live:
        raise RuleViolation(f"The adoption is {adoption.status}: its work stands as it is.", code="not-live")
    return replace(adoption, work=work)


def on_day(adoption: Adoption, day: date, *, stall: Stall | None = None) -> Adoption:
    """Its steps in effect by then, and the letters of before; what was open at its gates and at work is not told of a day."""
    return replace(
        adoption,
        steps=tuple(step for step in adoption.steps if step.effective_on <= day),
        letters=tuple(letter for letter in adoption.letters if letter.ato_on <= day),
        gates=NO_GATES,
        work=NO_WORK,
        stall=stall,
    )


def entered(adoption: Adoption) -> dict[Phase, date]:
    """Since when each phase that it reached."""
    found: dict[Phase, date] = {}
    for step in adoption.steps:
        found.setdefault(step.phase, step.effective_on)
    return found


def left(adoption: Adoption) -> dict[Phase, date]:
    """Until when each phase that it went on from; operations until it was completed."""
    reached = entered(adoption)
    found = {before: reached[after] for before, after in pairwise(reached)}
    return {**found, adoption.phase: adoption.last.effective_on} if adoption.status is Status.COMPLETED else found
