from __future__ import annotations

import stat
import time
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from shared.auth import ANONYMOUS, AUDIENCE, DEV_ISSUER, DevelopmentIssuer, JwksUrl, Principal, Role, Unauthenticated, Verifier
from shared.kernel.errors import Unavailable

NOBODY: frozenset[str] = frozenset()


@pytest.fixture
def issuer(tmp_path: Path) -> DevelopmentIssuer:
    return DevelopmentIssuer(tmp_path / "issuer.key")


@pytest.fixture
def verifier(issuer: DevelopmentIssuer) -> Verifier:
    return Verifier(issuer=DEV_ISSUER, audience=AUDIENCE, keys=issuer)


async def test_a_token_says_who_and_in_which_roles(issuer: DevelopmentIssuer, verifier: Verifier) -> None:
    principal = await verifier.principal(issuer.token(subject="s-1", roles=["omb", "agency:097:sapoc"]))

    assert principal == Principal("s-1", (Role("omb"), Role("agency", "097", "sapoc")))
    assert principal.has("agency", scope="097")
    assert not principal.has("agency", scope="070")
    assert [str(role) for role in principal.roles] == ["omb", "agency:097:sapoc"]


def test_the_key_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "issuer.key"
    first, second = DevelopmentIssuer(path), DevelopmentIssuer(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first.jwks() == second.jwks()


def a_token(issuer: DevelopmentIssuer, **changes: Any) -> str:
    claims = jwt.decode(issuer.token(subject="s", roles=["omb"]), options={"verify_signature": False}) | changes
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, issuer._private, algorithm="EdDSA", headers={"kid": issuer.KEY_ID})


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "somebody-else"},
        {"aud": "another-system"},
        {"exp": int(time.time()) - 3_600},
        {"nbf": int(time.time()) + 3_600},
        {"exp": None},
        {"sub": None},
        {"roles": "omb"},
        {"roles": [1]},
    ],
)
async def test_a_token_that_is_not_for_us_or_not_of_now_is_refused(
    issuer: DevelopmentIssuer, verifier: Verifier, changes: dict[str, Any]
) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.principal(a_token(issuer, **changes))


async def test_a_token_of_another_key_or_of_no_signature_is_refused(verifier: Verifier, tmp_path: Path) -> None:
    stranger = DevelopmentIssuer(tmp_path / "other.key")
    unsigned = jwt.encode({"sub": "s", "iss": DEV_ISSUER, "aud": AUDIENCE}, "", algorithm="none")

    for token in (stranger.token(subject="s", roles=["omb"]), unsigned, "a.b.c", ""):
        with pytest.raises(Unauthenticated):
            await verifier.principal(token)


class Keys:
    """An issuer's key address, as an ASGI app that counts how often it is asked."""

    def __init__(self) -> None:
        self.private = {"k1": ec.generate_private_key(ec.SECP256R1())}
        self.asked = 0
        self.away = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        public = [
            ECAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": id, "alg": "ES256"} for id, key in self.private.items()
        ]
        answer = httpx.Response(503 if self.away else 200, json={"keys": public})
        await send({"type": "http.response.start", "status": answer.status_code, "headers": []})
        await send({"type": "http.response.body", "body": answer.content})

    def token(self, key: str) -> str:
        claims = {"sub": "s", "iss": "https://issuer", "aud": AUDIENCE, "exp": int(time.time()) + 60, "roles": ["omb"]}
        return jwt.encode(claims, self.private[key], algorithm="ES256", headers={"kid": key})


async def test_published_keys_are_cached_and_asked_for_again_when_an_unknown_one_appears(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = Keys()
    client = httpx.AsyncClient(transport=httpx.ASGITransport(keys), base_url="https://issuer")
    source = JwksUrl("https://issuer/jwks.json", client=client)
    verifier = Verifier(issuer="https://issuer", audience=AUDIENCE, keys=source)
    for _ in range(3):
        await verifier.principal(keys.token("k1"))
    assert keys.asked == 1

    keys.private["k2"] = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(Unauthenticated):  # asked a moment ago: a flood of unknown ids must not reach the issuer
        await verifier.principal(keys.token("k2"))
    monkeypatch.setattr("shared.auth._KEYS_MIN_REFRESH_S", 0.0)
    await verifier.principal(keys.token("k2"))
    assert keys.asked == 2


async def test_a_token_known_to_be_good_is_so_until_it_ends_or_its_key_is_withdrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys()
    client = httpx.AsyncClient(transport=httpx.ASGITransport(keys), base_url="https://issuer")
    verifier = Verifier(issuer="https://issuer", audience=AUDIENCE, keys=JwksUrl("https://issuer/jwks.json", client=client))
    token = keys.token("k1")
    decode = Mock(wraps=jwt.decode)
    monkeypatch.setattr(jwt, "decode", decode)

    first = await verifier.principal(token)
    assert await verifier.principal(token) == first
    assert decode.call_count == 1

    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 91)  # PyJWT, which is asked again now, has a clock of its own
    assert await verifier.principal(token) == first
    assert decode.call_count == 2
    monkeypatch.undo()

    keys.private = {"k1": ec.generate_private_key(ec.SECP256R1())}  # another key under the same name
    monkeypatch.setattr("shared.auth._KEYS_TTL_S", 0.0)
    with pytest.raises(Unauthenticated, match="not valid"):
        await verifier.principal(token)
    keys.private = {"k2": ec.generate_private_key(ec.SECP256R1())}
    with pytest.raises(Unauthenticated, match="does not publish"):
        await verifier.principal(token)


async def test_no_more_tokens_are_remembered_than_a_thousand(issuer: DevelopmentIssuer, verifier: Verifier) -> None:
    for n in range(1_010):
        await verifier.principal(issuer.token(subject=f"s-{n}", roles=[]))

    assert len(verifier._verified) == 1_000


async def test_an_issuer_that_is_away_is_no_fault_of_the_caller() -> None:
    keys = Keys()
    keys.away = True
    source = JwksUrl("https://issuer/jwks.json", client=httpx.AsyncClient(transport=httpx.ASGITransport(keys)))

    with pytest.raises(Unavailable):
        await Verifier(issuer="https://issuer", audience=AUDIENCE, keys=source).principal(keys.token("k1"))


@pytest.mark.parametrize(
    ("roles", "seen"),
    [
        ((), {"public"}),
        (("provider:acme",), {"public"}),
        (("board:cfo-council",), {"public", "federal"}),
        (("agency:070:sapoc",), {"public", "federal", "restricted"}),
        (("agency:097:sapoc",), {"public", "federal"}),
        (("qsmo:cybersecurity",), {"public", "federal", "restricted"}),
        (("qsmo:grants-management",), {"public", "federal"}),
        (("auditor",), {"public", "federal", "restricted"}),
        (("omb",), {"public", "federal", "restricted"}),
    ],
)
def test_one_rule_says_what_is_visible_to_whom(roles: tuple[str, ...], seen: set[str]) -> None:
    principal = Principal("s", tuple(map(Role.parse, roles))) if roles else ANONYMOUS
    levels = ("public", "federal", "restricted")

    found = {v for v in levels if principal.may_see(v, focus_area="cybersecurity", agency_codes=frozenset({"070", "7000"}))}

    assert found == seen


def test_a_scopeless_qsmo_sees_no_area_less_tenant_data() -> None:
    assert not Principal("s", (Role("qsmo"),)).may_see("restricted", focus_area=None, agency_codes=NOBODY)
    assert not Principal("s", (Role("agency"),)).may_see("restricted", focus_area=None, agency_codes=NOBODY)
