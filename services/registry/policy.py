"""Who may do what in the registry: the roles of each action, checked on the caller."""

from __future__ import annotations

from services.registry.domain.plan import Plan
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
    "register board seat": ("coordinator",),
    "change board seat": ("coordinator",),
}


def require(by: Principal, *roles: str, to: str) -> None:
    """Raises Forbidden naming the roles that may."""
    if not any(by.has(role) for role in roles):
        raise Forbidden(f"To {to} needs one of the roles: {', '.join(roles)}.")


def require_for(by: Principal, action: str) -> None:
    """As `require`, for the actions of ROLES."""
    require(by, *ROLES[action], to=action)


def sees_plan(by: Principal, plan: Plan) -> bool:
    """As the facts of the plan are seen on the feed."""
    level = Visibility.RESTRICTED if plan.state in {State.DRAFT, State.RETURNED} else Visibility.FEDERAL
    return by.may_see(level, focus_area=plan.focus_area, agency_codes=frozenset())


def may_in_area(by: Principal, *roles: str, area: str) -> bool:
    """Whether one of the roles is held; `qsmo` counts for its own area only."""
    return any(by.has(role, scope=area if role == "qsmo" else None) for role in roles)


def require_in_area(by: Principal, *roles: str, area: str, to: str) -> None:
    """Raises Forbidden naming the roles that may."""
    if not may_in_area(by, *roles, area=area):
        raise Forbidden(f"To {to} needs one of the roles: {', '.join(roles)} (qsmo: of {area}).")
