"""Where an agency stands in a focus area, in the official adoption states, rolled up from its components."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from services.adoption.domain.adoption import Status
from services.adoption.domain.m3 import Phase
from services.adoption.domain.shortlist import Outcome, Shortlist


class State(StrEnum):
    """The states that agencies report in; `unknown`: nothing is on record."""

    COMPLETE_OPTIMIZING = "complete_optimizing"
    PARTIAL_OR_IN_PROGRESS = "partial_or_in_progress"
    NOT_STARTED_IN_TALKS = "not_started_in_talks"
    NOT_PLANNING = "not_planning"
    UNKNOWN = "unknown"


class Adopting(Protocol):
    """Of an adoption, all that counts here."""

    @property
    def status(self) -> Status: ...

    @property
    def phase(self) -> Phase: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one or more adoptions stand alike."""

    status: Status
    phase: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is on record of one organization in one area. `stated`: it said what it needs, or how ready it is."""

    adoptions: tuple[Adopting, ...] = ()
    shortlist: Shortlist | None = None
    stated: bool = False


def state_of(evidence: Evidence) -> State:
    """Of one organization by itself. An adoption that was withdrawn counts for nothing."""
    counted = [adoption for adoption in evidence.adoptions if adoption.status is not Status.WITHDRAWN]
    done = [adoption for adoption in counted if _is_done(adoption)]
    if counted and len(done) == len(counted):
        return State.COMPLETE_OPTIMIZING
    if done or any(adoption.phase is not Phase.ASSESSMENT for adoption in counted):
        return State.PARTIAL_OR_IN_PROGRESS
    decision = evidence.shortlist.decision if evidence.shortlist else None
    if counted or (decision is not None and decision.outcome is Outcome.SELECTED):
        return State.NOT_STARTED_IN_TALKS
    if decision is not None:
        return State.NOT_PLANNING
    return State.NOT_STARTED_IN_TALKS if evidence.shortlist or evidence.stated else State.UNKNOWN


def _is_done(adoption: Adopting) -> bool:
    return adoption.status is Status.COMPLETED or (adoption.status is Status.ACTIVE and adoption.phase is Phase.OPERATIONS)


def rolled_up(states: Iterable[State]) -> State:
    """Of an agency, from its own and its components' states: those of whom nothing is known count for nothing.

    Complete only when all are; in progress as soon as one is further than talks.
    """
    known: set[State] = set(states) - {State.UNKNOWN}
    if not known:
        return State.UNKNOWN
    if len(known) == 1:
        return next(iter(known))
    return State.PARTIAL_OR_IN_PROGRESS if known & BEGUN else State.NOT_STARTED_IN_TALKS


BEGUN: frozenset[State] = frozenset({State.COMPLETE_OPTIMIZING, State.PARTIAL_OR_IN_PROGRESS})
