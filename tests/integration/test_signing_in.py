"""Signing in: the whole way to an identity provider and back, what is refused, and what a session is good for."""

from __future__ import annotations

import html
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.gateway.dashboard.session import Session, check_csrf, csrf_token, local
from shared.auth import JwksUrl
from shared.kernel.errors import Forbidden
from tests.conftest import NOT_RUN
from tests.support.identity import CLIENT, SECRET, Issuer, node_issuer
from tests.unit.gateway.builders import Harness, a_gateway, served

CALLBACK = "http://gateway/sign-in/callback"
FIELD = re.compile(r'name="csrf" value="([^"]+)"')


@asynccontextmanager
async def a_gateway_at(issuer: str, folder: Path, **settings: Any) -> AsyncIterator[Harness]:
    """A gateway whose people sign in there."""
    about = {
        "issuer": issuer,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": SECRET,
        "public_url": "http://gateway",
    } | settings
    async with (
        a_gateway(f"sqlite+aiosqlite:///{folder / 'gateway.db'}", folder, **about) as harness,
        httpx.AsyncClient() as client,
    ):
        harness.gateway.verifier.trust(issuer, JwksUrl(issuer + "/jwks", client=client))
        yield harness


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    made = Issuer()
    async with served(made.app) as url:
        made.url = url
        yield made


