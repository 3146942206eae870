"""The annual shared services plan of an agency: where it stands in each area, which systems it ends, what it means to reach.

The coordinator calls for it once per fiscal year; the agency states, submits and may amend it; the coordinator accepts it or
gives it back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from services.adoption.domain.rollup import State
from shared.kernel.errors import Invalid, NotFound, RuleViolation
from shared.kernel.machine import StateMachine, Transition

AREAS_MAX = 20
SYSTEMS_MAX = 500
MILESTONES_MAX = 50


class Status(StrEnum):
    """Where a plan stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    ACCEPTED = "accepted"


_AGENCY = ("agency",)
_JUDGES = ("coordinator", "omb")
_WRITABLE = (Status.DRAFT, Status.RETURNED)

MACHINE = StateMachine(
    "annual plan",
    (
        Transition(
            action="call",
            sources=(None,),
            target=Status.DRAFT,
            roles=("coordinator",),
            needs=("fiscal year", "a day it is due"),
        ),
        Transition(action="edit", sources=_WRITABLE, target=Status.DRAFT, roles=_AGENCY),
        Transition(
            action="submit",
            sources=_WRITABLE,
            target=Status.SUBMITTED,
            roles=_AGENCY,
            needs=(
                "a state in each area that has a QSMO",
                "why, where nothing is planned or the record says otherwise",
                "a milestone in each area that is under way or in talks",
                "of an area that is complete: when each system still in service there ends",
            ),
        ),
        Transition(action="return", sources=(Status.SUBMITTED,), target=Status.RETURNED, roles=_JUDGES, needs=("reason",)),
        Transition(
            action="accept",
            sources=(Status.SUBMITTED,),
            target=Status.ACCEPTED,
            roles=_JUDGES,
            needs=("another person than the one who submitted",),
        ),
        Transition(action="amend", sources=(Status.ACCEPTED,), target=Status.DRAFT, roles=_AGENCY, needs=("reason",)),
        *(
            Transition(action="meet", sources=(status,), target=status, roles=_AGENCY, needs=("evidence",))
            for status in (Status.SUBMITTED, Status.ACCEPTED)
        ),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consolidation:
    """A system of the agency's own inventory, and the fiscal year it is to end in."""

    system_id: str
    ends_in: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    """`id` is the plan's own; `met_on` and `evidence` once it is reached."""

    id: str
    title: str
    due_on: date
    met_on: date | None = None
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaPlan:
    """What an agency says of one area."""

    focus_area: str
    state: State
    why: str = ""
    systems: tuple[Consolidation, ...] = ()
    milestones: tuple[Milestone, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One entry of the history, which is never changed."""

    action: str
    by: str
    on: date
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnualPlan:
    """`overdue_on`: the day on which it was told that the plan is late."""

    id: str
    version: int
    organization_id: str
    fiscal_year: int
    due_on: date
    status: Status = Status.DRAFT
    areas: tuple[AreaPlan, ...] = ()
    turns: tuple[Turn, ...] = ()
    overdue_on: date | None = None

    def last(self, action: str) -> Turn | None:
        return next((turn for turn in reversed(self.turns) if turn.action == action), None)

    def is_overdue(self, on: date) -> bool:
        """Never submitted, and its day is over."""
        return self.last("submit") is None and self.due_on < on


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is on record of an agency in one area: its rolled-up state, and its systems in service by their number."""

    state: State
    systems: Mapping[str, str]


def missing_to_submit(plan: AnnualPlan, records: Mapping[str, Record]) -> tuple[str, ...]:
    """`records`: by area, of every area that a plan has to speak of."""
    stated = {each.focus_area: each for each in plan.areas}
    missing = [f"the state in {area}" for area in records if area not in stated]
    for area, found in stated.items():
        missing += _missing_of(found, records.get(area))
    return tuple(missing)


def _missing_of(stated: AreaPlan, record: Record | None) -> list[str]:
    area, missing = stated.focus_area, []
    if not stated.why:
        if stated.state is State.NOT_PLANNING:
            missing.append(f"why nothing is planned in {area}")
        elif record is not None and record.state not in {State.UNKNOWN, stated.state}:
            missing.append(f"why {area} is {stated.state} while the record says {record.state}")
    if stated.state in {State.PARTIAL_OR_IN_PROGRESS, State.NOT_STARTED_IN_TALKS} and not stated.milestones:
        missing.append(f"a milestone in {area}")
    if stated.state is State.COMPLETE_OPTIMIZING and record is not None:
        ending = {each.system_id for each in stated.systems}
        missing += [f"when system {number} of {area} ends" for id_, number in record.systems.items() if id_ not in ending]
    return missing


def edit(plan: AnnualPlan, areas: Sequence[AreaPlan], turn: Turn) -> AnnualPlan:
    """All of it anew. Raises RuleViolation; Invalid for an area or a system that is there twice."""
    changed = _turned(plan, turn)
    for kind, ids in (
        ("area", [each.focus_area for each in areas]),
        ("system", [system.system_id for each in areas for system in each.systems]),
    ):
        if twice := sorted({id_ for id_ in ids if ids.count(id_) > 1}):
            raise Invalid.at("/areas", f"The {kind} {twice[0]!r} is there twice.", code="duplicate")
    if unknown := [each.focus_area for each in areas if each.state is State.UNKNOWN]:
        raise Invalid.at("/areas", f"State where the agency stands in {unknown[0]}; unknown is no answer.", code="not-allowed")
    return replace(changed, areas=tuple(areas))


def submit(plan: AnnualPlan, records: Mapping[str, Record], turn: Turn) -> AnnualPlan:
    """Raises RuleViolation with all that is missing."""
    changed = _turned(plan, turn)
    if missing := missing_to_submit(plan, records):
        raise RuleViolation(f"submit needs: {'; '.join(missing)}.", code="missing", missing=missing)
    return changed


def give_back(plan: AnnualPlan, turn: Turn) -> AnnualPlan:
    """Raises RuleViolation."""
    return _turned(plan, turn)


def accept(plan: AnnualPlan, turn: Turn) -> AnnualPlan:
    """Raises RuleViolation, also for the person who submitted it."""
    changed = _turned(plan, turn)
    submitted = plan.last("submit")
    if submitted is not None and submitted.by == turn.by:
        needed = "another person than the one who submitted it"
        raise RuleViolation(f"accept needs {needed}.", code="separation-of-duties", missing=(needed,))
    return changed


def amend(plan: AnnualPlan, turn: Turn) -> AnnualPlan:
    """Back to a draft that keeps all it says. Raises RuleViolation."""
    return _turned(plan, turn)


def meet(plan: AnnualPlan, milestone_id: str, evidence: str, turn: Turn) -> AnnualPlan:
    """Raises RuleViolation for a milestone that is met; NotFound for one that the plan does not have."""
    changed = _turned(plan, turn)
    found = next((m for area in plan.areas for m in area.milestones if m.id == milestone_id), None)
    if found is None:
        raise NotFound(f"The plan has no milestone {milestone_id!r}.")
    if found.met_on is not None:
        raise RuleViolation(f"The milestone was met on {found.met_on}.", code="exists")
    met = replace(found, met_on=turn.on, evidence=evidence)
    areas = (replace(each, milestones=tuple(met if m is found else m for m in each.milestones)) for each in plan.areas)
    return replace(changed, areas=tuple(areas))


def _turned(plan: AnnualPlan, turn: Turn) -> AnnualPlan:
    status = Status(MACHINE.after(turn.action, state=plan.status))
    return replace(plan, status=status, turns=(*plan.turns, turn))
