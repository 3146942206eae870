"""Who may do what in the registry: the roles of each action, checked on the caller."""

from __future__ import annotations

from shared.auth import Principal
from shared.kernel.errors import Forbidden

# Writes that no state machine names. Source: domain-model §1.
ROLES = {
    "record policy": ("omb",),
    "register focus area": ("omb",),
    "change focus area": ("omb",),
    "register organization": ("coordinator",),
    "change organization": ("coordinator",),
}


def require(by: Principal, *roles: str, to: str) -> None:
    """Raises Forbidden naming the roles that may."""
    if not any(by.has(role) for role in roles):
        raise Forbidden(f"To {to} needs one of the roles: {', '.join(roles)}.")


def require_for(by: Principal, action: str) -> None:
    """As `require`, for the actions of ROLES."""
    require(by, *ROLES[action], to=action)
