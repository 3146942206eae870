"""Who has signed in here, in a sealed cookie: the person's own token, good for reading, and for writing from our forms."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, TypeVar

import jwt
import orjson
from fastapi import Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway.config import Settings
from services.gateway.dashboard.visitor import VISITOR, Visitor
from services.gateway.keyring import Keyring
from shared.auth import Role
from shared.kernel.errors import Forbidden, Invalid, Unavailable

if TYPE_CHECKING:
    from services.gateway.context import Gateway

T = TypeVar("T", "Session", "Flow")
SESSION_MAX_S = 12 * 3600
FLOW_MAX_S = 600
# Browsers keep 4,096 bytes of name, value and attributes.
_COOKIE_BYTES_MAX = 3_900
_NONCE_CHARS = 22
_ID_BYTES = 16
_CSRF_FIELD = "csrf"
# What was just done, as `/act` says it in the address; shown as words.
_DONE = re.compile(rb"(?:^|&)done=([a-z0-9-]{1,60})(&|$)")
_READS = frozenset({"GET", "HEAD"})
_OWN_CREDENTIALS = frozenset({b"authorization", b"x-api-key"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One signing in. `id` is new each time, and is known to nobody but the browser's sealed cookie."""

    id: str
    token: str
    until: float

    @classmethod
    def begun(cls, token: str) -> Session:
        """With a token that was found valid."""
        expires = float(jwt.decode(token, options={"verify_signature": False})["exp"])
        return cls(id=secrets.token_urlsafe(_ID_BYTES), token=token, until=min(expires, time.time() + SESSION_MAX_S))

    def visitor(self, visitor: Visitor) -> Visitor:
        claims = jwt.decode(self.token, options={"verify_signature": False})
        roles = tuple(Role.parse(str(role)) for role in claims.get("roles", ()))
        return replace(visitor, subject=str(claims["sub"]), roles=roles, csrf=csrf_token(self.id), until=self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One attempt to sign in, from the first page to the provider's answer. `to`: where the person wanted to be."""

    id: str
    state: str
    nonce: str
    verifier: str
    to: str
    until: float

    @classmethod
    def begun(cls, *, to: str) -> Flow:
        id, state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(4))
        return cls(id=id, state=state, nonce=nonce, verifier=verifier, to=local(to), until=time.time() + FLOW_MAX_S)


