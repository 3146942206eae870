"""Every list that is filtered, sorted, counted and cut to fields: compared with a look at all its items."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import httpx
import orjson
import pytest
from sqlalchemy import func, literal, select

from services.embedded import embedded
from services.installation import DataFolder
from shared.db import Database
from shared.kernel.errors import Unavailable
from shared.kernel.time import utc_now
from shared.web.paging import PageRequest, page_of
from tests.support.plans import PlanOffice, a_content
from tests.support.registry import a_registry, an_organization
from tests.support.servers import PostgresServer
from tests.unit.catalog.test_fibf import a_capability, a_lifecycle

CYBER = "cybersecurity"
AGENCY = "agency:070:sapoc"
LISTS = {
    "/v1/policies": (),
    "/v1/focus-areas": (),
    "/v1/organizations": (),
    "/v1/organizations?as_of=2024-05-01": (),
    "/v1/organizations?known_at=2999-01-01T00:00:00Z": (),
    "/v1/designations": (),
    "/v1/designations?as_of=2024-05-01": (),
    "/v1/plans": ("omb",),
    "/v1/plans?as_of=2999-05-01": ("omb",),
    "/v1/marketplaces": (),
    "/v1/providers": (),
    "/v1/offerings": (),
    "/v1/vehicles": (),
    "/v1/standards": (),
    "/v1/adoptions": (AGENCY,),
    "/v1/adoptions?as_of=2999-05-01": (AGENCY,),
    "/v1/agreements": (AGENCY,),
    "/v1/systems": (AGENCY,),
    "/v1/needs": (AGENCY,),
    "/v1/iaps": (AGENCY,),
    "/v1/shortlists": (AGENCY,),
    "/v1/savings": (AGENCY,),
    "/v1/board-seats": (),
    "/v1/annual-plans": ("omb",),
    "/v1/provider-cases": (AGENCY,),
    "/v1/findings": ("omb",),
    "/v1/slas": (AGENCY,),
    "/v1/feedback": (AGENCY,),
    "/v1/posts": (),
    "/v1/posts?as_of=2999-05-01": (),
    "/v1/vacancies": (),
    "/v1/standards/fibf-ffm/items": (),
    "/v1/offerings/{offering}/revisions": (),
    "/v1/webhooks": (AGENCY,),
    "/v1/webhooks/{webhook}/deliveries": (AGENCY,),
    "/v1/api-keys": (AGENCY,),
}
# Where an item has no `id`.
KEYS = {"/v1/offerings/{offering}/revisions": "n"}
COMPARED: dict[str, Callable[[Any, Any], bool]] = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
# Where an item shows what a filter calls otherwise.
SHOWN: dict[str, Callable[[Any], Any]] = {
    "focus_area": lambda item: item.get("focus_area") or item.get("focus_areas") or item.get("areas"),
    "provider_id": lambda item: (item["provider"] or {}).get("id"),
    "provider_kind": lambda item: (item["provider"] or {}).get("kind"),
    "authorization_status": lambda item: (item["authorization"] or {}).get("status"),
    "authorization_expires_on": lambda item: (item["authorization"] or {}).get("expires_on"),
    "impact_level": lambda item: (item["authorization"] or {}).get("impact_level"),
    "stalled": lambda item: item["stall"] is not None,
}


def in_days(days: int) -> str:
    """What is due or ends is still to come whenever this runs."""
    return (utc_now().date() + timedelta(days=days)).isoformat()


@dataclass(frozen=True)
class Folder(DataFolder):
    """Whose databases are on a server."""

    server: PostgresServer | None = None

    def database_url(self, service: str) -> str:
        if self.server is None:
            return super().database_url(service)
        return self.server.create_database(f"{service}_{uuid4().hex}")


@dataclass
class World:
    """The whole program with its starter data, and one thing at least of every list."""

    client: httpx.AsyncClient
    folder: DataFolder
    ids: dict[str, str] = field(default_factory=dict)

    def headers(self, *roles: str, subject: str = "tester") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.folder.issuer.token(subject=subject, roles=list(roles))}"} if roles else {}

    async def get(self, path: str, *roles: str, **params: Any) -> httpx.Response:
        url = httpx.URL(path.format(**self.ids) if "{" in path else path).copy_merge_params(params)
        return await self.client.get(url, headers=self.headers(*roles))

    async def post(self, path: str, body: Any, *roles: str) -> Any:
        """Again and again until all that it refers to is known."""
        for _ in range(80):
            answer = await self.client.post(path, json=body, headers=self.headers(*roles))
            if answer.is_success:
                return answer.json()
            await asyncio.sleep(0.1)
        raise AssertionError(answer.text)

    async def all(self, path: str, *roles: str, **params: Any) -> list[Any]:
        """Page by page."""
        items: list[Any] = []
        cursor: dict[str, str] = {}
        while True:
            answer = await self.get(path, *roles, **params, **cursor)
            assert answer.status_code == 200, (path, params, answer.text)
            items += answer.json()["items"]
            if answer.json()["next_cursor"] is None:
                return items
            cursor = {"cursor": answer.json()["next_cursor"]}

    async def furnish(self) -> None:
        agency = await self._known("/v1/organizations/by-key/cgac/070")
        office = PlanOffice(self.client, lambda subject, roles: self.folder.issuer.token(subject=subject, roles=roles))
        for year in (2020, 2021):
            body = {"focus_area": CYBER, "host_organization_id": agency, "first_fiscal_year": year}
            await self.post("/v1/plans", body | a_content(agency, "dns-resolver", first_year=year), f"qsmo:{CYBER}")
        assert office.area == CYBER
        for number in ("A", "B"):
            vehicle = {"number": number, "title": "T", "kind": "bpa", "holder": "H"}
            await self.post("/v1/vehicles", vehicle | ({"ordering_to": "2031-05-01"} if number == "B" else {}), "coordinator")
            system = {"agency_id": agency, "number": number, "name": f"Alerts {number}", "focus_area": CYBER}
            await self.post("/v1/systems", system | {"capabilities": ["CYB.060.030"], "costs": {}}, AGENCY)
        for code, day in (("soc-services", in_days(300)), ("protective-dns", in_days(30))):
            offering = await self._known(f"/v1/offerings/by-key/code/{code}")
            adoption = await self.post("/v1/adoptions", {"agency_id": agency, "offering_id": offering}, AGENCY)
            terms = {"number": code, "kind": "iaa", "begins_on": "2026-10-01", "ends_on": day, "funding": {}, "scope": "All"}
            await self.post("/v1/agreements", {"adoption_id": adoption["id"], **terms}, AGENCY)
            saved = {"fiscal_year": 2026, "kind": "baseline", "amount": "12.00", "hours": 40, "confidence": "medium"}
            told = {**saved, "method": "Counted", "source": "Budget"}
            await self.post(f"/v1/adoptions/{adoption['id']}/savings", told, AGENCY)
            sla = {"measure_id": f"M.{code}", "target": ">=80%"}
            await self.post(f"/v1/adoptions/{adoption['id']}/slas", sla, AGENCY)
            rated = {"ratings": {"satisfaction": 4}, "text": "Quick"}
            feedback = await self.post(f"/v1/adoptions/{adoption['id']}/feedback", rated, AGENCY)
            source = {"kind": "feedback", "id": feedback["id"]}
            finding = {"focus_area": CYBER, "title": f"Slow {code}", "due_on": in_days(150), "sources": [source]}
            await self.post("/v1/findings", finding, "coordinator")
            case = {"agency_id": agency, "focus_area": CYBER, "title": code, "option": "new_customers", "papers": {}}
            await self.post("/v1/provider-cases", case, AGENCY)
        for year, days in ((2026, 60), (2027, 425)):
            call = {"fiscal_year": year, "due_on": in_days(days)}
            await self.post("/v1/annual-plans/call", call, "coordinator")
            needs = {"agency_id": agency, "focus_area": CYBER, "fiscal_year": year, "shared": year == 2027}
            needed = {**needs, "needs": [{"fibf_id": "CYB.060.030", "scale": "system"}]}
            stated = await self.post("/v1/needs", needed, AGENCY)
            await self.post("/v1/shortlists", {"needs_id": stated["id"], "offering_ids": [offering]}, AGENCY)
            await self.post("/v1/board-seats", {"id": f"seat-{year}", "title": f"Seat {year}", "council": "cio"}, "coordinator")
        iap = {"agency_id": agency, "areas": [CYBER], "title": "Another resolver", "fiscal_year": 2027}
        await self.post(
            "/v1/iaps", {**iap, "amount": {"amount": "2500000.00"}, "new_system": True, "in_marketplace": False}, AGENCY
        )
        self.ids["offering"] = offering
        for kind, holder in (("sapoc", None), ("cio", {"name": "A person"})):
            post = {"kind": kind, "organization_id": agency, "effective_on": "2024-05-01", "holder": holder}
            await self.post("/v1/posts", post, "coordinator")
        hook = {"url": "http://127.0.0.1:1/", "filters": {"types": ["qsmo.catalog.offering"]}, "after": 0}
        self.ids["webhook"] = (await self.post("/v1/webhooks", hook, AGENCY))["id"]
        await self.post("/v1/webhooks", hook | {"url": "http://127.0.0.1:2/", "description": "The other"}, AGENCY)
        for _ in range(2):
            await self.post(f"/v1/webhooks/{self.ids['webhook']}/ping", {}, AGENCY)
        for name, scope in (("B", "all:read"), ("A", "registry:read")):
            await self.post("/v1/api-keys", {"name": name, "scopes": [scope]}, AGENCY)
        content = orjson.dumps(a_lifecycle(a_capability(), a_capability("FFM.010.010.012")))
        await self.client.post("/v1/imports/standards", content=content, headers=self.headers("standards:x"))
        await self._known("/v1/standards/fibf-ffm")

    async def _known(self, path: str) -> str:
        for _ in range(300):
            answer = await self.get(path)
            if answer.is_success:
                return str(answer.json()["id"])
            await asyncio.sleep(0.1)
        raise AssertionError(answer.text)


@asynccontextmanager
async def a_world(path: Path, server: PostgresServer | None) -> AsyncIterator[World]:
    folder = Folder(path, server)
    async with embedded(folder) as app:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=60) as client:
            world = World(client, folder)
            await world.furnish()
            yield world


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    server = cast("PostgresServer", request.getfixturevalue("postgres")) if request.param == "postgres" else None
    async with a_world(tmp_path, server) as world:
        yield world


async def test_lists_are_filtered_sorted_counted_and_cut_as_a_look_at_all_their_items_says(world: World) -> None:
    told: dict[str, list[str]] = {}
    for path, roles in LISTS.items():
        items = await world.all(path, *roles)
        assert items, path
        told[path] = [
            *await _filters(world, path, roles, items),
            *await _sorts(world, path, roles, items),
            *await _fields(world, path, roles, items),
        ]

    assert {path: faults for path, faults in told.items() if faults} == {}


async def test_neither_a_filter_nor_a_count_tells_of_what_the_caller_may_not_see(tmp_path: Path) -> None:
    async with a_world(tmp_path, None) as world:
        plan = (await world.get("/v1/plans", "omb")).json()["items"][0]
        agreement = (await world.get("/v1/agreements", AGENCY)).json()["items"][0]
        unseen = {
            f'/v1/plans?filter=id = "{plan["id"]}"': [(), ("qsmo:grants-management",)],
            "/v1/plans?filter=not state = complete": [(), ("qsmo:grants-management",)],
            f'/v1/agreements?filter=id = "{agreement["id"]}" or not id = x': [(), ("agency:024:sapoc",), ("provider:x",)],
            f"/v1/systems?filter=not focus_area = {CYBER} or number = A": [(), ("agency:024:sapoc",)],
        }
        for path, callers in unseen.items():
            for roles in callers:
                found = (await world.get(path, *roles, count="true")).json()
                assert (found["items"], found["count"]) == ([], 0), (path, roles)
        federal = await world.get("/v1/offerings", filter="cost_method = x")

    assert (federal.status_code, federal.json()["errors"][0]["pointer"]) == (400, "query:filter")


async def test_what_a_list_does_not_have_is_refused_with_the_place_and_what_there_is(tmp_path: Path) -> None:
    refused = {
        "filter=kind = agency and (": "At character 20",
        "filter=kind > agency": "kind can be equal (=) or not (!=), not >.",
        "filter=" + "(" * 21 + "kind = x" + ")" * 21: "at most 20 brackets",
        "filter=" + " or ".join(["id = x"] * 101): "at most 100 comparisons",
        "sort=parent_id": "This list is sorted by: id, -id, name, -name.",
        "fields=id,secret": "There is no field 'secret'",
    }
    async with a_registry(f"sqlite+aiosqlite:///{tmp_path}/registry.db", tmp_path) as api:
        for name in ("A", "B"):
            await an_organization(api, name)
        for query, detail in refused.items():
            answer = await api.get(f"/v1/organizations?{query}")
            assert answer.status_code == 400, query
            assert detail in answer.json()["errors"][0]["detail"], answer.text
        first = (await api.get("/v1/organizations?sort=-name&limit=1")).json()
        turned = await api.get(f"/v1/organizations?sort=name&cursor={first['next_cursor']}")

    assert ([item["name"] for item in first["items"]], "count" in first) == (["B"], False)
    assert (turned.status_code, turned.json()["errors"][0]["pointer"]) == (422, "query:cursor")


@pytest.mark.postgres
async def test_counting_that_takes_too_long_is_given_up_and_the_list_goes_on(postgres: PostgresServer) -> None:
    db = Database(postgres.create_database(f"count_{uuid4().hex}"))
    slow = select(literal("a").label("id"), func.pg_sleep(30).label("slept")).subquery()
    query = select(slow.c.id).where(slow.c.slept.is_not(None))
    try:
        async with asyncio.timeout(10):
            with pytest.raises(Unavailable, match="Counting took longer than 2 s"):
                async with db.reading() as tx:
                    await page_of(tx, query, by=[slow.c.id], request=PageRequest(count=True), read=dict)
            await db.ping()
    finally:
        await db.close()


async def _filters(world: World, path: str, roles: tuple[str, ...], items: list[Any]) -> list[str]:
    """Every field there is, by a value of an item in the middle; what differs."""
    faults, key = [], KEYS.get(path, "id")
    for name in await _named(world, path, roles, filter="zz = x"):
        for text, is_wanted in _conditions(name, items, key):
            wanted = [item[key] for item in items if is_wanted(item)]
            found = await world.all(path, *roles, filter=text)
            counted = (await world.get(path, *roles, filter=text, count="true", limit="1")).json()["count"]
            if [item[key] for item in found] != wanted or counted != len(wanted):
                faults.append(f"{text}: {len(found)} and count {counted} for {len(wanted)}")
    return faults


async def _named(world: World, path: str, roles: tuple[str, ...], **params: str) -> list[str]:
    answer = await world.get(path, *roles, **params)
    assert answer.status_code == 400, (path, answer.text)
    names = answer.json()["errors"][0]["detail"].rpartition(": ")[2].rstrip(".").split(", ")
    assert KEYS.get(path, "id") in names, answer.text
    return list(names)


def _conditions(name: str, items: list[Any], key: str) -> Iterator[tuple[str, Callable[[Any], bool]]]:
    shown = SHOWN.get(name, lambda item: item[name])
    known = [shown(item) for item in items if shown(item) not in (None, [])]
    value = known[len(known) // 2] if known else None
    if value is None:
        return
    one = value[0] if isinstance(value, list) else value
    written = {True: "yes", False: "no"}[one] if isinstance(one, bool) else f'"{one}"'

    def equals(item: Any) -> bool:
        return one in (shown(item) or []) if isinstance(value, list) else bool(shown(item) == one)

    def differs(item: Any) -> bool:
        return not equals(item)

    def equals_and_is_not_first(item: Any) -> bool:
        return equals(item) and item[key] != items[0][key]

    yield f"{name} = {written}", equals
    yield f"{name} != {written}", differs
    yield f'{name} in ({written}) and not {key} = "{items[0][key]}"', equals_and_is_not_first
    if name.endswith("_on") or (isinstance(one, int) and not isinstance(one, bool)):
        for sign, holds in COMPARED.items():
            yield f"{name} {sign} {written}", partial(_is_known_and, shown, holds, one)


def _is_known_and(shown: Callable[[Any], Any], holds: Callable[[Any, Any], bool], one: Any, item: Any) -> bool:
    return shown(item) is not None and holds(shown(item), one)


async def _sorts(world: World, path: str, roles: tuple[str, ...], items: list[Any]) -> list[str]:
    """In pages of a third, so that cursors have to hold. By key: a webhook is on its way through the feed meanwhile."""
    faults, key = [], KEYS.get(path, "id")
    limit = str(min(len(items) // 3 + 1, 200))
    for way in await _named(world, path, roles, sort="zz"):
        name = way.removeprefix("-")
        wanted = sorted(items, key=operator.itemgetter(name, key), reverse=way != name)
        found = await world.all(path, *roles, sort=way, limit=limit)
        if [item[key] for item in found] != [item[key] for item in wanted]:
            faults.append(f"sort={way}")
    return faults


async def _fields(world: World, path: str, roles: tuple[str, ...], items: list[Any]) -> list[str]:
    names = await _named(world, path, roles, fields="zz")
    if names != list(items[0]):
        return [f"fields: {names}"]
    chosen = [names[-1], names[2]]
    answer = await world.get(path, *roles, fields=",".join(chosen), limit="1")
    return [] if answer.json()["items"] == [{n: items[0][n] for n in names if n in {"id", *chosen}}] else [answer.text]
