"""Words are planted in every field that is not public; no route, page, search, export or event shows one to strangers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.embedded import embedded
from services.installation import DataFolder
from shared.web.document import operations
from tests.support.plans import a_content

AREA = "cybersecurity"
QSMO, AGENCY = f"qsmo:{AREA}", "agency:014:sapoc"
STRANGERS: dict[str, tuple[str, ...]] = {"anonymous": (), "provider": ("provider:somebody",)}
PAGES_MAX = 120
PLANTED = re.compile(r"zq[a-z]+zq")
GIVEN = {"area": AREA, "areas": AREA, "fiscal_year": "2027", "amount": "1000", "resource": "events", "size": "100",
         "by": "agency", "from": "1", "to": "2", "text": "99 %", "id": "x", "q": "zq"}  # fmt: skip


@dataclass
class World:
    client: httpx.AsyncClient
    folder: DataFolder
    words: set[str] = field(default_factory=set)
    # Ids of what words are planted in, where a list does not show them.
    within: set[str] = field(default_factory=set)

    def word(self, name: str) -> str:
        self.words.add(planted := f"zq{name}zq")
        return planted

    def headers(self, *roles: str, subject: str = "somebody") -> dict[str, str]:
        if not roles:
            return {}
        return {"Authorization": f"Bearer {self.folder.issuer.token(subject=subject, roles=list(roles))}"}

    async def get(self, path: str, *roles: str) -> httpx.Response:
        return await self.client.get(path, headers=self.headers(*roles))

    async def send(self, method: str, path: str, body: Any, *roles: str, subject: str = "somebody", of: str = "") -> Any:
        headers = self.headers(*roles, subject=subject)
        if of:
            headers["If-Match"] = (await self.get(of, "omb")).headers["etag"]
        answer = await self.client.request(method, path, json=body, headers=headers)
        assert answer.is_success, (path, answer.text)
        return answer.json()

    async def known(self, path: str, *roles: str) -> Any:
        """What is read, once it is there."""
        async with asyncio.timeout(60):
            while not (answer := await self.get(path, *roles)).is_success:
                await asyncio.sleep(0.1)
        return answer.json()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    folder = DataFolder(tmp_path / "data")
    async with embedded(folder) as app:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=60) as client:
            world = World(client, folder)
            await plant(world)
            yield world


async def plant(world: World) -> None:
    word = world.word
    interior = (await world.known("/v1/organizations/by-key/cgac/014"))["id"]
    dhs = (await world.known("/v1/organizations/by-key/cgac/070"))["id"]
    await _plant_in_the_catalog(world)
    post = {"kind": "cio", "organization_id": interior, "effective_on": "2026-01-01"}
    await world.send(
        "POST", "/v1/posts", {**post, "holder": {"name": word("holder"), "subject": word("subject")}}, "coordinator"
    )
    seat = {"title": "Council", "subject": word("seat")}
    await world.send("PUT", "/v1/board-seats/cio", seat, "coordinator", of="/v1/board-seats/cio")
    content = a_content(dhs, "dns-resolver")
    sections = {**content["sections"], "governance": word("plan")}
    plan = {"focus_area": AREA, "host_organization_id": dhs, "first_fiscal_year": 2027, "effective_on": "2026-11-01"}
    years = [{**year, "fiscal_year": year["fiscal_year"] + 7} for year in content["years"]]
    await world.send("POST", "/v1/plans", {**content, **plan, "sections": sections, "years": years}, QSMO)
    offering = (await world.known("/v1/offerings/by-key/code/vulnerability-disclosure-platform"))["id"]
    async with asyncio.timeout(60):  # until adoption has heard of both
        body = {"agency_id": interior, "offering_id": offering}
        while not (begun := await world.client.post("/v1/adoptions", json=body, headers=world.headers(AGENCY))).is_success:
            await asyncio.sleep(0.1)
    await _plant_in_adoption(world, interior, begun.json()["id"])


async def _plant_in_the_catalog(world: World) -> None:
    word = world.word
    values = {
        "name": "Seen by all", "kind": "service", "focus_areas": [AREA], "shelf": "recommended", "cost_method": word("cost"),
        "satisfaction": word("satisfaction"), "fibf_coverage": [{"fibf_id": "CYB.060.030", "coverage": "yes"}],
    }  # fmt: skip
    async with asyncio.timeout(60):  # until the marketplace is open
        while not (
            made := await world.client.post("/v1/offerings", json={"code": "seen", **values}, headers=world.headers(QSMO))
        ).is_success:
            await asyncio.sleep(0.1)
    path = f"/v1/offerings/{made.json()['id']}"
    await world.send("POST", f"{path}/submit", None, QSMO, subject="author", of=path)
    await world.send("POST", f"{path}/publish", None, QSMO, subject="reviewer", of=path)
    revised = {**values, "cost_method": word("revised")}
    await world.send("PUT", path, revised, QSMO, of=path)
    await world.send("POST", "/v1/offerings", {"code": "unseen", **values, "name": word("draft")}, QSMO)


async def _plant_in_adoption(world: World, agency: str, adoption: str) -> None:
    word, path = world.word, f"/v1/adoptions/{adoption}"
    own = {"agency_id": agency, "focus_area": AREA}
    levels = {"standings": {"finance": {"level": 2, "evidence": word("readiness")}}}
    await world.send("PUT", f"/v1/agencies/{agency}/readiness/{AREA}", levels, AGENCY)
    need = {"fibf_id": "CYB.060.030", "scale": "both", "comment": word("need")}
    await world.send("POST", "/v1/needs", {**own, "fiscal_year": 2027, "needs": [need]}, AGENCY)
    await world.send("POST", "/v1/systems", {**own, "number": "S-1", "name": word("system")}, AGENCY)
    entry = {"fiscal_year": 2027, "kind": "baseline", "amount": "5.00", "method": word("saving"), "source": "s",
             "confidence": "high"}  # fmt: skip
    await world.send("POST", f"{path}/savings", entry, AGENCY)
    await world.send("POST", f"{path}/hold", {"reason": word("hold")}, AGENCY, of=path)
    feedback = await world.send("POST", f"{path}/feedback", {"ratings": {"support": 2}, "text": word("feedback")}, AGENCY)
    source = {"kind": "feedback", "id": feedback["id"]}
    finding = {"focus_area": AREA, "title": word("finding"), "due_on": "2099-01-01", "sources": [source]}
    await world.send("POST", "/v1/findings", finding, "omb")
    await world.send("POST", "/v1/annual-plans/call", {"fiscal_year": 2027, "due_on": "2099-01-01"}, "coordinator")
    (called,) = (await world.get(f"/v1/annual-plans?agency_id={agency}", "omb")).json()["items"]
    world.within |= {called["id"], agency}
    stated = {"areas": [{"focus_area": AREA, "state": "not_planning", "why": word("annual")}]}
    of = f"/v1/annual-plans/{called['id']}"
    await world.send("PUT", of, stated, AGENCY, of=of)


async def addresses(world: World) -> list[str]:
    """Every GET operation of the one document, filled with what OMB finds."""
    document = (await world.client.get("/openapi.json")).json()
    gets = {path: operation for path, method, operation in operations(document) if method == "get"}
    ids: dict[str, list[str]] = {}
    for path in (path for path in gets if "{" not in path and "stream" not in path):
        answer = await world.get(f"{path}?{_query(gets[path])}", "omb")
        items = answer.json() if answer.headers.get("content-type") == "application/json" else {}
        found = items.get("items", []) if isinstance(items, dict) else []
        told = [item for item in found if isinstance(item, dict)]
        chosen = [item for item in told if PLANTED.search(str(item)) or item.get("id") in world.within] + told[:2]
        ids[path] = [str(item.get("id", item.get("seq", item.get("focus_area")))) for item in chosen]
    return [
        f"{address}?{_query(operation)}"
        for path, operation in gets.items()
        if "stream" not in path
        for address in _filled(path, ids)
    ]


def _query(operation: dict[str, Any]) -> str:
    named = [p["name"] for p in operation.get("parameters", ()) if p["in"] == "query" and p.get("required")]
    return "&".join(f"{name}={GIVEN.get(name, 'x')}" for name in named)


def _filled(path: str, ids: dict[str, list[str]]) -> Iterator[str]:
    collection = path.partition("/{")[0].replace("/v1/agencies", "/v1/organizations")
    fixed = {"slug": AREA, "area": AREA, "scheme": "code", "value": "seen", "n": "2", "figure": "adoptions_by_phase"}
    for id_ in dict.fromkeys(ids.get(collection, [])) or ["x"]:
        names = re.findall(r"\{(\w+)\}", path)
        yield path.format(**{name: fixed.get(name, id_) for name in names})
        if not names:
            return


async def test_no_route_tells_a_stranger_what_is_not_public(world: World) -> None:
    seen: set[str] = set()
    told: list[tuple[str, str, str]] = []
    for address in await addresses(world):
        seen.update(PLANTED.findall((await world.get(address, "omb")).text))
        for name, roles in STRANGERS.items():
            answer = await world.get(address, *roles)
            found = PLANTED.findall(answer.text + str(answer.headers))
            told += [(name, address, planted) for planted in found]

    assert told == []
    assert world.words - seen == set(), "what OMB does not find either proves nothing"


async def test_no_search_finds_for_a_stranger_what_is_not_shown(world: World) -> None:
    everything = (await world.get("/v1/search/offerings")).json()["count"]
    for planted in world.words:
        assert (await world.get(f"/v1/search/offerings?q={planted}")).json()["count"] == 0, planted
        assert (await world.get(f"/v1/offerings?q={planted}")).json()["items"] == [], planted
        suggested = (await world.get(f"/v1/search/suggestions?q={planted[:6]}")).json()
        assert not PLANTED.search(str(suggested))
    for name in ("cost_method", "satisfaction"):
        for question in (f'filter={name} = "x"', f"sort={name}", f"facets={name}"):
            for path in ("/v1/search/offerings", "/v1/offerings"):
                answer = await world.get(f"{path}?{question}")
                assert answer.status_code == 400, (path, question, answer.text)
    assert everything > 0


async def test_no_page_shows_a_stranger_what_is_not_public(world: World) -> None:
    waiting, visited = ["/"], set[str]()
    while waiting and len(visited) < PAGES_MAX:
        address = waiting.pop(0)
        visited.add(address)
        page = await world.get(address)
        assert PLANTED.findall(page.text) == [], address
        if page.headers.get("content-type", "").startswith("text/html"):
            links = re.findall(r'href="(/[^"#]*)', page.text)
            fresh = dict.fromkeys(link.replace("&amp;", "&") for link in links)
            waiting += [link for link in fresh if link not in visited and link not in waiting and "/static/" not in link]

    assert len(visited) > 40
