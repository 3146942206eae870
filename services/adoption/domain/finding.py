"""A finding: what oversight holds against how an area is served, and the corrective action that answers it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from shared.kernel.errors import RuleViolation
from shared.kernel.machine import StateMachine, Transition

SOURCES_MAX = 50


class Status(StrEnum):
    """Whether it stands; how far its correction has come is the registry's to say."""

    RAISED = "raised"
    WITHDRAWN = "withdrawn"


MACHINE = StateMachine(
    "finding",
    (
        Transition(
            action="raise",
            sources=(None,),
            target=Status.RAISED,
            roles=("omb", "coordinator"),
            needs=("a month missed or feedback given in the area", "a day that is to come"),
        ),
        Transition(
            action="withdraw",
            sources=(Status.RAISED,),
            target=Status.WITHDRAWN,
            roles=("omb", "coordinator"),
            needs=("reason", "no corrective action opened for it"),
        ),
    ),
)


class SourceKind(StrEnum):
    """What a finding may rest on."""

    SLA = "sla"
    FEEDBACK = "feedback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Something on record here."""

    kind: SourceKind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`due_on`: until when it is to be corrected."""

    id: str
    version: int
    focus_area: str
    title: str
    text: str
    due_on: date
    sources: tuple[Source, ...]
    by: str
    on: date
    status: Status = Status.RAISED
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """The registry's corrective action, as it told of it last."""

    plan_id: str
    action_id: str
    status: str
    owner: str
    due_on: date


def raised(finding: Finding) -> Finding:
    """Raises RuleViolation for one that rests on nothing, or is due on a day that is over."""
    needs = {
        "a month missed or feedback given in the area": finding.sources,
        "a day that is to come": finding.due_on > finding.on,
    }
    if missing := tuple(what for what, there in needs.items() if not there):
        raise RuleViolation(f"raise needs: {'; '.join(missing)}.", code="missing", missing=missing)
    return finding


def withdrawn(finding: Finding, reason: str, *, correction: Correction | None) -> Finding:
    """Raises RuleViolation, also for one that is being corrected: the corrective action is what ends it."""
    status = Status(MACHINE.after("withdraw", state=finding.status))
    if correction is not None:
        needed = "no corrective action opened for it"
        detail = f"withdraw needs {needed}: close {correction.action_id} of plan {correction.plan_id} in the registry instead."
        raise RuleViolation(detail, code="missing", missing=(needed,))
    return replace(finding, status=status, reason=reason)
