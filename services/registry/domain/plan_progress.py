"""What a plan promises by a day: milestones, and the conditions and corrective actions tracked to closure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from shared.kernel.errors import RuleViolation
from shared.kernel.machine import StateMachine, Transition


class MilestoneStatus(StrEnum):
    """Source: domain-model §2."""

    SCHEDULED = "scheduled"
    MET = "met"
    PARTIALLY_MET = "partially_met"
    NOT_MET = "not_met"


_SCHEDULED = MilestoneStatus.SCHEDULED
MILESTONE = StateMachine(
    "milestone",
    (
        Transition(action="schedule", sources=(None,), target=_SCHEDULED, roles=("qsmo",), needs=("due date",)),
        Transition(
            action="reschedule", sources=(_SCHEDULED,), target=_SCHEDULED, roles=("qsmo",), needs=("forecast", "reason")
        ),
        Transition(
            action="meet",
            sources=(_SCHEDULED,),
            target=MilestoneStatus.MET,
            roles=("qsmo", "coordinator"),
            needs=("evidence", "met on"),
        ),
        Transition(
            action="meet-partially",
            sources=(_SCHEDULED,),
            target=MilestoneStatus.PARTIALLY_MET,
            roles=("qsmo", "coordinator"),
            needs=("evidence", "met on"),
        ),
        Transition(
            action="miss",
            sources=(_SCHEDULED,),
            target=MilestoneStatus.NOT_MET,
            roles=("qsmo", "coordinator"),
            needs=("reason",),
        ),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    """`warned` says that `at_risk` was published for the forecast it has now."""

    id: str
    title: str
    due_on: date
    forecast_on: date | None = None
    status: MilestoneStatus = MilestoneStatus.SCHEDULED
    met_on: date | None = None
    evidence: tuple[str, ...] = ()
    reason: str | None = None
    warned: bool = False

    def slip_days(self, today: date) -> int:
        """Days behind the due date: as met, as forecast, or as it stands today; negative when ahead."""
        if self.met_on is not None:
            return (self.met_on - self.due_on).days
        expected = self.forecast_on or self.due_on
        return (max(expected, today) - self.due_on).days if today > self.due_on else (expected - self.due_on).days

    def at_risk(self, today: date) -> bool:
        """Still open, and late or forecast to be late."""
        return self.status is MilestoneStatus.SCHEDULED and self.slip_days(today) > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MilestoneMove:
    """What comes with a change of a milestone."""

    met_on: date | None = None
    forecast_on: date | None = None
    evidence: tuple[str, ...] = ()
    reason: str | None = None


def move_milestone(milestone: Milestone, action: str, given: MilestoneMove) -> Milestone:
    """Raises RuleViolation when its state does not allow it, or something is missing."""
    status = MilestoneStatus(MILESTONE.after(action, state=milestone.status))
    has = {
        "evidence": bool(given.evidence),
        "met on": given.met_on is not None,
        "forecast": given.forecast_on is not None,
        "reason": bool(given.reason),
    }
    _need(action, tuple(n for t in MILESTONE.transitions if t.action == action for n in t.needs if not has[n]))
    moved = replace(milestone, status=status, reason=given.reason or milestone.reason)
    if action == "reschedule":
        return replace(moved, forecast_on=given.forecast_on, warned=False)
    met_on = given.met_on if action != "miss" else None
    return replace(moved, met_on=met_on, evidence=(*milestone.evidence, *given.evidence))


class ObligationStatus(StrEnum):
    """Source: domain-model §2."""

    OPEN = "open"
    PROPOSED_DONE = "proposed_done"
    VERIFIED = "verified"
    OVERDUE = "overdue"


class ObligationKind(StrEnum):
    """A condition comes with OMB's decision, a corrective action at any time after."""

    CONDITION = "condition"
    CORRECTIVE_ACTION = "corrective_action"


OBLIGATION = StateMachine(
    "corrective action",
    (
        Transition(
            action="open",
            sources=(None,),
            target=ObligationStatus.OPEN,
            roles=("omb", "coordinator"),
            needs=("owner", "due date"),
        ),
        Transition(
            action="propose-done",
            sources=(ObligationStatus.OPEN, ObligationStatus.OVERDUE),
            target=ObligationStatus.PROPOSED_DONE,
            roles=("qsmo",),
            needs=("evidence",),
        ),
        Transition(
            action="verify",
            sources=(ObligationStatus.PROPOSED_DONE,),
            target=ObligationStatus.VERIFIED,
            roles=("omb", "coordinator"),
            needs=("another person than who proposed it",),
        ),
        Transition(
            action="reopen",
            sources=(ObligationStatus.PROPOSED_DONE,),
            target=ObligationStatus.OPEN,
            roles=("omb", "coordinator"),
            needs=("reason",),
        ),
        Transition(
            action="fall-overdue",
            sources=(ObligationStatus.OPEN,),
            target=ObligationStatus.OVERDUE,
            roles=("system",),
            needs=("the due date has passed",),
        ),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """A condition or corrective action with an owner and a due date; `finding_id`: the finding of oversight it answers."""

    id: str
    kind: ObligationKind
    title: str
    owner: str
    due_on: date
    status: ObligationStatus = ObligationStatus.OPEN
    evidence: tuple[str, ...] = ()
    proposed_by: str | None = None
    reason: str | None = None
    finding_id: str | None = None

    def is_due_unfulfilled(self, today: date) -> bool:
        return self.status is ObligationStatus.OPEN and today > self.due_on

    @property
    def is_closed(self) -> bool:
        return self.status is ObligationStatus.VERIFIED


def move_obligation(
    obligation: Obligation, action: str, *, by: str, evidence: tuple[str, ...] = (), reason: str | None = None
) -> Obligation:
    """Raises RuleViolation when its state does not allow it, or something is missing."""
    status = ObligationStatus(OBLIGATION.after(action, state=obligation.status))
    needed = {"propose-done": ("evidence", bool(evidence)), "reopen": ("reason", bool(reason))}.get(action)
    _need(action, (needed[0],) if needed and not needed[1] else ())
    return replace(
        obligation,
        status=status,
        evidence=(*obligation.evidence, *evidence),
        proposed_by=by if action == "propose-done" else obligation.proposed_by,
        reason=reason or obligation.reason,
    )


def _need(action: str, missing: tuple[str, ...]) -> None:
    if missing:
        raise RuleViolation(f"{action} needs: {', '.join(missing)}.", code="missing", missing=missing)
