"""Signing in at an identity provider: OpenID Connect, authorization code with PKCE."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt

from services.gateway.config import Settings
from services.gateway.dashboard.session import Flow
from shared.auth import ALGORITHMS, JwksUrl, Unauthenticated
from shared.kernel.errors import Unavailable

_TIMEOUT_S = 10.0
_LEEWAY_S = 30


@dataclass(frozen=True, slots=True)
class _Endpoints:
    """What the provider says of itself."""

    authorization: str
    token: str
    keys: JwksUrl
    # Whether answers name their issuer (RFC 9207); then those that do not are none of its.
    names_itself: bool


class Provider:
    """The configured provider. Nothing is asked of it before the first person wants to sign in."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = httpx.AsyncClient(timeout=_TIMEOUT_S, follow_redirects=False)
        self._endpoints: _Endpoints | None = None

    @property
    def callback(self) -> str:
        return self._settings.public_url.rstrip("/") + "/sign-in/callback"

    async def address(self, flow: Flow) -> str:
        """Where to send the browser. Raises Unavailable."""
        asked = {
            "response_type": "code",
            "client_id": self._settings.oidc_client_id,
            "redirect_uri": self.callback,
            "scope": self._settings.oidc_scope,
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": _challenge(flow.verifier),
            "code_challenge_method": "S256",
        }
        if self._settings.oidc_resource:
            asked["resource"] = self._settings.oidc_resource
        address = (await self._found()).authorization
        return address + ("&" if "?" in address else "?") + urlencode(asked)

    async def token(self, flow: Flow, *, code: str, state: str, issuer: str | None) -> str:
        """The person's access token, after all was checked that the provider says. Raises Unauthenticated, Unavailable."""
        found = await self._found()
        if not hmac.compare_digest(state.encode(), flow.state.encode()):
            raise Unauthenticated("The answer is not to the question that this browser asked. Sign in again.")
        if issuer != self._settings.issuer and (found.names_itself or issuer is not None):
            raise Unauthenticated("The answer is not of the identity provider that was asked. Sign in again.")
        given = await self._exchanged(found, code=code, verifier=flow.verifier)
        access = given.get("access_token")
        if not isinstance(access, str) or not isinstance(given.get("id_token"), str):
            raise Unauthenticated("The identity provider gave no token.")
        await self._check_identity(found, given["id_token"], access=access, nonce=flow.nonce)
        return access

    async def _exchanged(self, found: _Endpoints, *, code: str, verifier: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.callback,
            "client_id": self._settings.oidc_client_id,
            "code_verifier": verifier,
        }
        if self._settings.oidc_resource:
            form["resource"] = self._settings.oidc_resource
        secret = self._settings.oidc_client_secret.get_secret_value()
        # RFC 6749, 2.3.1, which wants both in the form's own encoding.
        auth = httpx.BasicAuth(_form_encoded(self._settings.oidc_client_id), _form_encoded(secret)) if secret else None
        try:
            answer = await self._client.post(found.token, data=form, auth=auth or httpx.USE_CLIENT_DEFAULT)
            given = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise Unavailable("The identity provider does not answer.") from error
        if not answer.is_success or not isinstance(given, dict):
            raise Unauthenticated("The identity provider does not take the code. Sign in again.")
        return given

    async def _check_identity(self, found: _Endpoints, id_token: str, *, access: str, nonce: str) -> None:
        """Source: OpenID Connect Core 1.0, 3.1.3.7 and 3.1.3.8."""
        try:
            header = jwt.get_unverified_header(id_token)
            claims = jwt.decode(
                id_token,
                await found.keys.key(header.get("kid", "")),
                algorithms=list(ALGORITHMS),
                audience=self._settings.oidc_client_id,
                issuer=self._settings.issuer,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "iat", "sub", "iss", "aud", "nonce"]},
            )
        except KeyError as error:
            raise Unauthenticated("The identity provider signed with a key that it does not publish.") from error
        except jwt.PyJWTError as error:
            raise Unauthenticated(f"What the identity provider says is not valid: {error}") from error
        if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
            raise Unauthenticated("What the identity provider says was said before. Sign in again.")
        if claims.get("azp", self._settings.oidc_client_id) != self._settings.oidc_client_id:
            raise Unauthenticated("What the identity provider says was said to somebody else.")
        if "at_hash" in claims and claims["at_hash"] != _half_hash(access, str(header["alg"])):
            raise Unauthenticated("The identity provider's two tokens do not belong together.")

    async def _found(self) -> _Endpoints:
        if self._endpoints is None:
            self._endpoints = await self._discovered()
        return self._endpoints

    async def _discovered(self) -> _Endpoints:
        address = self._settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
        try:
            answer = await self._client.get(address)
            answer.raise_for_status()
            said = answer.json()
            if said["issuer"] != self._settings.issuer:
                raise Unavailable("The identity provider calls itself otherwise than QSMO_GATEWAY_ISSUER does.")
            return _Endpoints(
                said["authorization_endpoint"],
                said["token_endpoint"],
                JwksUrl(said["jwks_uri"], client=self._client),
                bool(said.get("authorization_response_iss_parameter_supported")),
            )
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise Unavailable("The identity provider does not say where to sign in.") from error

    async def close(self) -> None:
        await self._client.aclose()


def _form_encoded(text: str) -> str:
    return urlencode({"": text})[1:]


def _challenge(verifier: str) -> str:
    return _unpadded(hashlib.sha256(verifier.encode()).digest())


def _half_hash(token: str, algorithm: str) -> str:
    digest = hashlib.sha512 if algorithm == "EdDSA" else hashlib.sha256
    whole = digest(token.encode()).digest()
    return _unpadded(whole[: len(whole) // 2])


def _unpadded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
