from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from sqlalchemy import select

from services.embedded import embedded
from services.gateway import tables
from services.gateway.keys.key import digest_of, needed
from services.installation import DataFolder
from shared.auth import AUDIENCE, DEV_ISSUER, GATEWAY_ISSUER, DevelopmentIssuer, Unauthenticated, Verifier
from tests.unit.gateway.builders import Harness, SetClock, a_gateway, an_event, append


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def harness(database_url: str, tmp_path: Path, clock: SetClock) -> AsyncIterator[Harness]:
    async with a_gateway(database_url, tmp_path, clock=clock, api_keys_per_owner=3) as harness:
        yield harness


async def a_key(harness: Harness, *roles: str, subject: str = "ann", **body: Any) -> dict[str, Any]:
    async with harness.client(*(roles or ("omb",)), subject=subject) as client:
        answer = await client.post("/v1/api-keys", json={"name": "a system", "scopes": ["all:read"], **body})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def with_key(harness: Harness, secret: str, path: str, *, method: str = "GET", **options: Any) -> httpx.Response:
    async with harness.client() as client:
        return await client.request(method, path, headers={"X-Api-Key": secret}, **options)


def forget(harness: Harness) -> None:
    """As if the few seconds had passed for which the door remembers."""
    harness.gateway.exchange.forget()


async def act(harness: Harness, id: str, action: str, *roles: str, subject: str = "ann") -> httpx.Response:
    async with harness.client(*(roles or ("omb",)), subject=subject) as client:
        tag = (await client.get(f"/v1/api-keys/{id}")).headers.get("etag", '"1"')
        return await client.post(f"/v1/api-keys/{id}/{action}", headers={"If-Match": tag})


async def test_a_key_lets_a_system_see_what_its_owner_may_see_as_header_or_bearer(harness: Harness) -> None:
    await append(harness.gateway, an_event(visibility="restricted", focus_area="cybersecurity"), an_event())
    key = await a_key(harness, "qsmo:cybersecurity")
    as_header = await with_key(harness, key["secret"], "/v1/events")
    async with harness.client() as client:
        as_bearer = await client.get("/v1/events", headers={"Authorization": f"Bearer {key['secret']}"})
        public = await client.get("/v1/events")

    assert key["secret"].startswith("qsmo_")
    assert [item["seq"] for item in as_header.json()["items"]] == [1, 2]
    assert as_bearer.json() == as_header.json()
    assert [item["seq"] for item in public.json()["items"]] == [2]


@pytest.mark.parametrize("secret", ["", "qsmo_", "qsmo_wrong", "x" * 5_000, "\x00"])
async def test_a_key_that_opens_nothing_is_401(harness: Harness, secret: str) -> None:
    answer = await with_key(harness, secret, "/v1/events")

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["type"] == "/problems/unauthenticated"


async def test_a_key_and_a_token_together_are_refused(harness: Harness) -> None:
    key = await a_key(harness)
    async with harness.client("omb") as client:
        assert (await client.get("/v1/events", headers={"X-Api-Key": key["secret"]})).status_code == 401


async def test_the_database_holds_a_digest_and_nothing_of_the_secret(harness: Harness) -> None:
    async with harness.client("omb") as client:
        body = {"name": "n", "scopes": ["all:read"]}
        first = await client.post("/v1/api-keys", json=body, headers={"Idempotency-Key": "k"})
        again = await client.post("/v1/api-keys", json=body, headers={"Idempotency-Key": "k"})
        dry = await client.post("/v1/api-keys?validate_only=true", json=body)
        shown = await client.get(f"/v1/api-keys/{first.json()['id']}")
        events = (await client.get("/v1/events?type=qsmo.gateway.api_key")).text
    secret = first.json()["secret"]
    async with harness.gateway.db.reading() as tx:
        (row,) = await tx.rows(select(tables.api_key_secrets))
        everything = str([[dict(r) for r in await tx.rows(select(table))] for table in tables.metadata.sorted_tables])

    assert row["digest"] == digest_of(secret)
    assert secret not in everything
    assert secret not in events
    assert (first.headers["cache-control"], again.json()["id"]) == ("no-store", first.json()["id"])
    assert (again.json()["secret"], shown.json()["secret"], dry.json()["secret"]) == (None, None, None)


SCOPED = [
    (["all:write"], "POST", "/v1/offerings", True),
    (["all:read"], "POST", "/v1/offerings", False),
    (["catalog:write"], "POST", "/v1/offerings", True),
    (["catalog:write"], "GET", "/v1/offerings", True),
    (["catalog:read"], "GET", "/v1/offerings/x", True),
    (["catalog:read"], "GET", "/v1/designations", False),
    (["registry:read"], "GET", "/v1/designations", True),
    (["gateway:read"], "GET", "/v1/events", True),
    (["gateway:read"], "POST", "/v1/webhooks", False),
    (["gateway:write"], "POST", "/v1/webhooks", True),
    (["catalog:read"], "GET", "/v1/events", False),
    (["gateway:read"], "GET", "/v1/areas/cybersecurity/overview", False),
    (["registry:read", "catalog:read"], "GET", "/v1/offerings/x/overview", False),
    (["registry:read", "catalog:read", "adoption:read"], "GET", "/v1/offerings/x/overview", True),
    (["gateway:read"], "GET", "/v1/exports?resource=events", False),
]


