"""Who asks, as far as limits go: the subject of a valid token, else the address."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from starlette.types import Scope

from services.gateway.keys.exchange import Exchange
from services.gateway.keys.key import PREFIX, needed
from shared.auth import ANONYMOUS, Principal, Unauthenticated, Verifier, seconds_left
from shared.kernel.errors import Unavailable

_KNOWN_MAX = 10_000
_KNOWN_S = 60.0


@dataclass(frozen=True, slots=True)
class Caller:
    """A name to count under, and whether it is more than an address."""

    name: str
    is_known: bool = True
    # Who it is, where that has been made sure of; None where the rest has to look again.
    principal: Principal | None = None


class NotAllowed(Exception):
    """The key that came along opens nothing, or not this; `status` is 401 or 403."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class Callers:
    """Remembers for a minute whose a token is: checking a signature again and again costs more than the request.

    Tokens for counting, and for pages that were put together for the same caller: whether one may do anything else is decided
    where it is done, each time. Keys are judged here, and go on as a token of the gateway's own.
    """

    def __init__(self, verifier: Verifier, exchange: Callable[[], Exchange]) -> None:
        self._verifier = verifier
        self._exchange = exchange
        # By the whole field; None: it is no valid token, and counts for its address.
        self._known: dict[bytes, tuple[Caller | None, float]] = {}
        self._addresses: dict[str, Caller] = {}

    def at_once(self, scope: Scope) -> Caller | None:
        """Who it is, where that needs nobody to be asked: the public, and a token looked at within the minute."""
        token: bytes | None = None
        for name, value in scope["headers"]:
            if name == b"authorization":
                token = value
            elif name == b"x-api-key":
                return None
        if token is None:
            return self._public(scope)
        found = self._known.get(token)
        return found[0] if found is not None and found[1] >= time.monotonic() else None

    def _public(self, scope: Scope) -> Caller:
        client = scope.get("client")
        address = client[0] if client else "-"
        found = self._addresses.get(address)
        if found is None:
            if len(self._addresses) >= _KNOWN_MAX:
                self._addresses.clear()
            found = self._addresses[address] = address_of(scope, principal=ANONYMOUS)
        return found

    async def admitted(self, scope: Scope) -> Caller:
        """Raises NotAllowed, Unavailable."""
        key, token = _credentials(scope["headers"])
        if key is not None:
            return await self._by_key(scope, key)
        if token is None:
            return self._public(scope)
        return await self._by_token(token) or address_of(scope)

    async def _by_key(self, scope: Scope, secret: str) -> Caller:
        """Raises NotAllowed, Unavailable."""
        exchange = self._exchange()
        key = await exchange.key(secret)
        if key is None:
            raise NotAllowed(401, "This API key is not valid: unknown, revoked, expired, or rotated for too long.")
        if not key.allows(scope["method"], scope["path"]):
            wanted = ", ".join(needed(scope["method"], scope["path"]))
            raise NotAllowed(403, f"This needs an API key with the scope {wanted}; this one has {', '.join(key.scopes)}.")
        kept = [pair for pair in scope["headers"] if pair[0] not in {b"authorization", b"x-api-key"}]
        scope["headers"] = [*kept, (b"authorization", b"Bearer " + exchange.token(key).encode())]
        return Caller(f"key {key.id}")

    async def _by_token(self, header: bytes) -> Caller | None:
        now = time.monotonic()
        found = self._known.get(header)
        if found is None or found[1] < now:
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            principal, left_s = await self._verified(header)
            caller = None if principal is None else Caller(f"subject {principal.subject}", principal=principal)
            found = self._known[header] = (caller, now + min(left_s, _KNOWN_S))
        return found[0]

    async def _verified(self, header: bytes) -> tuple[Principal | None, float]:
        """Whose the token is, and for how many seconds more."""
        scheme, _, token = header.decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None, _KNOWN_S
        try:
            return await self._verifier.principal(token.strip()), seconds_left(token.strip())
        except (Unauthenticated, Unavailable):
            return None, _KNOWN_S


def address_of(scope: Scope, *, principal: Principal | None = None) -> Caller:
    client = scope.get("client")
    return Caller(f"address {client[0] if client else '-'}", is_known=False, principal=principal)


def _credentials(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str | None, bytes | None]:
    """API key, or the Authorization field. Raises NotAllowed when both came."""
    given = {name: value for name, value in headers if name in {b"authorization", b"x-api-key"}}
    token, key = given.get(b"authorization"), given.get(b"x-api-key")
    if key is not None and token is not None:
        raise NotAllowed(401, "Send X-Api-Key or Authorization, not both.")
    if token is not None and token[:7].lower() == b"bearer " and token[7:].strip().startswith(PREFIX.encode()):
        key = token[7:].strip()
    return (key.decode("latin-1"), None) if key is not None else (None, token)
