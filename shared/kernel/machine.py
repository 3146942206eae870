"""State machines as data: one declared table serves the code, the API, the tests and the docs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared.kernel.errors import RuleViolation


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """`action` leads from any of `sources` to `target`; `None` in sources means "does not exist yet"."""

    action: str
    sources: tuple[str | None, ...]
    target: str
    roles: tuple[str, ...]
    needs: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "action": self.action,
            "from": list(self.sources),
            "to": self.target,
            "roles": list(self.roles),
            "needs": list(self.needs),
        }


@dataclass(frozen=True, slots=True)
class StateMachine:
    """The transitions of one aggregate, looked up by action."""

    name: str
    transitions: tuple[Transition, ...]

    def after(self, action: str, *, state: str | None) -> str:
        """The state that `action` leads to.

        Raises RuleViolation naming the actions that the state does allow.
        """
        for transition in self.transitions:
            if transition.action == action and state in transition.sources:
                return transition.target
        allowed = self.allowed(state)
        raise RuleViolation(
            f"{self.name}: cannot {action} while {state or 'it does not exist'}"
            f"; possible now: {', '.join(allowed) or 'nothing'}",
            code="transition-not-allowed",
            allowed_actions=allowed,
        )

    def allowed(self, state: str | None) -> tuple[str, ...]:
        return tuple(t.action for t in self.transitions if state in t.sources)

    def roles_for(self, action: str) -> tuple[str, ...]:
        """Every role that some transition of this action names."""
        return tuple(dict.fromkeys(r for t in self.transitions if t.action == action for r in t.roles))

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "transitions": [t.as_dict() for t in self.transitions]}