def local(path: str) -> str:
    """The path, if it leads to one of our pages; else the start page."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if plain and not path.startswith("/sign-in") else "/"


def csrf_token(secret: str) -> str:
    """Other text each time, so that how well a page compresses tells nothing of it."""
    nonce = secrets.token_urlsafe(_ID_BYTES)
    return nonce + _csrf_mac(secret, nonce)


def _csrf_mac(secret: str, nonce: str) -> str:
    return hmac.new(secret.encode(), b"csrf " + nonce.encode(), hashlib.sha256).hexdigest()


def check_csrf(secret: str | None, given: str) -> None:
    """Raises Forbidden for a form that is not from a page that we gave this browser."""
    nonce, mac = given[:_NONCE_CHARS], given[_NONCE_CHARS:]
    if secret is None or not hmac.compare_digest(mac.encode(), _csrf_mac(secret, nonce).encode()):
        raise Forbidden("This form is not from a page that you have open here, or you have signed in anew since. Try again.")


class Cookies:
    """Seals, sets and reads. Over HTTPS the names bind cookies to this host alone."""

    def __init__(self, keyring: Keyring, *, secure: bool) -> None:
        self._keyring = keyring
        self._secure = secure
        self._prefix = "__Host-" if secure else ""

    def name(self, kind: type[Session | Flow]) -> str:
        return f"{self._prefix}qsmo-{kind.__name__.lower()}"

    def read(self, kind: type[T], given: Mapping[str, str]) -> T | None:
        """None for what is absent, over, or was not sealed here."""
        sealed = given.get(self.name(kind))
        if sealed is None:
            return None
        try:
            found = kind(**orjson.loads(zlib.decompress(self._keyring.open(sealed, about=self.name(kind)))))
        except (Unavailable, ValueError, TypeError, zlib.error):
            return None
        return found if found.until > time.time() else None

    def set(self, response: Response, value: Session | Flow) -> None:
        """Raises Invalid when it does not fit into a cookie."""
        name = self.name(type(value))
        sealed = self._keyring.seal(zlib.compress(orjson.dumps(asdict(value)), 9), about=name)
        if len(sealed) > _COOKIE_BYTES_MAX:
            raise Invalid("Your token is too large for a session: ask your identity provider for fewer claims in it.")
        response.set_cookie(
            name, sealed, max_age=int(value.until - time.time()), path="/", secure=self._secure, httponly=True, samesite="lax"
        )

    def drop(self, response: Response, kind: type[Session | Flow]) -> None:
        response.delete_cookie(self.name(kind), path="/", secure=self._secure, httponly=True, samesite="lax")


def cookies_of(request: Request) -> Cookies:
    """Raises Unavailable in an installation without a key."""
    gateway: Gateway = request.app.state.context
    if gateway.keyring is None:
        raise Unavailable("Signing in needs a key of the installation: its operator sets QSMO_GATEWAY_SIGNING_KEY.")
    return Cookies(gateway.keyring, secure=gateway.settings.is_secure)


def session_of(request: Request) -> Session | None:
    return cookies_of(request).read(Session, request.cookies)


def check_form(request: Request, form: Mapping[str, object]) -> Session:
    """The session that a form came from. Raises Forbidden."""
    session = session_of(request)
    check_csrf(session.id if session else None, str(form.get(_CSRF_FIELD, "")))
    assert session is not None
    return session


class Visits:
    """Outside of the door: makes known who comes, and turns a session into the token that it holds.

    For what changes something, the session counts only at our pages, which check that the form is theirs: never at the API.
    """

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _concerns_no_session(scope):
            given = dict(scope["headers"])
            session = self._session(scope, given.get(b"cookie"))
            if not scope["path"].startswith("/v1/"):
                VISITOR.set(self._visitor(scope, given, session))
            if session is not None and given.keys().isdisjoint(_OWN_CREDENTIALS):
                scope["headers"] = [*scope["headers"], (b"authorization", f"Bearer {session.token}".encode())]
        await self._app(scope, receive, send)

    def _session(self, scope: Scope, cookie: bytes | None) -> Session | None:
        if cookie is None or (scope["path"].startswith("/v1/") and scope["method"] not in _READS):
            return None
        keyring = getattr(getattr(scope["app"].state, "context", None), "keyring", None)
        if keyring is None:
            return None
        try:
            given = {name: morsel.value for name, morsel in SimpleCookie(cookie.decode("latin-1")).items()}
        except CookieError:
            return None
        return Cookies(keyring, secure=self._settings.is_secure).read(Session, given)

    def _visitor(self, scope: Scope, given: Mapping[bytes, bytes], session: Session | None) -> Visitor:
        done = _DONE.search(scope["query_string"])
        if done is not None:
            # Ours, and no parameter of any page.
            scope["query_string"] = _DONE.sub(rb"\2", scope["query_string"]).lstrip(b"&")
        visitor = Visitor(
            path=scope["path"],
            here=_here(scope),
            head=_head(scope),
            done=done[1].decode().replace("-", " ").capitalize() if done else "",
            takes_gzip=b"gzip" in given.get(b"accept-encoding", b""),
            official=self._settings.official_site,
            can_sign_in=bool(self._settings.oidc_client_id) or _is_development(scope),
        )
        return visitor if session is None else session.visitor(visitor)


def _concerns_no_session(scope: Scope) -> bool:
    return scope["path"].startswith("/v1/") and all(name != b"cookie" for name, _ in scope["headers"])


def _here(scope: Scope) -> str:
    query = scope["query_string"].decode("latin-1")
    return f"{scope['path']}?{query}&" if query else f"{scope['path']}?"


def _head(scope: Scope) -> int:
    gateway: Gateway | None = getattr(scope["app"].state, "context", None)
    return gateway.live.last if gateway is not None else 0


def _is_development(scope: Scope) -> bool:
    gateway = getattr(scope["app"].state, "context", None)
    return gateway is not None and gateway.development_issuer is not None
