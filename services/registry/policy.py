"""Who may do what in the registry: the roles of each action, checked on the caller."""

from __future__ import annotations

from datetime import date

from services.registry.domain.delegation import Delegation, in_force
from services.registry.domain.plan import Plan, Turn
from services.registry.domain.plan_review import BoardSeat
from services.registry.domain.plan_states import State
from shared.auth import Principal
from shared.contracts.fact import Visibility
from shared.kernel.errors import Forbidden

# Writes that no state machine names. Source: domain-model §1.
ROLES = {
    "record policy": ("omb",),
    "register focus area": ("omb",),
    "change focus area": ("omb",),
    "register organization": ("coordinator",),
    "change organization": ("coordinator",),
    "rename organization": ("coordinator",),
    "move organization": ("coordinator",),
    "merge organization": ("coordinator",),
    "split organization": ("coordinator",),
    "dissolve organization": ("coordinator",),
    "register board seat": ("coordinator",),
    "change board seat": ("coordinator",),
    "fill post": ("coordinator",),
    "vacate post": ("coordinator",),
}


def require(by: Principal, *roles: str, to: str) -> None:
    """Raises Forbidden naming the roles that may."""
    if not by.has_any(roles):
        raise Forbidden(f"To {to} needs one of the roles: {', '.join(roles)}.")


def require_for(by: Principal, action: str) -> None:
    """As `require`, for the actions of ROLES."""
    require(by, *ROLES[action], to=action)


def sees_plan(by: Principal, plan: Plan) -> bool:
    """As the facts of the plan are seen on the feed."""
    return sees_turn(by, plan, plan.last)


def sees_turn(by: Principal, plan: Plan, turn: Turn) -> bool:
    """As the fact of the turn is seen on the feed."""
    level = Visibility.RESTRICTED if turn.state in {State.DRAFT, State.RETURNED} else Visibility.FEDERAL
    return by.may_see(level, focus_area=plan.focus_area, agency_codes=frozenset())


def may_in_area(by: Principal, *roles: str, area: str) -> bool:
    """Whether one of the roles is held; `qsmo` counts for its own area only."""
    return any(by.has(role, scope=area if role == "qsmo" else None) for role in roles)


def require_in_area(by: Principal, *roles: str, area: str, to: str) -> None:
    """Raises Forbidden naming the roles that may."""
    if not may_in_area(by, *roles, area=area):
        raise Forbidden(f"To {to} needs one of the roles: {', '.join(roles)} (qsmo: of {area}).")


def require_seat(by: Principal, id: str, seat: BoardSeat | None, *, on: date) -> None:
    """The role `board:<seat>`, or a delegation of the seat that is in force. Raises Forbidden."""
    if by.has("board", scope=id) or (seat is not None and _acts(by, seat.delegations, on)):
        return
    if not by.has("board"):
        raise Forbidden("To vote needs the role board, or a delegation of the seat.")
    raise Forbidden(f"Your role is not of the seat {id}.", code="not-your-seat")


def _acts(by: Principal, delegations: tuple[Delegation, ...], on: date) -> bool:
    delegation = in_force(delegations, on)
    return delegation is not None and delegation.to == by.actor


def may_delegate(by: Principal, *, holder: str | None) -> bool:
    """The coordinator for any post or seat; its holder for their own."""
    return by.has("coordinator") or (holder is not None and by.actor == holder)


def require_delegation(by: Principal, *, holder: str | None, of: str) -> None:
    """Raises Forbidden."""
    if not may_delegate(by, holder=holder):
        raise Forbidden(f"To delegate {of} takes its holder, or the role coordinator.")
