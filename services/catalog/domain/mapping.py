"""How a register's business function is mapped to a focus area and standards: proposed, then confirmed by somebody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from shared.kernel.errors import RuleViolation
from shared.kernel.machine import StateMachine, Transition


class Status(StrEnum):
    """Of the last word on it; what is in effect changes with a confirmation alone. `noticed`: it came with an import."""

    NOTICED = "noticed"
    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


_REVIEWERS = ("qsmo", "coordinator")

MACHINE = StateMachine(
    "function-mapping",
    (
        Transition(action="notice", sources=(None,), target=Status.NOTICED, roles=("coordinator", "omb")),
        Transition(action="propose", sources=tuple(Status), target=Status.PROPOSED, roles=_REVIEWERS, needs=("reason",)),
        Transition(
            action="confirm",
            sources=(Status.PROPOSED,),
            target=Status.CONFIRMED,
            roles=_REVIEWERS,
            needs=("another person than the one who proposed",),
        ),
        Transition(action="reject", sources=(Status.PROPOSED,), target=Status.REJECTED, roles=_REVIEWERS, needs=("reason",)),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What offerings with the function belong to; `standards` are ids of standards. Nothing is an answer too."""

    focus_area: str | None = None
    standards: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionMapping:
    """`effect` is what holds (None: nothing was ever confirmed), `proposal` what was proposed last.

    `version` 0: as it comes with the program. `remapped` and `left`: how many offerings the last confirmation changed, and
    how many it left because their areas or standards were set by hand or published.
    """

    id: str
    version: int
    term: str
    status: Status
    effect: Target | None = None
    proposal: Target | None = None
    reason: str = ""
    proposed_by: str | None = None
    decided_by: str | None = None
    note: str | None = None
    remapped: int = 0
    left: int = 0

    @property
    def areas(self) -> tuple[str, ...]:
        """Whose QSMOs it concerns: where its offerings stand, and where they would."""
        targets = (self.effect, self.proposal if self.status is Status.PROPOSED else None)
        return tuple(dict.fromkeys(each.focus_area for each in targets if each and each.focus_area))


def noticed(*, id: str, term: str) -> FunctionMapping:
    return FunctionMapping(id=id, version=0, term=term, status=Status(MACHINE.after("notice", state=None)))


def propose(mapping: FunctionMapping, target: Target, *, reason: str, by: str) -> FunctionMapping:
    """What is in effect stays so until the proposal is confirmed."""
    status = Status(MACHINE.after("propose", state=mapping.status))
    return replace(mapping, status=status, proposal=target, reason=reason, proposed_by=by, decided_by=None, note=None)


def confirm(mapping: FunctionMapping, *, by: str) -> FunctionMapping:
    """Raises RuleViolation for the state, or when `by` is who proposed it."""
    status = Status(MACHINE.after("confirm", state=mapping.status))
    if mapping.proposed_by == by:
        raise RuleViolation(
            "Whoever proposed a mapping does not confirm it.",
            code="separation-of-duties",
            missing=("another person than the one who proposed",),
        )
    return replace(mapping, status=status, effect=mapping.proposal, decided_by=by, note=None)


def reject(mapping: FunctionMapping, *, reason: str, by: str) -> FunctionMapping:
    """Raises RuleViolation for the state. What was in effect stays."""
    return replace(mapping, status=Status(MACHINE.after("reject", state=mapping.status)), decided_by=by, note=reason)


def said_of(functions: Sequence[str], effects: Mapping[str, Target]) -> dict[str, tuple[str, ...]]:
    """The fields of an offering that follow from its functions, in their order; `effects`: function → what holds."""
    found = [effects[function] for function in functions if function in effects]
    return {
        "focus_areas": tuple(dict.fromkeys(each.focus_area for each in found if each.focus_area)),
        "standards": tuple(dict.fromkeys(standard for each in found for standard in each.standards)),
    }
