"""Every read of registry and catalog by every role, of what is public, one's own and another's, against a table below.

Those of adoption are in test_adoption_roles.py, the gateway's in test_gateway_roles.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from services.embedded import embedded
from services.gateway.proxy import owner_of
from services.installation import DataFolder
from shared.web.document import operations
from tests.support.apps import Api
from tests.support.plans import a_content
from tests.unit.catalog.world import CYBER, a_draft

PROVIDER = "provider:{provider}"
ROLES = {
    "anonymous": "",
    "own qsmo": f"qsmo:{CYBER}",
    "other qsmo": "qsmo:grants-management",
    "own provider": PROVIDER,
    "other provider": "provider:another",
    "omb": "omb",
    "coordinator": "coordinator",
    "auditor": "auditor",
    "board": "board:cio",
    "standards": f"standards:{CYBER}",
    "agency": "agency:070:sapoc",
}
ALL = frozenset(ROLES)
FEDERAL = ALL - {"anonymous", "own provider", "other provider"}
WIDE = frozenset({"omb", "coordinator", "auditor"})
PLAN = WIDE | {"own qsmo"}
OFFERING = WIDE | {"own qsmo", "own provider"}
NOBODY: frozenset[str] = frozenset()
OF_PLAN = ("", "/criteria", "/milestones", "/corrective-actions", "/versions", "/diff?from=1&to=1")
OF_OFFERING = ("", "/revisions", "/how-to-buy", "/uses", "/reuse")
# A read of one thing that is not public → who is shown it. Others are told that there is none.
ONE: dict[str, frozenset[str]] = {
    **{f"/v1/plans/{{draft}}{part}": PLAN for part in OF_PLAN},
    **{f"/v1/plans/{{submitted}}{part}": FEDERAL for part in OF_PLAN},
    **{f"/v1/offerings/{{hidden}}{part}": OFFERING for part in OF_OFFERING},
    "/v1/offerings/by-key/code/unseen": OFFERING,
    "/v1/search/comparison?id={hidden}": OFFERING,
}
# A read of many → which of these things stand in it, for whom.
MANY: dict[str, dict[str, frozenset[str]]] = {
    "/v1/plans?limit=200": {"draft": PLAN, "submitted": FEDERAL},
    "/v1/offerings?limit=200&q=Veryrareword": {"hidden": OFFERING},
    "/v1/search/offerings?q=veryrareword": {"hidden": OFFERING},
    "/v1/catalog/export": {"hidden": OFFERING},
    "/v1/marketplaces": {"hidden": NOBODY},
    "/v1/marketplaces/cybersecurity": {"hidden": NOBODY},
    "/v1/search/suggestions?q=veryrarew": {"hidden": OFFERING},
}
# What these need to be asked.
QUERIES = {
    "/v1/search/offerings": "?q=security",
    "/v1/search/suggestions": "?q=secu",
    "/v1/search/comparison": "?id={offerings}",
    "/v1/offerings/{id}/cost-estimate": "?size=1",
    "/v1/offerings/{id}/diff": "?from=1&to=1",
    "/v1/standards/{id}/diff": "?from=1&to=1",
    "/v1/standards/items": "?id=FFM.010.010",
}
# Nothing of these kinds is there at first, and the offering has no price: that is told to everybody alike.
ALIKE = {"/v1/match-reviews/{id}": 404, "/v1/standards/{id}": 404, "/v1/offerings/{id}/cost-estimate": 409}
# What is for those who sign in for the government.
OF_FEDERAL = ("/v1/plans/", "/v1/offerings/{id}/ratings")
# What is nobody's but theirs who run the platform.
OPERATORS = frozenset({"coordinator", "auditor"})
OF_OPERATORS = ("/v1/parked-events/",)


class World:
    def __init__(self, api: Api, ids: dict[str, str]) -> None:
        self.api = api
        self.ids = ids

    async def read(self, role: str, path: str) -> httpx.Response:
        roles = [ROLES[role].format(**self.ids)] if ROLES[role] else []
        return await self.api.get(path.format(**self.ids), *roles)

    async def is_found(self) -> bool:
        """Whether the search knows of all."""
        return self.ids["hidden"] in (await self.read("omb", "/v1/search/offerings?q=veryrareword")).text

    def of_public(self, path: str) -> str:
        """The operation's path, of a thing that everybody is shown or is not there."""
        kind = path.split("/")[2]
        places = {"{id}": f"{{{kind}}}", "{scheme}/{value}": f"{{{kind}_key}}", "{area}": CYBER, "{n}": "1"}
        filled = path
        for place, value in places.items():
            filled = filled.replace(place, value)
        query = "?from=1&to=1" if path.endswith("/diff") else ""
        return filled + QUERIES.get(path, query)


