"""An API key: whose it is, what it may at most, and until when."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.gateway.proxy import owner_of
from shared.kernel.machine import StateMachine, Transition

PREFIX = "qsmo_"
_SERVICES = ("registry", "catalog", "adoption", "gateway")
_OWNERS = _SERVICES[:-1]
# Answered from every service.
_COMPOSED = ("/v1/areas/", "/v1/regime", "/v1/exports")
_READS = frozenset({"GET", "HEAD", "OPTIONS"})

Scope = StrEnum(  # type: ignore[misc]  # made of the services
    "Scope", {f"{service}_{access}": f"{service}:{access}" for service in (*_SERVICES, "all") for access in ("read", "write")}
)


class Status(StrEnum):
    ACTIVE = "active"
    REVOKED = "revoked"


MACHINE = StateMachine(
    "API key",
    (
        Transition(action="create", sources=(None,), target=Status.ACTIVE, roles=("anyone signed in",)),
        Transition(action="rotate", sources=(Status.ACTIVE,), target=Status.ACTIVE, roles=("its owner",)),
        Transition(action="revoke", sources=(Status.ACTIVE,), target=Status.REVOKED, roles=("its owner", "coordinator")),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """`roles` are some of those the owner had when it was made. `scopes` narrow where they count."""

    id: str
    version: int
    owner: str
    name: str
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    status: Status
    created_at: datetime
    expires_at: datetime

    def allows(self, method: str, path: str) -> bool:
        held = _expanded(self.scopes)
        return all(scope in held for scope in needed(method, path))

    def revoked(self) -> ApiKey:
        return replace(self, status=Status(MACHINE.after("revoke", state=self.status)))


def needed(method: str, path: str) -> tuple[str, ...]:
    """The scopes that a request needs, all of them."""
    access = "read" if method in _READS else "write"
    if path.startswith(_COMPOSED) or path.endswith("/overview"):
        return tuple(f"{service}:{access}" for service in _OWNERS)
    return (f"{owner_of(path) or 'gateway'}:{access}",)


def _expanded(scopes: Iterable[str]) -> frozenset[str]:
    """`all` is every service; who may write may read."""
    held: set[str] = set()
    for scope in scopes:
        service, _, access = scope.partition(":")
        services = _SERVICES if service == "all" else (service,)
        held |= {f"{name}:{way}" for name in services for way in {access, "read"}}
    return frozenset(held)


def new_secret() -> str:
    """256 random bits: nothing that could be guessed, so a plain digest keeps it."""
    return PREFIX + secrets.token_urlsafe(32)


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