@pytest.mark.parametrize(("scopes", "method", "path", "allowed"), SCOPED)
async def test_a_key_counts_only_where_its_scopes_say(
    harness: Harness, scopes: list[str], method: str, path: str, allowed: bool
) -> None:
    key = await a_key(harness, scopes=scopes)
    answer = await with_key(harness, key["secret"], path, method=method)

    refused = answer.status_code == 403 and "API key with the scope" in answer.json()["detail"]
    assert refused is not allowed
    assert allowed or all(scope in answer.json()["detail"] for scope in needed(method, path.partition("?")[0]))


async def test_a_rotation_leaves_both_secrets_good_until_the_overlap_ends(harness: Harness, clock: SetClock) -> None:
    key = await a_key(harness)
    rotated = await act(harness, key["id"], "rotate")
    again = await act(harness, key["id"], "rotate")
    both = [(await with_key(harness, s, "/v1/events")).status_code for s in (key["secret"], rotated.json()["secret"])]
    clock.forward(hours=25)
    forget(harness)
    after = [(await with_key(harness, s, "/v1/events")).status_code for s in (key["secret"], rotated.json()["secret"])]
    third = await act(harness, key["id"], "rotate")

    assert rotated.json()["secret"] != key["secret"]
    assert (both, after) == ([200, 200], [401, 200])
    assert (again.status_code, again.json()["type"]) == (409, "/problems/rotating")
    assert third.status_code == 200


async def test_a_revoked_key_opens_nothing_at_once_and_for_good(harness: Harness) -> None:
    key = await a_key(harness)
    assert (await with_key(harness, key["secret"], "/v1/events")).status_code == 200
    revoked = await act(harness, key["id"], "revoke")
    refused = await with_key(harness, key["secret"], "/v1/events")
    twice = await act(harness, key["id"], "revoke")
    async with harness.client("auditor") as client:
        facts = (await client.get("/v1/events?type=qsmo.gateway.api_key")).json()["items"]

    assert (revoked.json()["status"], refused.status_code) == ("revoked", 401)
    assert twice.json()["type"] == "/problems/transition-not-allowed"
    assert [(fact["type"].split(".")[3], fact["aggregateversion"], fact["actor"]) for fact in facts] == [
        ("created", 1, "ann"),
        ("revoked", 2, "ann"),
    ]


async def test_a_key_ends_with_its_lifetime(harness: Harness, clock: SetClock) -> None:
    key = await a_key(harness, lifetime_days=2)
    clock.forward(days=2, seconds=1)

    assert (await with_key(harness, key["secret"], "/v1/events")).status_code == 401


async def test_a_key_has_no_role_that_its_owner_has_not(harness: Harness) -> None:
    async with harness.client("agency:097:cio", "auditor", subject="ann") as client:
        body = {"name": "n", "scopes": ["all:read"]}
        own = await client.post("/v1/api-keys", json={**body, "roles": ["agency:097:cio"]})
        refused = await client.post("/v1/api-keys", json={**body, "roles": ["omb"]})
        everything = await with_key(harness, own.json()["secret"], "/v1/audit")

    assert own.json()["roles"] == ["agency:097:cio"]
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/roles")
    assert everything.status_code == 403


async def test_a_key_makes_no_keys(harness: Harness) -> None:
    key = await a_key(harness, scopes=["all:write"])
    made = await with_key(harness, key["secret"], "/v1/api-keys", method="POST", json={"name": "n", "scopes": ["all:read"]})
    listed = await with_key(harness, key["secret"], "/v1/api-keys")

    assert (made.status_code, listed.status_code) == (403, 403)


async def test_keys_are_their_owners_and_a_coordinator_may_revoke_any(harness: Harness) -> None:
    key = await a_key(harness)
    path = f"/v1/api-keys/{key['id']}"
    async with harness.client() as public, harness.client("omb", subject="bob") as bob:
        assert (await public.get("/v1/api-keys")).status_code == 401
        assert (await public.post("/v1/api-keys", json={"name": "n", "scopes": ["all:read"]})).status_code == 401
        assert (await bob.get(path)).status_code == 404
        assert (await bob.get("/v1/api-keys?everybody=true")).json()["items"] == []
        assert (await bob.post(f"{path}/revoke", headers={"If-Match": '"1"'})).status_code == 404
    async with harness.client("coordinator", subject="carl") as carl:
        listed = (await carl.get("/v1/api-keys?everybody=true")).json()["items"]
    assert [item["id"] for item in listed] == [key["id"]]
    assert (await act(harness, key["id"], "rotate", "coordinator", subject="carl")).status_code == 403
    assert (await act(harness, key["id"], "revoke", "coordinator", subject="carl")).status_code == 200