async def a_world(api: Api) -> World:
    """A draft and a submitted plan, and a provider's draft of an offering, for cybersecurity, beside what is there at first."""
    area = (await api.get(f"/v1/focus-areas/{CYBER}")).json()
    hosts = [item["id"] for item in (await api.get("/v1/organizations?limit=2")).json()["items"]]
    service = area["services"][0]["slug"]
    ids = {
        "draft": await api.plans.drafted(hosts[0], a_content(hosts[0], service)),
        "submitted": await api.plans.submitted(hosts[1], a_content(hosts[1], service)),
        "provider": (await api.post("/v1/providers", {"name": "Unseen", "kind": "commercial"}, "coordinator")).json()["id"],
    }
    world = World(api, ids)
    hidden = await a_draft(api, code="unseen", name="Veryrareword", provider_id=ids["provider"])
    ids["hidden"] = hidden.json()["id"]
    async with asyncio.timeout(60):
        while not (offerings := (await api.get("/v1/offerings?limit=1")).json()["items"]) or not await world.is_found():
            await asyncio.sleep(0.1)
    ids["offerings"], ids["offerings_key"] = offerings[0]["id"], f"code/{offerings[0]['code']}"
    for kind in ("policies", "focus-areas", "organizations", "designations", "posts", "board-seats", "providers", "vehicles"):
        ids[kind] = (await api.get(f"/v1/{kind}?limit=1")).json()["items"][0]["id"]
    (code, *_) = (await api.get(f"/v1/organizations/{ids['organizations']}")).json()["codes"]
    ids["organizations_key"] = f"{code['scheme']}/{code['value']}"
    ids["match-reviews"] = ids["standards"] = "nothing"
    ids["function-mappings"] = "fedramp-storage"
    ids["plans"], ids["marketplaces"] = ids["submitted"], CYBER
    return world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    folder = DataFolder(tmp_path / "data")
    async with embedded(folder) as app:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=60) as client:
            yield await a_world(Api(app, client, folder.issuer, app.state.context.connections))


async def test_each_read_shows_what_the_table_says_to_whom_it_says(world: World) -> None:
    wrong = []
    for path, may in ONE.items():
        answers = {role: await world.read(role, path) for role in ROLES}
        assert {answer.status_code for answer in answers.values()} <= {200, 404}, (path, answers)
        if (shown := {role for role, answer in answers.items() if answer.status_code == 200}) != may:
            wrong.append((path, sorted(shown ^ may)))
    for path, things in MANY.items():
        answers = {role: await world.read(role, path) for role in ROLES}
        assert {answer.status_code for answer in answers.values()} == {200}, (path, answers)
        for thing, may in things.items():
            if (shown := {role for role, answer in answers.items() if world.ids[thing] in answer.text}) != may:
                wrong.append((path, sorted(shown ^ may)))

    assert not wrong, wrong


async def test_what_is_public_is_shown_to_everybody_and_all_else_to_those_it_is_for(world: World) -> None:
    document = (await world.api.get("/openapi.json")).json()
    reads = [path for path, method, _ in operations(document) if method == "get" and owner_of(path) in {"registry", "catalog"}]
    wrong = []
    for path in reads:
        expected = next((status for prefix, status in ALIKE.items() if path.startswith(prefix)), 200)
        readers = FEDERAL if path.startswith(OF_FEDERAL) else OPERATORS if path.startswith(OF_OPERATORS) else ALL
        statuses = {role: (await world.read(role, world.of_public(path))).status_code for role in ROLES}
        if {role for role, status in statuses.items() if status == expected} != readers:
            wrong.append((path, statuses))

    assert len(reads) > 60
    assert not wrong, wrong
