"""A subscription: who is told, where, of what, and which secrets prove that it was us."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from services.gateway.feed.view import Filters, View
from shared.auth import Principal, Role
from shared.kernel.errors import Conflict
from shared.kernel.machine import StateMachine, Transition


class Status(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


_OWNER = ("its owner", "coordinator")
MACHINE = StateMachine(
    "webhook",
    (
        Transition(action="create", sources=(None,), target=Status.ACTIVE, roles=("anyone signed in",)),
        Transition(action="pause", sources=(Status.ACTIVE,), target=Status.PAUSED, roles=_OWNER),
        Transition(action="resume", sources=(Status.PAUSED, Status.DISABLED), target=Status.ACTIVE, roles=("its owner",)),
        Transition(action="disable", sources=(Status.ACTIVE,), target=Status.DISABLED, roles=("the platform",)),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """Sealed. `good_until` is None for the newest."""

    sealed: str
    made_at: datetime
    good_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """`roles` are the owner's at the owner's last change: what they let see is what is delivered."""

    id: str
    version: int
    owner: str
    roles: tuple[str, ...]
    url: str
    description: str
    filters: Filters
    status: Status
    reason: str | None
    secrets: tuple[Secret, ...]
    sealed_key: str
    public_key: str
    created_at: datetime

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def view(self) -> View:
        return View(Principal(self.owner, tuple(map(Role.parse, self.roles))), self.filters)

    def live_secrets(self, at: datetime) -> tuple[Secret, ...]:
        """Newest first; two during a rotation."""
        return tuple(secret for secret in self.secrets if secret.good_until is None or secret.good_until > at)

    def changed(self, **values: Any) -> Subscription:
        return replace(self, **values)

    def paused(self) -> Subscription:
        return replace(self, status=Status(MACHINE.after("pause", state=self.status)))

    def resumed(self) -> Subscription:
        return replace(self, status=Status(MACHINE.after("resume", state=self.status)), reason=None)

    def disabled(self, reason: str) -> Subscription:
        return replace(self, status=Status(MACHINE.after("disable", state=self.status)), reason=reason)

    def rotated(self, sealed: str, *, at: datetime, overlap_until: datetime) -> Subscription:
        """Raises Conflict while a rotation is under way: a third secret would cut off who still has the first."""
        live = self.live_secrets(at)
        if len(live) > 1:
            until = live[1].good_until
            raise Conflict(f"Two secrets are live until {until:%Y-%m-%dT%H:%M:%SZ}; rotate again after that.", code="rotating")
        before = replace(live[0], good_until=overlap_until)
        return replace(self, secrets=(Secret(sealed=sealed, made_at=at), before))
