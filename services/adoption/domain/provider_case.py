"""A legacy provider's case: a shared service provider that is not the QSMO wants customers, services or money.

Source: M-19-16 (joint business case, notes 14 and 15); Investment Planning Guidance, March 2021 (three options; where the QSMO
refuses: the board's advice, then an appeal to OMB, whose decision is final).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from shared.kernel.errors import RuleViolation
from shared.kernel.machine import StateMachine, Transition


class Option(StrEnum):
    """What the provider wants."""

    NEW_CUSTOMERS = "new_customers"
    EXPAND_SERVICES = "expand_services"
    INVEST = "invest"


class Exemption(StrEnum):
    """On what ground no case is needed."""

    CRITICAL_PATCH = "critical_patch"
    APPROPRIATIONS_LAW = "appropriations_law"


class Paper(StrEnum):
    """What is written down."""

    NEED = "need"
    CUSTOMERS = "customers"
    CAPACITY = "capacity"
    SERVICES = "services"
    CURRENT_SYSTEMS = "current_systems"
    ALTERNATIVES = "alternatives"
    STANDARDS = "standards_incorporated"
    PERFORMANCE = "service_level_results"
    PRICING = "pricing"
    TRANSITION = "transition_to_the_marketplace"
    WORKFORCE = "workforce_impact"


_EACH = (Paper.NEED, Paper.STANDARDS, Paper.TRANSITION)
PAPERS: dict[Option, tuple[Paper, ...]] = {
    Option.NEW_CUSTOMERS: (*_EACH, Paper.CUSTOMERS, Paper.CAPACITY, Paper.PERFORMANCE, Paper.PRICING),
    Option.EXPAND_SERVICES: (*_EACH, Paper.SERVICES, Paper.CAPACITY, Paper.ALTERNATIVES, Paper.PRICING),
    Option.INVEST: (*_EACH, Paper.CURRENT_SYSTEMS, Paper.ALTERNATIVES, Paper.WORKFORCE),
}


class Status(StrEnum):
    """Where a case stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    SUPPORTED = "supported"
    REFUSED = "refused"
    ESCALATED = "escalated"
    APPEALED = "appealed"
    APPROVED = "approved"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"


SEEN_BY_BOARD = (Status.SUPPORTED, Status.ESCALATED, Status.APPEALED, Status.APPROVED, Status.DENIED)
_PROVIDER, _QSMO, _OMB = ("agency",), ("qsmo",), ("omb",)
_DECIDABLE = (Status.SUPPORTED, Status.APPEALED)
_ADVISED = (Status.SUPPORTED, Status.ESCALATED, Status.APPEALED)
_OPEN = (Status.DRAFT, Status.SUBMITTED, Status.SUPPORTED, Status.REFUSED, Status.ESCALATED, Status.APPEALED)


def _turn(action: str, source: Status, target: Status, roles: tuple[str, ...], *needs: str) -> Transition:
    return Transition(action=action, sources=(source,), target=target, roles=roles, needs=needs)


