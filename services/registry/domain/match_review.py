"""A name from outside that fits no organization with certainty: a coordinator decides once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from shared.kernel.machine import StateMachine, Transition


class Status(StrEnum):
    """Open until somebody decides."""

    OPEN = "open"
    RESOLVED = "resolved"
    DISMISSED = "dismissed"


MACHINE = StateMachine(
    "match review",
    (
        Transition(action="open", sources=(None,), target=Status.OPEN, roles=("coordinator",)),
        Transition(
            action="resolve", sources=(Status.OPEN,), target=Status.RESOLVED, roles=("coordinator",), needs=("organization",)
        ),
        Transition(
            action="dismiss", sources=(Status.OPEN,), target=Status.DISMISSED, roles=("coordinator",), needs=("reason",)
        ),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An organization it may be, with a score from 0 to 1."""

    organization_id: str
    name: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchReview:
    """`scheme` and `value` are the outside id, e.g. `fedramp` `22-011`."""

    id: str
    version: int
    scheme: str
    value: str
    name: str
    parent_name: str | None
    status: Status
    candidates: tuple[Candidate, ...] = ()
    organization_id: str | None = None
    reason: str | None = None


def resolve(review: MatchReview, *, organization_id: str) -> MatchReview:
    """Raises RuleViolation unless it is open."""
    return replace(review, status=Status(MACHINE.after("resolve", state=review.status)), organization_id=organization_id)


def dismiss(review: MatchReview, *, reason: str) -> MatchReview:
    """Raises RuleViolation unless it is open."""
    return replace(review, status=Status(MACHINE.after("dismiss", state=review.status)), reason=reason)
