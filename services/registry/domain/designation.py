"""A designation: which organization leads one area service, since when, on whose authority."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from shared.kernel.errors import RuleViolation
from shared.kernel.machine import StateMachine, Transition


class Status(StrEnum):
    """Source: M-19-16 (pre-designated, designated); the USSM site's phases (research)."""

    RESEARCH = "research"
    PRE_DESIGNATED = "pre_designated"
    DESIGNATED = "designated"
    SUSPENDED = "suspended"
    ENDED = "ended"


LIVE = (Status.PRE_DESIGNATED, Status.DESIGNATED, Status.SUSPENDED)

MACHINE = StateMachine(
    "designation",
    (
        Transition(action="research", sources=(None,), target=Status.RESEARCH, roles=("omb", "coordinator")),
        Transition(
            action="pre-designate",
            sources=(None, Status.RESEARCH),
            target=Status.PRE_DESIGNATED,
            roles=("omb",),
            needs=("no other live designation of the service", "policy clause", "effective_on"),
        ),
        Transition(
            action="designate",
            sources=(Status.PRE_DESIGNATED,),
            target=Status.DESIGNATED,
            roles=("omb",),
            needs=(
                "policy clause",
                "effective_on",
                "a plan of the host in force that covers the service and names the lead office",
            ),
        ),
        Transition(
            action="transfer",
            sources=(Status.PRE_DESIGNATED, Status.DESIGNATED),
            target=Status.ENDED,
            roles=("omb",),
            needs=("another organization", "reason", "policy clause"),
        ),
        Transition(action="suspend", sources=(Status.DESIGNATED,), target=Status.SUSPENDED, roles=("omb",), needs=("reason",)),
        Transition(
            action="reinstate", sources=(Status.SUSPENDED,), target=Status.DESIGNATED, roles=("omb",), needs=("reason",)
        ),
        Transition(action="revoke", sources=LIVE, target=Status.ENDED, roles=("omb",), needs=("reason",)),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """Why and on whose authority; every decision cites a policy and clause."""

    policy: str | None = None
    clause: str | None = None
    reason: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One dated transition: when it takes effect in law, when it was recorded here, and who leads from then on."""

    action: str
    status: Status
    effective_on: date
    recorded_at: datetime
    by: str
    basis: Basis
    organization_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Designation:
    """`steps` is the whole history, oldest first; `status` is what the last one led to."""

    id: str
    version: int
    focus_area: str
    service: str
    organization_id: str | None
    steps: tuple[Step, ...]
    predecessor_id: str | None = None
    successor_id: str | None = None

    @property
    def last(self) -> Step:
        return self.steps[-1]

    @property
    def status(self) -> Status:
        return self.last.status

    @property
    def is_live(self) -> bool:
        return self.status in LIVE

    def as_of(self, day: date, *, known_at: datetime | None = None) -> Designation | None:
        """As it was on `day` by what had been recorded at `known_at`; None before it began."""
        known = tuple(s for s in self.steps if s.effective_on <= day and (known_at is None or s.recorded_at <= known_at))
        if not known:
            return None
        successor_id = self.successor_id if known[-1].action == "transfer" else None
        return replace(self, steps=known, organization_id=known[-1].organization_id, successor_id=successor_id)


def begin(
    action: str,
    *,
    id: str,
    focus_area: str,
    service: str,
    organization_id: str | None,
    on: date,
    at: datetime,
    by: str,
    basis: Basis,
) -> Designation:
    """A new designation by `research` or `pre-designate`.

    Raises RuleViolation listing what is missing.
    """
    status = Status(MACHINE.after(action, state=None))
    _need(action, {"policy clause": basis.clause, "lead organization": organization_id}, status=status)
    step = Step(
        action=action,
        status=status,
        effective_on=on,
        recorded_at=at,
        by=by,
        basis=basis,
        organization_id=organization_id,
    )
    return Designation(id=id, version=0, focus_area=focus_area, service=service, organization_id=organization_id, steps=(step,))


def move(
    designation: Designation,
    action: str,
    *,
    on: date,
    at: datetime,
    by: str,
    basis: Basis,
    organization_id: str | None = None,
    missing: tuple[str, ...] = (),
) -> Designation:
    """The designation after `action`; `organization_id` only where research finds its lead, `missing` what its plan lacks.

    Raises RuleViolation when the state does not allow it, something is missing, or `on` lies before the last step.
    """
    status = Status(MACHINE.after(action, state=designation.status))
    lead = organization_id or designation.organization_id
    given = {"policy clause": basis.clause, "lead organization": lead, "reason": basis.reason}
    _need(action, given, status=status, more=missing)
    _check_order(designation, action, on)
    step = Step(action=action, status=status, effective_on=on, recorded_at=at, by=by, basis=basis, organization_id=lead)
    return replace(designation, organization_id=lead, steps=(*designation.steps, step))


def _check_order(designation: Designation, action: str, on: date) -> None:
    last = designation.last
    if on < last.effective_on:
        raise RuleViolation(
            f"{action} cannot take effect on {on}: {last.action} took effect on {last.effective_on}.",
            code="effective-date-order",
        )


def _need(action: str, given: dict[str, str | None], *, status: Status, more: tuple[str, ...] = ()) -> None:
    needed = {
        "pre-designate": ("policy clause", "lead organization"),
        "designate": ("policy clause",),
        "transfer": ("policy clause", "reason"),
    }.get(action, ("reason",) if status is not Status.RESEARCH else ())
    if missing := (*(name for name in needed if not given.get(name)), *more):
        raise RuleViolation(f"{action} needs: {', '.join(missing)}.", code="missing", missing=missing)


def check_no_overlap(others: Sequence[Designation], *, service: str, on: date) -> None:
    """At most one live designation per area service at any effective date.

    Raises RuleViolation naming the one that stands in the way.
    """
    for other in others:
        if other.is_live:
            raise RuleViolation(
                f"{service} is led already ({other.status}, since {other.last.effective_on}); transfer or revoke that first.",
                code="live-designation-exists",
                missing=("no other live designation of the service",),
            )
        if other.status is Status.ENDED and on < other.last.effective_on:
            raise RuleViolation(
                f"{service} was led by another organization until {other.last.effective_on}; {on} would overlap.",
                code="effective-dates-overlap",
            )
