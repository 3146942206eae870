"""The work of an adoption: who does which task until when, which artifacts there are, and when each phase is to end.

Tailoring leaves a task or an artifact out with a reason; an exit criterion is never left out, only waived (see `gate`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Protocol, TypeVar

from services.adoption.domain.m3 import Phase
from shared.kernel.errors import Invalid, RuleViolation


class TaskStatus(StrEnum):
    """A task that nothing was said about is open."""

    OPEN = "open"
    UNDER_WAY = "under_way"
    DONE = "done"
    NOT_APPLICABLE = "not_applicable"


class ArtifactStatus(StrEnum):
    """An artifact that nothing was said about is expected."""

    EXPECTED = "expected"
    FILED = "filed"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskState:
    """`owner`: a post or role; `note`: why it does not apply, or where the result can be seen."""

    id: str
    status: TaskStatus
    on: date
    by: str
    owner: str | None = None
    due_on: date | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactState:
    """`link` and `digest` (SHA-256) of what was filed; `note`: why it does not apply."""

    id: str
    status: ArtifactStatus
    on: date
    by: str
    link: str | None = None
    digest: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Who sees the phase through, and until when; `baseline_on` is the day that was set first."""

    phase: Phase
    owner: str
    target_on: date
    baseline_on: date
    on: date
    by: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What was said so far; all else is open, expected and without a date."""

    tasks: tuple[TaskState, ...] = ()
    artifacts: tuple[ArtifactState, ...] = ()
    targets: tuple[Target, ...] = ()

    def task(self, id: str) -> TaskState | None:
        return next((found for found in self.tasks if found.id == id), None)

    def artifact(self, id: str) -> ArtifactState | None:
        return next((found for found in self.artifacts if found.id == id), None)

    def target(self, phase: Phase) -> Target | None:
        return next((found for found in self.targets if found.phase is phase), None)

    @property
    def progress_on(self) -> tuple[date, ...]:
        """Days on which a task was done or an artifact filed."""
        done = [task.on for task in self.tasks if task.status is TaskStatus.DONE]
        return (*done, *(found.on for found in self.artifacts if found.status is ArtifactStatus.FILED))


NO_WORK = Work()


class _Named(Protocol):
    @property
    def id(self) -> str: ...


_N = TypeVar("_N", bound=_Named)


def with_task(work: Work, state: TaskState) -> Work:
    """Raises RuleViolation for one left out without a reason."""
    if state.status is TaskStatus.NOT_APPLICABLE and not state.note:
        raise _unreasoned(f"task {state.id}")
    return replace(work, tasks=_put(work.tasks, state))


def with_artifact(work: Work, state: ArtifactState) -> Work:
    """Raises RuleViolation for one left out without a reason; Invalid for one filed without a link."""
    if state.status is ArtifactStatus.NOT_APPLICABLE and not state.note:
        raise _unreasoned(f"artifact {state.id}")
    if state.status is ArtifactStatus.FILED and not state.link:
        raise Invalid.at("/link", "An artifact is filed with a link to it.", code="missing")
    return replace(work, artifacts=_put(work.artifacts, state))


def with_target(work: Work, target: Target) -> Work:
    """Keeps the day that was set first. Raises RuleViolation for a later day without a reason."""
    known = work.target(target.phase)
    if known is not None:
        if target.target_on > known.target_on and not target.reason:
            detail = f"To move the end of {target.phase} from {known.target_on} to {target.target_on} needs a reason."
            raise RuleViolation(detail, code="missing", missing=("reason",))
        target = replace(target, baseline_on=known.baseline_on)
    others = tuple(each for each in work.targets if each.phase is not target.phase)
    return replace(work, targets=tuple(sorted((*others, target), key=lambda each: list(Phase).index(each.phase))))


def _put(states: tuple[_N, ...], state: _N) -> tuple[_N, ...]:
    return (*(each for each in states if each.id != state.id), state)


def _unreasoned(what: str) -> RuleViolation:
    return RuleViolation(f"To leave {what} out needs a reason.", code="missing", missing=("reason",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One phase on the way, planned and real. `slip_days`: behind the target, negative when ahead; None without a target."""

    phase: Phase
    entered_on: date | None
    left_on: date | None
    target: Target | None
    slip_days: int | None
    baseline_slip_days: int | None
    late: bool


def schedule(work: Work, *, entered: Mapping[Phase, date], left: Mapping[Phase, date], on: date) -> tuple[Stretch, ...]:
    """Slip is of the day a phase was left; while it has not been, of `on` once the target is past, else of no day."""
    return tuple(_stretch(phase, work.target(phase), entered.get(phase), left.get(phase), on) for phase in Phase)


def _stretch(phase: Phase, target: Target | None, entered: date | None, left: date | None, on: date) -> Stretch:
    measured = left or on

    def behind(day: date) -> int | None:
        return (measured - day).days if left is not None or measured > day else None

    return Stretch(
        phase=phase,
        entered_on=entered,
        left_on=left,
        target=target,
        slip_days=behind(target.target_on) if target else None,
        baseline_slip_days=behind(target.baseline_on) if target else None,
        late=target is not None and left is None and on > target.target_on,
    )
