"""Turns a key into a token of the gateway's own, good for minutes: what lies behind the door knows only tokens."""

from __future__ import annotations

import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.gateway.keyring import key_id
from services.gateway.keys import store
from services.gateway.keys.key import ApiKey, digest_of
from shared.auth import AUDIENCE, GATEWAY_ISSUER, public_jwk
from shared.db import Database

_TOKEN_S = 300
_TOKEN_REUSED_S = 240
# How long another replica may still take a key that was revoked here.
_KNOWN_S = 5.0
_KNOWN_MAX = 10_000


class Tokens:
    """Signs the gateway's tokens; the source of its public key for whoever verifies them in this process."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self._id = key_id(private.public_key())

    async def key(self, key_id: str) -> Any:
        if key_id != self._id:
            raise KeyError(key_id)
        return self._private.public_key()

    def jwks(self) -> dict[str, Any]:
        return {"keys": [public_jwk(self._private.public_key(), key_id=self._id)]}

    def token(self, key: ApiKey, *, now_s: float) -> str:
        """For the key's owner, who stays the one that acted: nobody approves with a key what they submitted themselves."""
        claims = {
            "iss": GATEWAY_ISSUER,
            "aud": AUDIENCE,
            "sub": key.owner,
            "roles": list(key.roles),
            "api_key": key.id,
            "iat": int(now_s),
            "exp": int(now_s) + _TOKEN_S,
        }
        return jwt.encode(claims, self._private, algorithm="EdDSA", headers={"kid": self._id})


class Exchange:
    """Looks keys up; remembers them and their tokens for a moment."""

    def __init__(self, db: Database, tokens: Tokens) -> None:
        self._db = db
        self._tokens = tokens
        self._known: dict[str, tuple[ApiKey | None, float]] = {}
        self._made: dict[str, tuple[int, str, float]] = {}

    async def key(self, secret: str) -> ApiKey | None:
        """None for a key that opens nothing (any more). Raises Unavailable."""
        digest, now = digest_of(secret), time.monotonic()
        found = self._known.get(digest)
        if found is None or found[1] < now:
            async with self._db.reading() as tx:
                key = await store.by_digest(tx, digest)
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            found = self._known[digest] = (key, now + _KNOWN_S)
        return found[0]

    def token(self, key: ApiKey) -> str:
        now = time.monotonic()
        made = self._made.get(key.id)
        if made is None or made[0] != key.version or made[2] < now:
            if len(self._made) >= _KNOWN_MAX:
                self._made.clear()
            made = self._made[key.id] = (key.version, self._tokens.token(key, now_s=time.time()), now + _TOKEN_REUSED_S)
        return made[1]

    def forget(self) -> None:
        """A key was rotated or revoked here."""
        self._known.clear()
