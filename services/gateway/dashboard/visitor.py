"""Who looks at a page, as the layout needs to know."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from shared.auth import Role

_WIDE = frozenset({"omb", "coordinator", "board", "auditor"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """`subject` is None for the public. `csrf`: what every form of the page carries. `done`: what led here.

    `here`: the page's own address, to which `file=` is added. `head`: of the feed, when the page was asked for.
    """

    path: str = "/"
    here: str = "/?"
    head: int = 0
    takes_gzip: bool = False
    official: bool = False
    can_sign_in: bool = False
    subject: str | None = None
    roles: tuple[Role, ...] = ()
    csrf: str = ""
    until: float = 0.0
    done: str = ""

    def scopes(self, name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(role.scope for role in self.roles if role.name == name and role.scope))

    def is_guest(self, name: str, scope: str) -> bool:
        """Whether the page is the workspace of others, of which only a part may be seen."""
        return not any(role.name in _WIDE or (role.name, role.scope) == (name, scope) for role in self.roles)

    def is_at(self, *prefixes: str) -> bool:
        """Whether the page lies at or below one of these paths."""
        return any(self.path == prefix or self.path.startswith(prefix.rstrip("/") + "/") for prefix in prefixes)


VISITOR: ContextVar[Visitor] = ContextVar("visitor", default=Visitor())  # noqa: B039 - frozen