async def test_changes_need_the_version_and_owners_have_no_more_than_the_limit(harness: Harness) -> None:
    keys = [await a_key(harness) for _ in range(3)]
    async with harness.client("omb", subject="ann") as client:
        path = f"/v1/api-keys/{keys[0]['id']}/rotate"
        absent = await client.post(path)
        stale = await client.post(path, headers={"If-Match": '"9"'})
        full = await client.post("/v1/api-keys", json={"name": "n", "scopes": ["all:read"]})
        await act(harness, keys[0]["id"], "revoke")
        room = await client.post("/v1/api-keys", json={"name": "n", "scopes": ["all:read"]})

    assert (absent.status_code, stale.status_code) == (428, 412)
    assert (full.json()["type"], room.status_code) == ("/problems/too-many-api-keys", 201)


@pytest.mark.parametrize(
    "body", [{"scopes": []}, {"scopes": ["everything"]}, {"name": ""}, {"lifetime_days": 400}, {"roles": ["a b"]}, {"more": 1}]
)
async def test_a_key_that_cannot_be_is_422(harness: Harness, body: dict[str, Any]) -> None:
    async with harness.client("omb") as client:
        answer = await client.post("/v1/api-keys", json={"name": "n", "scopes": ["all:read"], **body})

    assert answer.status_code == 422


async def test_a_key_has_a_quota_of_its_own(database_url: str, tmp_path: Path) -> None:
    async with a_gateway(database_url, tmp_path, rate_per_s=1, rate_burst=4) as harness:
        key = await a_key(harness)
        statuses = [(await with_key(harness, key["secret"], "/v1/events")).status_code for _ in range(5)]

    assert statuses == [200, 200, 200, 200, 429]


async def test_without_the_database_a_key_is_503_and_not_401(postgres: Any, tmp_path: Path) -> None:
    url = postgres.create_database("keys_away")
    async with a_gateway(url, tmp_path) as harness:
        key = await a_key(harness)
        forget(harness)
        postgres.kill()
        try:
            answer = await with_key(harness, key["secret"], "/v1/events")
        finally:
            postgres.recover()

    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/overloaded")


# --- what lies behind the door


async def test_tokens_of_the_gateway_say_whose_key_and_end_in_minutes(harness: Harness) -> None:
    tokens = harness.gateway.tokens
    assert tokens is not None
    key = await a_key(harness, "qsmo:cybersecurity")
    found = await harness.gateway.exchange.key(key["secret"])
    assert found is not None
    token = harness.gateway.exchange.token(found)
    verifier = Verifier(issuer=DEV_ISSUER, audience=AUDIENCE, keys=harness.issuer)
    claims = jwt.decode(token, options={"verify_signature": False})
    with pytest.raises(Unauthenticated):
        await verifier.principal(token)
    verifier.trust(GATEWAY_ISSUER, tokens)
    principal = await verifier.principal(token)

    assert (principal.subject, principal.api_key) == ("ann", key["id"])
    assert principal.has("qsmo", scope="cybersecurity")
    assert timedelta(seconds=claims["exp"] - claims["iat"]) <= timedelta(minutes=5)


async def test_no_other_issuer_can_speak_for_the_gateway(harness: Harness, tmp_path: Path) -> None:
    """Neither a stranger's key under the gateway's name, nor the issuer's own key."""
    stranger = DevelopmentIssuer(tmp_path / "stranger.key")
    claims = {"iss": GATEWAY_ISSUER, "aud": AUDIENCE, "sub": "ann", "roles": ["omb"], "exp": 4_000_000_000, "api_key": "x"}
    async with harness.client() as client:
        for issuer in (stranger, harness.issuer):
            forged = jwt.encode(claims, issuer._private, algorithm="EdDSA", headers={"kid": issuer.KEY_ID})
            answer = await client.get("/v1/audit", headers={"Authorization": f"Bearer {forged}"})
            assert answer.status_code == 401


async def test_a_key_works_at_every_service_of_an_installation(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    async with embedded(folder, starter=False) as app:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=30) as client:
            token = folder.issuer.token(subject="ann", roles=["omb", "coordinator"])
            body = {"name": "loader", "scopes": ["registry:write", "adoption:read", "gateway:read"]}
            made = await client.post("/v1/api-keys", json=body, headers={"Authorization": f"Bearer {token}"})
            key = {"X-Api-Key": made.json()["secret"]}
            policy = {"id": "m-19-16", "title": "x", "issuer": "OMB", "issued_on": "2019-04-26"}
            written = await client.post("/v1/policies", json=policy, headers=key)
            parked = await client.get("/v1/parked-rows", headers=key)
            refused = await client.post("/v1/providers", json={}, headers=key)
            async with asyncio.timeout(10):
                while not (events := (await client.get("/v1/events?type=qsmo.registry.policy", headers=key)).json()["items"]):
                    await asyncio.sleep(0.05)

    assert (written.status_code, parked.status_code, refused.status_code) == (201, 200, 403)
    assert events[0]["actor"] == "ann"
