"""Every action on a designation in every state by every role, against a table written down here."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.registry.app import create_app
from services.registry.config import Settings
from services.registry.domain.designation import MACHINE, Status
from tests.support.apps import Api, an_api
from tests.support.plans import a_content

ROLES = (
    "omb",
    "board:cio",
    "coordinator",
    "qsmo:cybersecurity",
    "auditor",
    "agency:070:sapoc",
    "provider:x",
    "standards:x",
    "",
)
# action → (states that allow it, roles that may take it)
TABLE = {
    "designate": (("pre_designated",), ("omb",)),
    "transfer": (("pre_designated", "designated"), ("omb",)),
    "suspend": (("designated",), ("omb",)),
    "reinstate": (("suspended",), ("omb",)),
    "revoke": (("pre_designated", "designated", "suspended"), ("omb",)),
}
# Begin a designation, or go on from research; by service, not by an id.
BEGINNINGS = {"research": ("omb", "coordinator"), "pre-designate": ("omb",)}
SERVICES = ("in-research", "pre-designated", "designated", "suspended", "ended", "bare")
STATES = ("research", "pre_designated", "designated", "suspended", "ended")
# What a request that says nothing lacks.
LACKING = {
    "designate": ["policy clause"],
    "transfer": ["policy clause", "reason"],
    "suspend": ["reason"],
    "reinstate": ["reason"],
    "revoke": ["reason"],
}
BASIS = {"policy": "m-19-16", "clause": "section I", "reason": "a good reason"}
DAY = "2020-01-01"


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    settings = Settings(database_url=database_url, migrate=True)
    async with an_api(lambda made: create_app(settings, connections=made), tmp_path) as api:
        yield api


async def made(api: Api, path: str, body: Any, role: str) -> dict[str, Any]:
    answer = await api.post(path, body, role)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def moved(api: Api, id_: str, action: str, **more: Any) -> None:
    etag = (await api.get(f"/v1/designations/{id_}", "omb")).headers["etag"]
    answer = await api.post(f"/v1/designations/{id_}/{action}", {"effective_on": DAY, **BASIS, **more}, "omb", etag=etag)
    assert answer.status_code in {200, 201}, answer.text


async def world(api: Api) -> tuple[dict[str, str], str]:
    """State → the id of a designation in it, and another organization."""
    policy = {"id": "m-19-16", "title": "M-19-16", "issuer": "OMB", "issued_on": "2019-04-26"}
    await made(api, "/v1/policies", policy, "omb")
    services = [{"slug": slug, "title": slug} for slug in SERVICES]
    area = {"id": "cybersecurity", "title": "Cybersecurity", "policy": "m-19-16", "services": services}
    await made(api, "/v1/focus-areas", area, "omb")
    lead = (await made(api, "/v1/organizations", {"name": "Lead", "kind": "department"}, "coordinator"))["id"]
    other = (await made(api, "/v1/organizations", {"name": "Other", "kind": "department"}, "coordinator"))["id"]
    await api.plans.seats("cio", "cfo")
    await api.plans.approved(lead, a_content(lead, *SERVICES))
    found = {}
    for service, state in zip(SERVICES, STATES, strict=False):
        body = {"focus_area": "cybersecurity", "service": service, "organization_id": lead, "effective_on": DAY, **BASIS}
        beginning = "research" if state == "research" else "pre-designate"
        found[state] = (await made(api, f"/v1/designations/{beginning}", body, "omb"))["id"]
        for action in {"designated": ("designate",), "suspended": ("designate", "suspend"), "ended": ("revoke",)}.get(
            state, ()
        ):
            await moved(api, found[state], action)
        assert (await api.get(f"/v1/designations/{found[state]}")).json()["status"] == state
    return found, str(other)


def test_the_table_covers_the_machine() -> None:
    assert {*TABLE, *BEGINNINGS} == {t.action for t in MACHINE.transitions}
    assert set(STATES) == set(Status)
    for action, (states, roles) in TABLE.items():
        sources = {str(source) for t in MACHINE.transitions if t.action == action for source in t.sources}
        assert (sources, set(MACHINE.roles_for(action))) == (set(states), set(roles)), action


async def test_each_action_in_each_state_by_each_role_is_answered_by_the_table(api: Api) -> None:
    """Tried without being done, so that the states stay."""
    found, other = await world(api)
    wrong = []
    for state, id_ in found.items():
        etag = (await api.get(f"/v1/designations/{id_}", "omb")).headers["etag"]
        for action, (states, roles) in TABLE.items():
            body = {"effective_on": "2021-01-01", **BASIS, **({"organization_id": other} if action == "transfer" else {})}
            for role in ROLES:
                path = f"/v1/designations/{id_}/{action}?validate_only=true"
                answer = await api.post(path, body, *([role] if role else []), etag=etag)
                expected = 401 if not role else 403 if role not in roles else 200 if state in states else 409
                if answer.status_code != expected:
                    wrong.append((state, action, role, answer.status_code, answer.text))

    assert wrong == []


async def test_an_allowed_action_that_says_nothing_is_refused_with_everything_missing(api: Api) -> None:
    found, other = await world(api)
    for action, (states, _) in TABLE.items():
        for state in states:
            etag = (await api.get(f"/v1/designations/{found[state]}", "omb")).headers["etag"]
            body = {"effective_on": "2021-01-01", **({"organization_id": other} if action == "transfer" else {})}
            refused = await api.post(f"/v1/designations/{found[state]}/{action}?validate_only=true", body, "omb", etag=etag)
            assert (refused.status_code, refused.json().get("missing")) == (409, LACKING[action]), (action, state, refused.text)


@pytest.mark.parametrize("action", BEGINNINGS)
async def test_who_begins_a_designation_is_in_the_table_too(api: Api, action: str) -> None:
    await world(api)
    lead = (await api.get("/v1/organizations?q=Lead")).json()["items"][0]["id"]
    body = {"focus_area": "cybersecurity", "service": "bare", "organization_id": lead, "effective_on": DAY, **BASIS}
    answers = {
        role: (await api.post(f"/v1/designations/{action}?validate_only=true", body, *([role] if role else []))).status_code
        for role in ROLES
    }

    expected = {role: 401 if not role else 200 if role in BEGINNINGS[action] else 403 for role in ROLES}
    assert answers == expected


async def test_every_action_shown_leads_to_an_operation_that_there_is(api: Api) -> None:
    ids, _ = await world(api)
    operations = [re.compile(re.sub(r"\{\w+\}", "[^/]+", path)) for path in api.app.openapi()["paths"]]

    hrefs = {}
    for state, id_ in ids.items():
        for action in (await api.get(f"/v1/designations/{id_}", "omb")).json()["_actions"]:
            answer = await api.post(action["href"], {}, "omb")
            assert answer.status_code in {422, 428}, (state, action, answer.text)
            assert any(path.fullmatch(action["href"]) for path in operations)
            hrefs[action["action"]] = action["href"]

    assert hrefs["pre-designate"] == "/v1/designations/pre-designate"
