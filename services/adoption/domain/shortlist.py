"""A shortlist: an analysis locked with everything it rests on, to be verified by anyone later, and then decided."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from shared.kernel.errors import RuleViolation
from shared.kernel.machine import StateMachine, Transition

OFFERINGS_MAX = 20


class Status(StrEnum):
    """Where a shortlist stands."""

    LOCKED = "locked"
    DECIDED = "decided"


class Outcome(StrEnum):
    """What the agency decided."""

    SELECTED = "selected"
    NONE_SUITABLE = "none_suitable"


MACHINE = StateMachine(
    "shortlist",
    (
        Transition(
            action="lock",
            sources=(None,),
            target=Status.LOCKED,
            roles=("agency",),
            needs=("needs that are stated", "every offering is in"),
        ),
        Transition(
            action="decide",
            sources=(Status.LOCKED,),
            target=Status.DECIDED,
            roles=("agency",),
            needs=("reason", "an offering of the shortlist, unless none is suitable"),
        ),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`offering_id` when one was selected."""

    outcome: Outcome
    reason: str
    on: date
    by: str
    offering_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortlist:
    """`pinned`: the question, the candidates' data and their fits as canonical JSON; `digest`: its SHA-256, in hex."""

    id: str
    version: int
    organization_id: str
    focus_area: str
    needs_id: str
    fiscal_year: int
    status: Status
    pinned: str
    digest: str
    locked_by: str
    locked_on: date
    decision: Decision | None = None


def digest_of(pinned: str) -> str:
    return hashlib.sha256(pinned.encode()).hexdigest()


def decide(shortlist: Shortlist, decision: Decision, *, offering_ids: tuple[str, ...]) -> Shortlist:
    """`offering_ids`: those on the shortlist. Raises RuleViolation for the state, or an offering that is not on it."""
    status = Status(MACHINE.after("decide", state=shortlist.status))
    selected = decision.offering_id
    if decision.outcome is Outcome.SELECTED and selected not in offering_ids:
        needed = f"one of the offerings on the shortlist: {', '.join(offering_ids)}"
        raise RuleViolation(f"To select needs {needed}.", code="missing", missing=(needed,))
    if decision.outcome is Outcome.NONE_SUITABLE and selected is not None:
        raise RuleViolation("Either an offering is selected or none is suitable.", code="contradiction")
    return replace(shortlist, status=status, decision=decision)
