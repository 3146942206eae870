"""A marketplace: the catalog of one focus area, opened and closed by what becomes of the area's designations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from shared.kernel.machine import StateMachine, Transition


class Status(StrEnum):
    """Where a marketplace stands."""

    PLANNED = "planned"
    OPEN = "open"
    SUSPENDED = "suspended"
    CLOSED = "closed"


# No role: designations in the registry move a marketplace, nobody's hand does.
MACHINE = StateMachine(
    "marketplace",
    (
        Transition(
            action="plan",
            sources=(None, Status.CLOSED),
            target=Status.PLANNED,
            roles=(),
            needs=("a pre-designated service of the area",),
        ),
        Transition(
            action="open",
            sources=(Status.PLANNED, Status.SUSPENDED, Status.CLOSED),
            target=Status.OPEN,
            roles=(),
            needs=("a designated service of the area", "the area's opening date reached"),
        ),
        Transition(
            action="suspend",
            sources=(Status.OPEN,),
            target=Status.SUSPENDED,
            roles=(),
            needs=("every designated service of the area suspended",),
        ),
        Transition(
            action="close",
            sources=(Status.OPEN, Status.SUSPENDED),
            target=Status.CLOSED,
            roles=(),
            needs=("no live designation left in the area",),
        ),
    ),
)

_LIVE = frozenset({"pre_designated", "designated", "suspended"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Designation:
    """What the catalog remembers of a designation; `designated_on` is its first effective day as designated."""

    id: str
    focus_area: str
    service: str
    organization_id: str | None
    status: str
    effective_on: date
    designated_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Marketplace:
    """The id is the focus area's slug; `opened_on` stays when it closes."""

    id: str
    version: int
    status: Status
    opened_on: date | None = None


def due(
    marketplace: Marketplace | None, designations: Sequence[Designation], *, opens_on: date | None, today: date
) -> str | None:
    """The action that the area's designations call for, or None; ask again after each."""
    live = [d for d in designations if d.status in _LIVE]
    designated = [d for d in live if d.status == "designated" and d.effective_on <= today]
    may_open = bool(designated) and (opens_on is None or opens_on <= today)
    match marketplace.status if marketplace else None:
        case None:
            return "plan" if live else None
        case Status.PLANNED:
            return "open" if may_open else None
        case Status.OPEN:
            formal = [d for d in live if d.status != "pre_designated"]
            stopped = bool(formal) and all(d.status == "suspended" for d in formal)
            return "close" if not live else "suspend" if stopped else None
        case Status.SUSPENDED:
            return "close" if not live else "open" if designated else None
        case Status.CLOSED:
            return "open" if may_open else "plan" if live else None


def after(
    action: str,
    marketplace: Marketplace | None,
    designations: Sequence[Designation],
    *,
    area: str,
    opens_on: date | None,
) -> Marketplace:
    """Raises RuleViolation when the state does not allow the action."""
    status = Status(MACHINE.after(action, state=marketplace.status if marketplace else None))
    if marketplace is None:
        return Marketplace(id=area, version=0, status=status)
    if status is not Status.OPEN or marketplace.opened_on is not None:
        return replace(marketplace, status=status)
    first = min(d.designated_on for d in designations if d.designated_on is not None)
    return replace(marketplace, status=status, opened_on=max(first, opens_on or first))