MACHINE = StateMachine(
    "provider case",
    (
        Transition(action="draft", sources=(None,), target=Status.DRAFT, roles=_PROVIDER, needs=("an area that has a QSMO",)),
        _turn("edit", Status.DRAFT, Status.DRAFT, _PROVIDER),
        _turn("submit", Status.DRAFT, Status.SUBMITTED, _PROVIDER, "what the option asks for"),
        _turn("return", Status.SUBMITTED, Status.DRAFT, _QSMO, "reason"),
        _turn("support", Status.SUBMITTED, Status.SUPPORTED, _QSMO, "reason", "another person than the one who submitted"),
        _turn("refuse", Status.SUBMITTED, Status.REFUSED, _QSMO, "reason", "another person than the one who submitted"),
        _turn("revise", Status.REFUSED, Status.DRAFT, _PROVIDER, "reason"),
        _turn("escalate", Status.REFUSED, Status.ESCALATED, _PROVIDER, "reason"),
        *(_turn("advise", status, status, ("board",), "a seat that is not of the provider or above it") for status in _ADVISED),
        _turn("appeal", Status.ESCALATED, Status.APPEALED, _PROVIDER, "reason", "the board's advice"),
        Transition(
            action="approve",
            sources=_DECIDABLE,
            target=Status.APPROVED,
            roles=_OMB,
            needs=("reason", "another person than those who spoke before"),
        ),
        Transition(
            action="deny",
            sources=_DECIDABLE,
            target=Status.DENIED,
            roles=_OMB,
            needs=("reason", "another person than those who spoke before"),
        ),
        _turn("satisfy", Status.APPROVED, Status.APPROVED, ("qsmo", "omb"), "an open condition", "evidence"),
        Transition(action="withdraw", sources=_OPEN, target=Status.WITHDRAWN, roles=_PROVIDER, needs=("reason",)),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseContent:
    """`costs`: fiscal year → US dollars."""

    title: str
    option: Option
    papers: Mapping[Paper, str] = field(default_factory=dict)
    costs: Mapping[int, Decimal] = field(default_factory=dict)

    @property
    def absent(self) -> tuple[str, ...]:
        missing = [f"paper {paper}" for paper in PAPERS[self.option] if not self.papers.get(paper, "").strip()]
        if self.option is Option.INVEST and not self.costs:
            missing.append("cost by fiscal year")
        return tuple(missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One entry of the history, which is never changed."""

    action: str
    by: str
    on: date
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Of a seat of the board."""

    seat: str
    in_favour: bool
    text: str
    by: str
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseCondition:
    """Of OMB's approval; open until it is satisfied."""

    id: str
    text: str
    satisfied_on: date | None = None
    evidence: str = ""
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCase:
    """`advice`: one of each seat; it falls with the text it was about."""

    id: str
    version: int
    organization_id: str
    focus_area: str
    content: CaseContent
    status: Status = Status.DRAFT
    advice: tuple[Advice, ...] = ()
    conditions: tuple[CaseCondition, ...] = ()
    turns: tuple[Turn, ...] = ()

    @property
    def open_conditions(self) -> tuple[CaseCondition, ...]:
        return tuple(each for each in self.conditions if each.satisfied_on is None)

    @property
    def missing(self) -> tuple[str, ...]:
        """What the next step of the provider waits for."""
        if self.status is Status.DRAFT:
            return self.content.absent
        return ("the board's advice",) if self.status is Status.ESCALATED and not self.advice else ()

    def last(self, action: str) -> Turn | None:
        return next((turn for turn in reversed(self.turns) if turn.action == action), None)


def refuse_exempt(ground: Exemption | None) -> None:
    """Raises RuleViolation where the law or urgency has decided already."""
    if ground is not None:
        why = {
            Exemption.CRITICAL_PATCH: "A critical operational or security patch goes ahead of any case.",
            Exemption.APPROPRIATIONS_LAW: "What appropriations law directs needs no case.",
        }[ground]
        raise RuleViolation(f"No case is needed. {why}", code="unnecessary")


def edit(case: ProviderCase, content: CaseContent, turn: Turn) -> ProviderCase:
    return replace(_turned(case, turn), content=content)


def submit(case: ProviderCase, turn: Turn) -> ProviderCase:
    """Raises RuleViolation with all that is missing."""
    changed = _turned(case, turn)
    if missing := case.content.absent:
        raise _refuse("submit", *missing)
    return changed


def view(case: ProviderCase, turn: Turn) -> ProviderCase:
    """The QSMO's: `support`, `refuse` or `return`."""
    changed = _turned(case, turn)
    submitted = case.last("submit")
    if turn.action != "return" and submitted is not None and submitted.by == turn.by:
        raise _refuse(turn.action, "another person than the one who submitted", code="separation-of-duties")
    return changed


def go_on(case: ProviderCase, turn: Turn) -> ProviderCase:
    """The provider's: `revise`, `escalate`, `appeal` or `withdraw`."""
    changed = _turned(case, turn)
    if turn.action == "appeal" and case.missing:
        raise _refuse("appeal", *case.missing)
    return replace(changed, advice=()) if turn.action == "revise" else changed


def advise(case: ProviderCase, given: Advice, turn: Turn) -> ProviderCase:
    """A seat's later word replaces its earlier one; one person speaks for one seat."""
    changed = _turned(case, turn)
    others = tuple(each for each in case.advice if each.seat != given.seat)
    if other := next((each.seat for each in others if each.by == given.by), None):
        raise _refuse("advise", f"another person than the one who spoke for {other}", code="separation-of-duties")
    return replace(changed, advice=(*others, given))


def decide(case: ProviderCase, conditions: tuple[CaseCondition, ...], turn: Turn) -> ProviderCase:
    """OMB's `approve` or `deny`, which is final."""
    changed = _turned(case, turn)
    spoke = {each.by for each in case.turns if each.action in {"submit", "support", "refuse", "escalate", "advise", "appeal"}}
    if turn.by in spoke:
        raise _refuse(turn.action, "another person than those who spoke before", code="separation-of-duties")
    return replace(changed, conditions=conditions)


def satisfy(case: ProviderCase, condition_id: str, evidence: str, turn: Turn) -> ProviderCase:
    changed = _turned(case, turn)
    if condition_id not in {each.id for each in case.open_conditions}:
        raise _refuse("satisfy", "an open condition")
    conditions = (
        replace(each, satisfied_on=turn.on, evidence=evidence, by=turn.by) if each.id == condition_id else each
        for each in case.conditions
    )
    return replace(changed, conditions=tuple(conditions))


def _turned(case: ProviderCase, turn: Turn) -> ProviderCase:
    status = Status(MACHINE.after(turn.action, state=case.status))
    return replace(case, status=status, turns=(*case.turns, turn))


def _refuse(action: str, *missing: str, code: str = "missing") -> RuleViolation:
    return RuleViolation(f"{action} needs: {'; '.join(missing)}.", code=code, missing=missing)
