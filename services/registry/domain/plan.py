"""An implementation plan: how a host means to lead a focus area over five fiscal years, and what was decided on it.

Source: M-19-16 (a five-year plan assessed against a standard set of criteria), domain-model §2.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from services.registry.domain import plan_criteria as criteria
from services.registry.domain.plan_criteria import Criterion
from services.registry.domain.plan_progress import Milestone, MilestoneStatus, Obligation
from services.registry.domain.plan_review import Board, Check, Question, Recommendation, Vote, missing_for_recommendation
from services.registry.domain.plan_states import IN_FORCE, MACHINE, State
from services.registry.domain.post import Signature
from shared.kernel.errors import Forbidden, RuleViolation

HORIZON_YEARS = 5
_GIVEN = {"return": ("reason",), "reject": ("reason", "policy clause"), "approve": ("policy clause",)}
_NOT_BY_SUBMITTER = frozenset({"start-review", "return", "recommend", "approve", "reject"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    """What a plan states in words; all are required to submit it."""

    offerings: str = ""
    acquisition_strategy: str = ""
    governance: str = ""
    funding_mechanism: str = ""
    organization: str = ""


SECTIONS = tuple(section.name for section in fields(Sections))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanYear:
    """What one fiscal year takes; funds in US dollars."""

    fiscal_year: int
    capacity: str = ""
    skills: str = ""
    funds: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One dated transition of a plan; `acting_for` is the post that it was delegated from."""

    action: str
    state: State
    on: date
    at: datetime
    by: str
    reason: str | None = None
    policy: str | None = None
    clause: str | None = None
    acting_for: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`number` counts the versions of the plans of one host for one area, from 1; `turns` is its history."""

    id: str
    version: int
    focus_area: str
    host_organization_id: str
    number: int
    first_fiscal_year: int
    turns: tuple[Turn, ...]
    lead_office_id: str | None = None
    services: tuple[str, ...] = ()
    sections: Sections = field(default_factory=Sections)
    years: tuple[PlanYear, ...] = ()
    criteria: tuple[Criterion, ...] = ()
    milestones: tuple[Milestone, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    questions: tuple[Question, ...] = ()
    votes: tuple[Vote, ...] = ()
    check: Check | None = None
    recommendation: Recommendation | None = None

    @property
    def last(self) -> Turn:
        return self.turns[-1]

    @property
    def state(self) -> State:
        return self.last.state

    @property
    def horizon(self) -> tuple[int, ...]:
        return tuple(range(self.first_fiscal_year, self.first_fiscal_year + HORIZON_YEARS))

    @property
    def submitters(self) -> frozenset[str]:
        return frozenset(turn.by for turn in self.turns if turn.action == "submit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a transition depends on beside the plan itself; `director` signs what is submitted."""

    board: Board = field(default_factory=Board)
    has_newer_in_force: bool = False
    director: Signature | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What a decision is given with; `on` is the day it takes effect."""

    on: date
    reason: str | None = None
    policy: str | None = None
    clause: str | None = None


def draft(*, id: str, focus_area: str, host: str, number: int, first_fiscal_year: int, on: date, at: datetime, by: str) -> Plan:
    """A new version, every criterion unmet."""
    state = State(MACHINE.after("draft", state=None))
    return Plan(
        id=id,
        version=0,
        focus_area=focus_area,
        host_organization_id=host,
        number=number,
        first_fiscal_year=first_fiscal_year,
        turns=(Turn(action="draft", state=state, on=on, at=at, by=by),),
        criteria=criteria.unassessed(),
    )


def move(plan: Plan, action: str, *, grounds: Grounds, around: Surroundings, at: datetime, by: str) -> Plan:
    """The plan after `action`.

    Raises RuleViolation when the state does not allow it, or listing everything missing; Forbidden for whoever submitted it,
    and for a submission by anybody but the QSMO's director or whom that is delegated to.
    """
    state = State(MACHINE.after(action, state=plan.state))
    if action in _NOT_BY_SUBMITTER:
        check_separation(plan, action, by=by)
    given = {"reason": grounds.reason, "policy clause": grounds.policy and grounds.clause}
    missing = (*missing_for(plan, action, around), *(name for name in _GIVEN.get(action, ()) if not given[name]))
    if missing:
        raise RuleViolation(f"{action} needs: {', '.join(missing)}.", code="missing", missing=missing)
    if action == "submit":
        _check_signature(around.director)
    if grounds.on < plan.last.on:
        raise RuleViolation(
            f"{action} cannot take effect on {grounds.on}: {plan.last.action} took effect on {plan.last.on}.",
            code="effective-date-order",
        )
    moved = replace(plan, turns=(*plan.turns, _turn(action, state, grounds, around, at=at, by=by)))
    if action == "start-review":
        return replace(moved, votes=(), check=None, recommendation=None)
    return moved


def _check_signature(director: Signature | None) -> None:
    if director is not None and not director.may:
        raise Forbidden(
            f"The post {director.post} is held by another person; submit takes the holder or a delegation.",
            code="not-your-post",
        )


def _turn(action: str, state: State, grounds: Grounds, around: Surroundings, *, at: datetime, by: str) -> Turn:
    signed = around.director if action == "submit" else None
    return Turn(
        action=action,
        state=state,
        on=grounds.on,
        at=at,
        by=by,
        reason=grounds.reason,
        policy=grounds.policy,
        clause=grounds.clause,
        acting_for=signed.acting_for if signed else None,
    )


def missing_for(plan: Plan, action: str, around: Surroundings) -> tuple[str, ...]:
    """What the plan itself lacks for the action, as far as its state allows it at all."""
    match action:
        case "submit":
            vacancy = around.director.vacancy if around.director else None
            return (*((vacancy,) if vacancy else ()), *missing_for_submission(plan))
        case "recommend":
            return missing_for_recommendation(check=plan.check, questions=plan.questions, votes=plan.votes, board=around.board)
        case "approve":
            return criteria.unsettled(plan.criteria)
        case "complete":
            return _still_open(plan)
        case "supersede":
            return () if around.has_newer_in_force else ("a newer approved version",)
        case _:
            return ()


def missing_for_submission(plan: Plan) -> tuple[str, ...]:
    """Every empty required part, in the order of the plan."""
    missing = [] if plan.lead_office_id else ["lead office"]
    missing += [] if plan.services else ["services covered"]
    missing += [f"section {name}" for name in SECTIONS if not getattr(plan.sections, name).strip()]
    years = {year.fiscal_year: year for year in plan.years}
    for fiscal_year in plan.horizon:
        year = years.get(fiscal_year, PlanYear(fiscal_year=fiscal_year))
        missing += [f"{part} of fiscal year {fiscal_year}" for part, is_given in _parts(year) if not is_given]
    return (*missing, *(() if plan.milestones else ("milestones",)))


def _parts(year: PlanYear) -> Iterable[tuple[str, bool]]:
    yield "capacity", bool(year.capacity.strip())
    yield "skills", bool(year.skills.strip())
    yield "funds", year.funds is not None


def _still_open(plan: Plan) -> tuple[str, ...]:
    milestones = (f"milestone {m.id} settled" for m in plan.milestones if m.status is MilestoneStatus.SCHEDULED)
    return (*milestones, *(f"{o.kind} {o.id} verified" for o in plan.obligations if not o.is_closed))


def check_separation(plan: Plan, action: str, *, by: str) -> None:
    """Nobody decides on what the same person submitted. Raises Forbidden."""
    if by in plan.submitters:
        raise Forbidden(f"You submitted this plan; {action} takes another person.", code="separation-of-duties")


def check_state(plan: Plan, action: str, *states: State) -> None:
    """Raises RuleViolation naming the states in which the part of a plan may change."""
    if plan.state not in states:
        wanted = " or ".join(states)
        raise RuleViolation(
            f"plan: cannot {action} while {plan.state}; it takes {wanted}.",
            code="transition-not-allowed",
            allowed_actions=MACHINE.allowed(plan.state),
        )


class PlanScope(Protocol):
    """As much of a plan as a designation rests on."""

    @property
    def state(self) -> State: ...
    @property
    def host_organization_id(self) -> str: ...
    @property
    def lead_office_id(self) -> str | None: ...
    @property
    def services(self) -> Collection[str]: ...


def missing_for_designation(plans: Sequence[PlanScope], *, service: str, lead: str, within: Collection[str]) -> tuple[str, ...]:
    """What the best of the area's plans lacks to carry a designation of `lead` for `service`.

    `within` is the lead and every organization above it: the host must be one of them.
    """
    wanted: tuple[tuple[str, Callable[[PlanScope], bool]], ...] = (
        ("an approved or active implementation plan", lambda plan: plan.state in IN_FORCE),
        ("a plan of the host that the lead office belongs to", lambda plan: plan.host_organization_id in within),
        (f"a plan that covers the service {service}", lambda plan: service in plan.services),
        ("a plan that names this lead office", lambda plan: plan.lead_office_id == lead),
    )
    lacks = [tuple(text for text, holds in wanted if not holds(plan)) for plan in plans]
    return min(lacks, key=len, default=tuple(text for text, _ in wanted))
