"""Who acts for the holder of a post or seat, from when until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from shared.kernel.errors import RuleViolation


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """`to` is the person's token subject; both days are included."""

    to: str
    begins_on: date
    ends_on: date
    reason: str
    by: str
    at: datetime

    def holds_on(self, day: date) -> bool:
        return self.begins_on <= day <= self.ends_on


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegationGiven:
    """What a delegation is asked for with."""

    to: str
    begins_on: date
    ends_on: date
    reason: str

    def recorded(self, *, by: str, at: datetime) -> Delegation:
        return Delegation(to=self.to, begins_on=self.begins_on, ends_on=self.ends_on, reason=self.reason, by=by, at=at)


def in_force(delegations: Sequence[Delegation], day: date) -> Delegation | None:
    """The newest of those that hold on that day: a new delegation takes the place of an earlier one."""
    return next((found for found in reversed(delegations) if found.holds_on(day)), None)


def delegated(delegations: tuple[Delegation, ...], new: Delegation, *, holder: str | None) -> tuple[Delegation, ...]:
    """Raises RuleViolation when it would end before it begins, or lead to the holder."""
    if new.ends_on < new.begins_on:
        raise RuleViolation(f"The delegation would end on {new.ends_on}, before it begins.", code="effective-date-order")
    if new.to == holder:
        raise RuleViolation(f"{new.to} holds this already; delegate to another person.", code="delegate-is-holder")
    return (*delegations, new)


def ended(delegations: tuple[Delegation, ...], *, on: date) -> tuple[Delegation, ...]:
    """`on` is its last day. Raises RuleViolation when none is in force then."""
    current = in_force(delegations, on)
    if current is None:
        raise RuleViolation(f"No delegation is in force on {on}.", code="missing", missing=("a delegation in force",))
    return tuple(replace(found, ends_on=on) if found is current else found for found in delegations)


def outlived(delegations: tuple[Delegation, ...], *, on: date) -> tuple[Delegation, ...]:
    """What was delegated under an earlier holder ends the day before another takes over."""
    return tuple(replace(found, ends_on=min(found.ends_on, on - timedelta(days=1))) for found in delegations)
