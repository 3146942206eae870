"""Identity providers to sign in at: one in Python that can be told to lie, and a well-known one in Node."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from shared.auth import public_jwk
from tests.support.servers import free_port

CLIENT, SECRET = "qsmo-pages", "a secret: with + and %"
NODE_PROVIDER = "oidc-provider@9.13.3"
_SCRIPT = Path(__file__).with_name("identity.mjs")
_START_S = 30.0
_INSTALL_S = 120


def unpadded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Issuer:
    """Signs everybody in at once, as `subject` with `roles`, and checks what RFC 6749 and RFC 7636 want.

    `lies` take the place of what the identity token would say; `forged` signs it with a key that is not published.
    """

    def __init__(self, *, subject: str = "ann", roles: list[str] | None = None) -> None:
        self.url = ""
        self.subject = subject
        self.roles = ["omb"] if roles is None else roles
        self.lies: dict[str, Any] = {}
        self.access_lies: dict[str, Any] = {}
        self.forged = False
        self._key = Ed25519PrivateKey.generate()
        self._codes: dict[str, dict[str, str]] = {}
        self.app = self._app()

    def _app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)
        app.get("/.well-known/openid-configuration")(self._metadata)
        app.get("/jwks")(self._jwks)
        app.get("/authorize", response_model=None)(self._authorize)
        app.post("/token", response_model=None)(self._token)
        return app

    async def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": self.url + "/authorize",
            "token_endpoint": self.url + "/token",
            "jwks_uri": self.url + "/jwks",
            "authorization_response_iss_parameter_supported": True,
        }

    async def _jwks(self) -> dict[str, Any]:
        return {"keys": [public_jwk(self._key.public_key(), key_id="one")]}

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        if asked["client_id"] != CLIENT or asked["response_type"] != "code" or asked["code_challenge_method"] != "S256":
            return JSONResponse({"error": "invalid_request"}, 400)
        code = secrets.token_urlsafe()
        self._codes[code] = asked
        return RedirectResponse(
            asked["redirect_uri"] + "?" + urlencode({"code": code, "state": asked["state"], "iss": self.url}), 303
        )

    async def _token(self, request: Request) -> Response:
        form = dict(await request.form())
        asked = self._codes.pop(str(form.get("code")), None)
        pair = urlencode({"": CLIENT})[1:] + ":" + urlencode({"": SECRET})[1:]
        by = base64.b64decode(request.headers.get("authorization", "")[len("Basic ") :]).decode()
        challenge = unpadded(hashlib.sha256(str(form.get("code_verifier")).encode()).digest())
        if asked is None or by != pair or form["redirect_uri"] != asked["redirect_uri"] or challenge != asked["code_challenge"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        about = {"iss": self.url, "sub": self.subject, "iat": now, "exp": now + 600}
        access = self._signed({**about, "aud": "qsmo", "roles": self.roles, **self.access_lies}, self._key)
        half = unpadded(hashlib.sha512(access.encode()).digest()[:32])
        key = Ed25519PrivateKey.generate() if self.forged else self._key
        identity = self._signed({**about, "aud": CLIENT, "nonce": asked["nonce"], "at_hash": half, **self.lies}, key)
        return JSONResponse({"access_token": access, "id_token": identity, "token_type": "Bearer"})

    def _signed(self, claims: dict[str, Any], key: Ed25519PrivateKey) -> str:
        return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": "one"})


@contextmanager
def node_issuer(folder: Path, *, callback: str, roles: list[str]) -> Iterator[str | None]:
    """The address of a running oidc-provider; None where it cannot be had."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        yield None
        return
    (folder / "package.json").write_text('{"type": "module"}')
    wanted = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline", NODE_PROVIDER]
    if subprocess.run(wanted, cwd=folder, capture_output=True, timeout=_INSTALL_S, check=False).returncode:
        yield None
        return
    shutil.copy(_SCRIPT, folder / "identity.mjs")
    url = f"http://127.0.0.1:{free_port()}"
    told = {"ISSUER": url, "CALLBACK": callback, "CLIENT": CLIENT, "SECRET": SECRET, "ROLES": ",".join(roles)}
    process = subprocess.Popen(
        [node, "identity.mjs"], cwd=folder, env={**os.environ, **told}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _await(url, process)
        yield url
    finally:
        process.terminate()
        process.wait()


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until and process.poll() is None:
        try:
            httpx.get(url + "/.well-known/openid-configuration").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("oidc-provider did not come up")