@pytest.fixture
async def pages(issuer: Issuer, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in front of a gateway whose people sign in at the issuer."""
    async with a_gateway_at(issuer.url, tmp_path) as harness, harness.client() as browser:
        yield browser


@pytest.fixture
async def development(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in front of an installation on one's own machine."""
    async with a_gateway(f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}", tmp_path) as harness, harness.client() as browser:
        yield browser


async def at_provider(browser: httpx.AsyncClient, *, to: str = "/me") -> str:
    """Goes to the provider; returns the address that it sends the browser back to."""
    sent = await browser.get("/sign-in", params={"to": to})
    assert sent.status_code == 303
    async with httpx.AsyncClient() as elsewhere:
        back = await elsewhere.get(sent.headers["location"])
    return back.headers["location"]


async def signed_in(browser: httpx.AsyncClient, *, role: str = "omb", subject: str = "ann", to: str = "/me") -> httpx.Response:
    csrf = FIELD.findall((await browser.get("/sign-in", params={"to": to})).text)[-1]
    return await browser.post("/sign-in", data={"csrf": csrf, "role": role, "subject": subject})


async def test_whoever_signs_in_at_the_provider_is_known_here(pages: httpx.AsyncClient) -> None:
    done = await pages.get(await at_provider(pages))
    me = await pages.get("/me")

    assert (done.status_code, done.headers["location"]) == (303, "/me")
    assert "<h1>ann</h1>" in me.text
    assert me.headers["cache-control"] == "no-store"


async def test_a_session_is_for_this_browser_alone_and_no_script_reads_it(pages: httpx.AsyncClient) -> None:
    done = await pages.get(await at_provider(pages))
    (cookie,) = (c for c in done.headers.get_list("set-cookie") if c.startswith("qsmo-session="))

    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert len(cookie) < 4_096


async def test_over_https_cookies_are_bound_to_the_host(issuer: Issuer, tmp_path: Path) -> None:
    async with a_gateway_at(issuer.url, tmp_path, public_url="https://gateway") as harness, harness.client() as browser:
        sent = await browser.get("/sign-in")

    assert sent.headers["set-cookie"].startswith("__Host-qsmo-flow=")
    assert "Secure" in sent.headers["set-cookie"].split("; ")


LIES: dict[str, dict[str, Any]] = {
    "said-before": {"lies": {"nonce": "another"}},
    "to-another-client": {"lies": {"aud": "another"}},
    "for-another-client": {"lies": {"azp": "another"}},
    "by-another-issuer": {"lies": {"iss": "https://another"}},
    "long-ago": {"lies": {"exp": 1_000_000}},
    "of-another-token": {"lies": {"at_hash": "another"}},
    "forged": {"forged": True},
    "access-for-another-system": {"access_lies": {"aud": "another"}},
}


@pytest.mark.parametrize("lie", list(LIES))
async def test_a_provider_that_says_something_else_signs_nobody_in(pages: httpx.AsyncClient, issuer: Issuer, lie: str) -> None:
    for name, value in LIES[lie].items():
        setattr(issuer, name, value)

    done = await pages.get(await at_provider(pages))

    assert done.status_code == 403
    assert "qsmo-session" not in pages.cookies
    assert "You have not signed in" in (await pages.get("/me")).text


@pytest.mark.parametrize("changed", ["state", "iss", "code"])
async def test_an_answer_that_is_not_the_providers_to_this_browser_is_refused(pages: httpx.AsyncClient, changed: str) -> None:
    back = httpx.URL(await at_provider(pages))

    done = await pages.get(back.copy_set_param(changed, "another"))

    assert done.status_code == 403
    assert "qsmo-session" not in pages.cookies


async def test_an_answer_without_a_question_or_a_second_time_is_refused(pages: httpx.AsyncClient) -> None:
    back = await at_provider(pages)
    flow = dict(pages.cookies)
    await pages.get(back)
    pages.cookies.clear()
    without = await pages.get(back)
    again = await pages.get(back, headers={"Cookie": "; ".join(f"{name}={value}" for name, value in flow.items())})

    assert (without.status_code, again.status_code) == (403, 403)


async def test_a_real_provider_is_understood(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """panva's oidc-provider, certified by the OpenID Foundation: PKCE required, RS256, JWT access tokens by RFC 9068."""
    folder = tmp_path / "node"
    folder.mkdir()
    with node_issuer(folder, callback=CALLBACK, roles=["qsmo:cybersecurity"]) as url:
        if url is None:
            request.config.stash[NOT_RUN]["npm"].append(request.node.nodeid)
            pytest.skip("npm, or its registry, is missing.")
        async with (
            a_gateway_at(url, tmp_path, oidc_resource="https://qsmo.example") as harness,
            harness.client() as browser,
            httpx.AsyncClient() as elsewhere,
        ):
            sent = await browser.get("/sign-in", params={"to": "/me"})
            at = sent.headers["location"]
            for _ in range(12):
                if at.startswith(CALLBACK):
                    break
                at = await _step(elsewhere, at)
            done = await browser.get(at)
            me = await browser.get("/me")

    assert done.status_code == 303, done.text
    assert "<h1>bob</h1>" in me.text
    assert "cybersecurity" in me.text


async def _step(elsewhere: httpx.AsyncClient, at: str) -> str:
    """Follows one redirect, or fills in the one form that is shown."""
    shown = await elsewhere.get(at)
    if shown.is_redirect:
        return str(shown.url.join(shown.headers["location"]))
    action = re.search(r'action="([^"]+)"', shown.text)
    assert action is not None, shown.text
    prompt = re.search(r'name="prompt" value="(\w+)"', shown.text)
    filled = {"prompt": prompt[1] if prompt else "login", "login": "bob", "password": "any"}
    sent = await elsewhere.post(shown.url.join(html.unescape(action[1])), data=filled)
    assert sent.is_redirect, sent.text
    return str(sent.url.join(sent.headers["location"]))


async def test_on_ones_own_machine_one_chooses_who_to_be(development: httpx.AsyncClient) -> None:
    done = await signed_in(development, role="agency:097:sapoc", subject="ann")
    me = await development.get("/me")

    assert (done.status_code, done.headers["location"]) == (303, "/me")
    assert "<h1>ann</h1>" in me.text
    assert "/agency/097" in me.text


@pytest.mark.parametrize("given", [{"role": ""}, {"role": "omb; x"}, {"subject": ""}, {"subject": "a<b"}])
async def test_a_choice_that_cannot_be_is_asked_again(development: httpx.AsyncClient, given: dict[str, str]) -> None:
    done = await signed_in(development, **given)

    assert done.status_code == 422
    assert "Give a name" in done.text


async def test_with_a_provider_nobody_chooses_who_to_be(pages: httpx.AsyncClient) -> None:
    await pages.get("/sign-in")
    done = await pages.post("/sign-in", data={"role": "omb", "subject": "ann"})

    assert done.status_code == 404
    assert "qsmo-session" not in pages.cookies


async def test_each_signing_in_is_a_new_session_and_old_forms_are_over(development: httpx.AsyncClient) -> None:
    await signed_in(development)
    old = FIELD.findall((await development.get("/me")).text)[0]
    await signed_in(development)
    refused = await development.post("/sign-out", data={"csrf": old})
    new = FIELD.findall((await development.get("/me")).text)[0]
    done = await development.post("/sign-out", data={"csrf": new})

    assert refused.status_code == 403
    assert done.status_code == 303
    assert "You have not signed in" in (await development.get("/me")).text


@pytest.mark.parametrize("csrf", ["", "x" * 86])
async def test_a_form_of_another_site_signs_nobody_in_or_out(development: httpx.AsyncClient, csrf: str) -> None:
    first = await development.post("/sign-in", data={"csrf": csrf, "role": "omb", "subject": "ann"})
    await signed_in(development)
    second = await development.post("/sign-out", data={"csrf": csrf})

    assert (first.status_code, second.status_code) == (403, 403)
    assert "<h1>ann</h1>" in (await development.get("/me")).text


async def test_a_session_reads_the_api_and_never_writes_there(development: httpx.AsyncClient) -> None:
    before = await development.get("/v1/webhooks")
    await signed_in(development)
    reads = await development.get("/v1/webhooks")
    writes = await development.post("/v1/webhooks", json={"url": "https://receiver.example/"})

    assert (before.status_code, reads.status_code, writes.status_code) == (401, 200, 401)


async def test_a_cookie_that_was_touched_is_nobodys(development: httpx.AsyncClient) -> None:
    await signed_in(development)
    sealed = development.cookies["qsmo-session"].strip('"')
    development.cookies.clear()
    touched = sealed[:-6] + ("A" if sealed[-6] != "A" else "B") + sealed[-5:]
    answers = [
        await development.get("/me", headers={"Cookie": f'qsmo-session="{each}"'}) for each in (sealed, touched, "x", "")
    ]

    assert ["<h1>ann</h1>" in answer.text for answer in answers] == [True, False, False, False]


async def test_a_session_ends_with_its_token(tmp_path: Path) -> None:
    async with a_gateway(f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}", tmp_path) as harness:
        session = Session.begun(harness.issuer.token(subject="ann", roles=["omb"], lifetime_s=60))

    assert 50 < session.until - time.time() <= 60


async def test_a_token_too_large_for_a_cookie_is_refused_in_words(development: httpx.AsyncClient) -> None:
    many = " ".join(f"provider:{secrets.token_hex(30)}" for _ in range(80))
    csrf = FIELD.findall((await development.get("/sign-in")).text)[-1]
    done = await development.post("/sign-in", data={"csrf": csrf, "role": "omb", "more": many, "subject": "ann"})

    assert done.status_code == 422
    assert "too large" in done.text


@pytest.mark.parametrize(
    "to", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "x", "/sign-in", "/a\n"]
)
def test_signing_in_leads_nowhere_else(to: str) -> None:
    assert local(to) == "/"


def test_a_forms_token_is_of_one_session_and_other_text_each_time() -> None:
    one, two = csrf_token("session"), csrf_token("session")

    check_csrf("session", one)
    check_csrf("session", two)
    assert one != two
    for secret, given in (("other", one), (None, one), ("session", one[:-1]), ("session", "ü" + one)):
        with pytest.raises(Forbidden):
            check_csrf(secret, given)
