"""Who is asking: JWTs checked against an issuer's keys, roles as claims, and what visibility they open."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm

from shared.contracts.fact import Visibility
from shared.kernel.errors import Unavailable

ALGORITHMS = ("RS256", "ES256", "EdDSA")
AUDIENCE = "qsmo"
DEV_ISSUER = "urn:qsmo:development"
# Of the tokens that the gateway makes for API keys.
GATEWAY_ISSUER = "urn:qsmo:gateway"
_FEDERAL_WIDE = frozenset({"omb", "coordinator", "auditor"})
_KEYS_TTL_S = 300.0
_KEYS_MIN_REFRESH_S = 10.0
_KEYS_TIMEOUT_S = 5.0
_LEEWAY_S = 30
_SEED_BYTES = 32
_VERIFIED_MAX = 1_000


class Unauthenticated(Exception):
    """The token is absent where one is needed, or is not valid; `args[0]` says why."""


@dataclass(frozen=True, slots=True)
class Role:
    """One role claim: `omb`, `qsmo:cybersecurity`, `agency:097:sapoc`."""

    name: str
    scope: str | None = None
    post: str | None = None

    @classmethod
    def parse(cls, claim: str) -> Role:
        name, _, rest = claim.partition(":")
        scope, _, post = rest.partition(":")
        return cls(name, scope or None, post or None)

    def __str__(self) -> str:
        return ":".join(part for part in (self.name, self.scope, self.post) if part)


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller; `subject` is None for the public. `api_key`: the id of the key that the caller came with."""

    subject: str | None = None
    roles: tuple[Role, ...] = field(default=())
    api_key: str | None = None

    @property
    def is_anonymous(self) -> bool:
        return self.subject is None

    @property
    def actor(self) -> str:
        return self.subject or "anonymous"

    def has(self, name: str, *, scope: str | None = None) -> bool:
        """True when some role has this name and, if given, this scope."""
        # The public has none, and is asked about for each action of each item of a list.
        return bool(self.roles) and any(r.name == name and (scope is None or r.scope == scope) for r in self.roles)

    def has_any(self, names: Collection[str]) -> bool:
        """True when some role has one of these names."""
        return bool(self.roles) and any(role.name in names for role in self.roles)

    def scopes(self, name: str) -> tuple[str, ...]:
        return tuple(role.scope for role in self.roles if role.name == name and role.scope)

    @property
    def sees_federal(self) -> bool:
        """Signed in with a federal role (providers are not federal)."""
        return any(role.name != "provider" for role in self.roles)

    def may_see(self, visibility: str, *, focus_area: str | None, agency_codes: frozenset[str]) -> bool:
        """The one rule of what is visible to whom, for representations and events alike.

        `agency_codes`: every code of the owning organization and of those above it.
        """
        if visibility == Visibility.PUBLIC:
            return True
        if visibility == Visibility.FEDERAL:
            return self.sees_federal
        return any(
            role.name in _FEDERAL_WIDE
            or (role.name == "qsmo" and role.scope is not None and role.scope == focus_area)
            or (role.name == "agency" and role.scope in agency_codes)
            for role in self.roles
        )


ANONYMOUS = Principal()


class KeySource(Protocol):
    """Where the issuer's public keys come from."""

    async def key(self, key_id: str) -> Any:
        """Raises KeyError for an unknown key, Unavailable when the issuer cannot be asked."""
        ...


class JwksUrl:
    """Keys from a JWKS address: cached, asked again when an unknown key id appears (rotation)."""

    def __init__(self, url: str, *, client: httpx.AsyncClient) -> None:
        self._url = url
        self._client = client
        self._keys: dict[str, Any] = {}
        self._fetched_at = float("-inf")
        self._lock = asyncio.Lock()

    async def key(self, key_id: str) -> Any:
        async with self._lock:
            age_s = time.monotonic() - self._fetched_at
            if age_s > _KEYS_TTL_S or (key_id not in self._keys and age_s > _KEYS_MIN_REFRESH_S):
                await self._refresh()
        return self._keys[key_id]

    async def _refresh(self) -> None:
        try:
            answer = await self._client.get(self._url, timeout=_KEYS_TIMEOUT_S)
            answer.raise_for_status()
            found = jwt.PyJWKSet.from_dict(answer.json())
        except (httpx.HTTPError, jwt.PyJWTError, ValueError) as error:
            if self._keys:
                return  # the keys at hand stay good; the next unknown id asks again
            raise Unavailable("The identity provider's keys cannot be read.") from error
        self._keys = {key.key_id: key for key in found.keys if key.key_id}
        self._fetched_at = time.monotonic()


