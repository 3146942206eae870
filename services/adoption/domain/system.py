"""A legacy system of an agency: what it does, what it costs a year, and when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from shared.kernel.errors import RuleViolation
from shared.kernel.machine import StateMachine, Transition
from shared.kernel.time import FiscalYear


class Status(StrEnum):
    """Where a system stands."""

    IN_SERVICE = "in_service"
    ENDING = "ending"
    DECOMMISSIONED = "decommissioned"


_AGENCY = ("agency",)

MACHINE = StateMachine(
    "legacy system",
    (
        Transition(action="register", sources=(None,), target=Status.IN_SERVICE, roles=(*_AGENCY, "coordinator")),
        Transition(
            action="change",
            sources=(Status.IN_SERVICE, Status.ENDING),
            target=Status.IN_SERVICE,
            roles=(*_AGENCY, "coordinator"),
        ),
        Transition(
            action="plan-decommission",
            sources=(Status.IN_SERVICE, Status.ENDING),
            target=Status.ENDING,
            roles=_AGENCY,
            needs=("a day that is not over",),
        ),
        Transition(action="keep", sources=(Status.ENDING,), target=Status.IN_SERVICE, roles=_AGENCY, needs=("reason",)),
        Transition(
            action="decommission",
            sources=(Status.ENDING,),
            target=Status.DECOMMISSIONED,
            roles=_AGENCY,
            needs=("evidence", "a day that is not to come"),
        ),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """US dollars of one fiscal year: development, operation, government staff; and staff in full-time equivalents."""

    development: Decimal = Decimal(0)
    operation: Decimal = Decimal(0)
    staff: Decimal = Decimal(0)
    fte: Decimal = Decimal(0)

    @property
    def total(self) -> Decimal:
        return self.development + self.operation + self.staff


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What an inventory says. `capabilities`: FIBF ids; `costs`: fiscal year → cost; `contracts` as the agency files them."""

    name: str
    focus_area: str
    capabilities: tuple[str, ...] = ()
    costs: Mapping[int, Cost] = field(default_factory=dict)
    contracts: tuple[str, ...] = ()
    since: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """`number` is the agency's own, such as its UII; `adoption_id`: what takes its place."""

    id: str
    version: int
    organization_id: str
    number: str
    status: Status
    facts: Facts
    planned_on: date | None = None
    decommissioned_on: date | None = None
    adoption_id: str | None = None
    evidence: str | None = None
    reason: str | None = None

    def cost_in(self, year: FiscalYear) -> Decimal:
        """Of that year, else of the newest before it; zero when none is known."""
        known = [each for each in self.facts.costs if each <= year.year]
        return self.facts.costs[max(known)].total if known else Decimal(0)


def register(*, id: str, organization_id: str, number: str, facts: Facts) -> System:
    status = Status(MACHINE.after("register", state=None))
    return System(id=id, version=0, organization_id=organization_id, number=number, status=status, facts=facts)


def change(system: System, facts: Facts) -> System:
    """What the inventory says now; its planned end stays. Raises RuleViolation once it is decommissioned."""
    MACHINE.after("change", state=system.status)
    return replace(system, facts=facts)


def plan_decommission(system: System, *, planned_on: date, adoption_id: str | None, on: date) -> System:
    """Raises RuleViolation for the state, or a day that is over."""
    status = Status(MACHINE.after("plan-decommission", state=system.status))
    if planned_on < on:
        needed = f"a day that is not over (today is {on})"
        raise RuleViolation(f"plan-decommission needs {needed}.", code="missing", missing=(needed,))
    return replace(system, status=status, planned_on=planned_on, adoption_id=adoption_id, reason=None)


def keep(system: System, *, reason: str) -> System:
    """Raises RuleViolation unless its end was planned."""
    status = Status(MACHINE.after("keep", state=system.status))
    return replace(system, status=status, planned_on=None, adoption_id=None, reason=reason)


def decommission(system: System, *, ended_on: date, evidence: str, on: date) -> System:
    """Raises RuleViolation for the state, or a day to come."""
    status = Status(MACHINE.after("decommission", state=system.status))
    if ended_on > on:
        needed = f"a day that is not to come (today is {on})"
        raise RuleViolation(f"decommission needs {needed}.", code="missing", missing=(needed,))
    return replace(system, status=status, decommissioned_on=ended_on, evidence=evidence)
