"""Who asks, as far as limits go: the subject of a valid token, else the address."""

from __future__ import annotations

import time

from starlette.types import Scope

from shared.auth import Principal, Unauthenticated, Verifier
from shared.kernel.errors import Unavailable

_KNOWN_MAX = 10_000
_KNOWN_S = 60.0


class Callers:
    """Remembers for a minute whose a token is: checking a signature again and again costs more than the request.

    Only for counting: whether a token may do something is decided where it is done, each time.
    """

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self._known: dict[bytes, tuple[Principal | None, float]] = {}

    async def key(self, scope: Scope) -> tuple[str, bool]:
        """A name to count under, and whether the caller is signed in."""
        token = next((value for name, value in scope["headers"] if name == b"authorization"), None)
        principal = await self._principal(token) if token else None
        if principal is not None:
            return f"subject {principal.subject}", True
        client = scope.get("client")
        return f"address {client[0] if client else '-'}", False

    async def _principal(self, header: bytes) -> Principal | None:
        now = time.monotonic()
        found = self._known.get(header)
        if found is None or found[1] < now:
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            found = self._known[header] = (await self._verified(header), now + _KNOWN_S)
        return found[0]

    async def _verified(self, header: bytes) -> Principal | None:
        scheme, _, token = header.decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            return await self._verifier.principal(token.strip())
        except (Unauthenticated, Unavailable):
            return None