class _Verified(NamedTuple):
    """What a token was found to say, and with which key of whom; good as long as they publish that key."""

    principal: Principal
    until_s: float
    issuer: str
    key_id: str
    key: Any


class Verifier:
    """Turns a bearer token into a Principal."""

    def __init__(self, *, issuer: str, audience: str, keys: KeySource) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = {issuer: keys}
        # By the token's digest: a caller comes with the same token again and again, and to verify it costs as much as a read.
        self._verified: dict[bytes, _Verified] = {}

    def trust(self, issuer: str, keys: KeySource) -> None:
        """Accept tokens of another issuer besides."""
        self._keys[issuer] = keys

    async def principal(self, token: str) -> Principal:
        """Raises Unauthenticated with the reason, Unavailable when the issuer's keys cannot be had."""
        digest = hashlib.sha256(token.encode()).digest()
        try:
            found = self._verified.pop(digest, None)
            if found is None or found.until_s <= time.time() or found.key != await self._keys[found.issuer].key(found.key_id):
                found = await self._verify(token)
        except KeyError as error:
            raise Unauthenticated("The token is signed with a key that the issuer does not publish.") from error
        except jwt.PyJWTError as error:
            raise Unauthenticated(f"The token is not valid: {error}") from error
        self._verified[digest] = found  # at the end of the order: the first is the one not seen for longest
        if len(self._verified) > _VERIFIED_MAX:
            del self._verified[next(iter(self._verified))]
        return found.principal

    async def _verify(self, token: str) -> _Verified:
        unverified = jwt.decode_complete(token, options={"verify_signature": False})
        issuer = str(unverified["payload"].get("iss"))
        issuer = issuer if issuer in self._keys else self._issuer
        key_id = unverified["header"].get("kid", "")
        key = await self._keys[issuer].key(key_id)
        claims = jwt.decode(
            token,
            key,
            algorithms=list(ALGORITHMS),
            audience=self._audience,
            issuer=issuer,
            leeway=_LEEWAY_S,
            options={"require": ["exp", "sub", "iss", "aud"]},
        )
        return _Verified(_principal_of(claims), float(claims["exp"]) + _LEEWAY_S, issuer, key_id, key)


def seconds_left(token: str) -> float:
    """Until a token that was found valid is so no more."""
    claims = jwt.decode(token, options={"verify_signature": False})
    return max(0.0, float(claims["exp"]) + _LEEWAY_S - time.time())


def _principal_of(claims: Mapping[str, Any]) -> Principal:
    roles = claims.get("roles", [])
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise Unauthenticated("The token's `roles` claim is not a list of strings.")
    api_key = claims.get("api_key") if claims["iss"] == GATEWAY_ISSUER else None
    return Principal(str(claims["sub"]), tuple(Role.parse(role) for role in roles), api_key)


def public_jwk(public: Ed25519PublicKey, *, key_id: str) -> dict[str, Any]:
    return {**json.loads(OKPAlgorithm.to_jwk(public)), "kid": key_id, "use": "sig", "alg": "EdDSA"}


class DevelopmentIssuer:
    """A local issuer for embedded mode: one Ed25519 key in a file that only its owner may read."""

    KEY_ID = "development"

    def __init__(self, path: Path) -> None:
        self._private = _load_or_create(path)

    async def key(self, key_id: str) -> Any:
        if key_id != self.KEY_ID:
            raise KeyError(key_id)
        return self._private.public_key()

    def jwks(self) -> dict[str, Any]:
        return {"keys": [public_jwk(self._private.public_key(), key_id=self.KEY_ID)]}

    def token(self, *, subject: str, roles: list[str], lifetime_s: int = 12 * 3600) -> str:
        now = int(time.time())
        claims = {"iss": DEV_ISSUER, "aud": AUDIENCE, "sub": subject, "roles": roles, "iat": now, "exp": now + lifetime_s}
        return jwt.encode(claims, self._private, algorithm="EdDSA", headers={"kid": self.KEY_ID})


def _load_or_create(path: Path) -> Ed25519PrivateKey:
    try:
        return Ed25519PrivateKey.from_private_bytes(path.read_bytes())
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        private = Ed25519PrivateKey.generate()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(private.private_bytes_raw())
        return private


def seed_in(path: Path) -> str:
    """The seed in a file that only its owner may read; made when it is not there."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        seed = base64.b64encode(os.urandom(_SEED_BYTES)).decode()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(seed)
        return seed
