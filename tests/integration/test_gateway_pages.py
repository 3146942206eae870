from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI, Request, Response

from services.embedded import embedded
from services.gateway.consumers.feed import FeedWriter
from services.gateway.feed.live import Live
from services.gateway.feed.reading import FeedReader
from services.installation import DataFolder
from shared.db import Database
from shared.kernel.cause import Cause
from shared.web.draining import Draining
from tests.unit.gateway.builders import Harness, a_gateway, an_event, append, served

DEADLINE_S = 0.6
AGENCY = "0190a1b2-0000-7000-8000-000000000001"
OFFERING = "0190a1b2-0000-7000-8000-000000000002"
AREAS = [{"id": "cybersecurity", "title": "Cybersecurity", "services": []}]


class Busy:
    """Questions under way at all owners together."""

    now = 0
    peak = 0

    def __enter__(self) -> None:
        self.now += 1
        self.peak = max(self.peak, self.now)

    def __exit__(self, *_raised: object) -> None:
        self.now -= 1


class Owner:
    """A service that answers every question with the question, or fails as told; counts."""

    def __init__(self, name: str, busy: Busy | None = None) -> None:
        self.name = name
        self.busy = busy or Busy()
        self.fault = ""
        self.asked: Counter[str] = Counter()
        self.wait_s = 0.0
        self.app = FastAPI(openapi_url=None)
        self.app.add_api_route("/{rest:path}", self.answer, methods=["GET"])

    async def answer(self, rest: str, request: Request) -> Response:
        self.asked[f"/{rest}"] += 1
        with self.busy:
            await asyncio.sleep(30 if self.fault == "slow" else self.wait_s)
        if self.fault == "garbage":
            return Response(b"<html>not json", 200)
        if self.fault == "list":
            return Response(b"[1, 2]", 200)
        if self.fault == "error":
            return Response(b"oops", 500)
        if "nowhere" in rest:
            return Response(b"{}", 404)
        signed = "authorization" in request.headers
        body = {"path": rest, "query": request.url.query, "signed": signed, "id": AGENCY, "n": self.asked.total()}
        body |= {"items": AREAS if rest == "v1/focus-areas" else [], "counts": []}
        return Response(orjson.dumps(body), 200, media_type="application/json")


@asynccontextmanager
async def broken_off() -> AsyncIterator[str]:
    """A service whose answers end in the middle."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"begun":')
        await writer.drain()
        writer.transport.abort()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


class World:
    def __init__(self, harness: Harness, owners: dict[str, Owner]) -> None:
        self.harness = harness
        self.owners = owners

    async def page(self, path: str = "/v1/areas/cybersecurity/overview", *roles: str, **headers: str) -> httpx.Response:
        async with self.harness.client(*roles) as client:
            return await client.get(path, headers=headers)

    @property
    def asked(self) -> int:
        return sum(owner.asked.total() for owner in self.owners.values())


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    busy = Busy()
    owners = {name: Owner(name, busy) for name in ("registry", "catalog", "adoption")}
    url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
    async with (
        served(owners["registry"].app) as registry,
        served(owners["catalog"].app) as catalog,
        served(owners["adoption"].app) as adoption,
        a_gateway(
            url,
            tmp_path,
            registry_url=registry,
            catalog_url=catalog,
            adoption_url=adoption,
            compose_deadline_s=DEADLINE_S,
            circuit_failures=1_000,
        ) as harness,
    ):
        yield World(harness, owners)


@pytest.mark.parametrize(
    ("path", "sections"),
    [
        (
            "/v1/areas/cybersecurity/overview",
            {"area", "designations", "plans", "marketplace", "offerings", "adoptions", "stalled"},
        ),
        (
            f"/v1/agencies/{AGENCY}/overview",
            {"organization", "designations", "hosted_plans", "portfolio", "stalled"}
            | {"adoption_states", "next_steps", "iaps", "savings"}
            | {"expiring", "expiring_iaps", "expiring_authorizations", "expiring_vehicles"},
        ),
        (f"/v1/offerings/{OFFERING}/overview", {"offering", "revisions", "adoptions", "how_to_buy", "feedback", "fits"}),
    ],
)
async def test_a_page_has_all_its_sections_asked_at_once_and_on_behalf_of_the_caller(
    world: World, path: str, sections: set[str]
) -> None:
    for owner in world.owners.values():
        owner.wait_s = 0.3
    page = (await world.page(path, "omb")).json()

    assert set(page) == sections | {"id", "missing"}
    assert page["missing"] == []
    assert all(page[name]["signed"] for name in sections)
    assert world.owners["registry"].busy.peak == world.asked >= 3, "all at once"


@pytest.mark.parametrize("fault", ["slow", "garbage", "list", "error"])
async def test_a_service_in_trouble_is_named_with_since_when_and_the_rest_is_served_in_time(world: World, fault: str) -> None:
    world.owners["catalog"].fault = fault
    await world.page("/v1/areas/warm-up/overview")
    begun = time.monotonic()
    first = (await world.page()).json()
    took_s = time.monotonic() - begun
    second = (await world.page()).json()

    away = first["marketplace"]["unavailable"]
    assert (away["service"], first["missing"]) == ("catalog", ["catalog"])
    assert away["since"] == second["marketplace"]["unavailable"]["since"]
    assert first["area"]["path"] == "v1/focus-areas/cybersecurity"
    assert first["adoptions"]["path"] == "v1/adoptions"
    assert took_s < DEADLINE_S + 0.05
    assert fault == "slow" or took_s < 0.4


async def test_a_service_that_breaks_off_or_is_not_there_is_named(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
    async with (
        broken_off() as catalog,
        served(Owner("registry").app) as registry,
        a_gateway(url, tmp_path, registry_url=registry, catalog_url=catalog, compose_deadline_s=DEADLINE_S) as harness,
        harness.client() as client,
    ):
        page = (await client.get("/v1/areas/cybersecurity/overview")).json()

    assert page["missing"] == ["catalog", "adoption"]
    assert page["designations"]["path"] == "v1/designations"


async def test_even_the_subject_of_a_page_may_be_away(world: World) -> None:
    world.owners["registry"].fault = "error"
    page = await world.page()

    assert page.status_code == 200
    assert page.json()["area"]["unavailable"]["service"] == "registry"
    assert page.json()["offerings"]["path"] == "v1/offerings"


async def test_what_is_not_there_is_404_whole_or_null_in_part(world: World) -> None:
    assert (await world.page("/v1/areas/nowhere/overview")).status_code == 404
    assert (await world.page("/v1/areas/Not%20A%20Slug/overview")).status_code == 400


async def test_a_circuit_opens_after_failures_in_a_row_and_closes_again(tmp_path: Path) -> None:
    owner = Owner("catalog")
    url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
    limits: dict[str, Any] = {"circuit_failures": 4, "circuit_open_s": 1.5, "compose_deadline_s": 0.5}
    async with (
        served(owner.app) as catalog,
        served(Owner("registry").app) as registry,
        served(Owner("adoption").app) as adoption,
        a_gateway(url, tmp_path, registry_url=registry, catalog_url=catalog, adoption_url=adoption, **limits) as harness,
        harness.client() as client,
    ):
        owner.fault = "slow"
        for _ in range(2):
            await client.get("/v1/areas/cybersecurity/overview")
        asked = owner.asked.total()
        begun = time.monotonic()
        opened = (await client.get("/v1/areas/cybersecurity/overview")).json()
        took_s = time.monotonic() - begun
        unasked = owner.asked.total() - asked
        owner.fault = ""
        await asyncio.sleep(1.6)
        closed = (await client.get("/v1/areas/cybersecurity/overview")).json()

    assert (asked, unasked, opened["missing"]) == (4, 0, ["catalog"])
    assert took_s < 0.45
    assert closed["missing"] == []


# --- kept


async def test_a_page_is_kept_until_a_fact_concerns_it(world: World) -> None:
    first = await world.page()
    asked = world.asked
    assert (await world.page()).content == first.content
    assert world.asked == asked

    await append(world.harness.gateway, an_event(focus_area="acquisition", subject="other"))
    await world.page()
    assert world.asked == asked, "this fact concerns another area"

    for concerned in (
        an_event(focus_area="cybersecurity"),
        an_event(subject="cybersecurity"),
        an_event(data={"focus_areas": ["acquisition", "cybersecurity"]}),
        an_event(subject=AGENCY),
    ):
        before = world.asked
        await append(world.harness.gateway, concerned)
        await world.page()
        assert world.asked > before
        again = world.asked
        await world.page()
        assert world.asked == again


async def test_a_fact_that_another_process_appended_counts_too(world: World) -> None:
    await world.page()
    asked = world.asked
    other = Database(world.harness.gateway.settings.database_url.get_secret_value())
    async with other.transaction(Cause(actor="tests")) as tx:
        await FeedWriter(Live(FeedReader(other))).append(tx, [an_event(focus_area="cybersecurity")])
    await other.close()
    await asyncio.sleep(0.3)
    await world.page()

    assert world.asked > asked


async def test_a_fact_while_a_page_is_put_together_keeps_it_from_being_kept(world: World) -> None:
    for owner in world.owners.values():
        owner.wait_s = 0.2
    asking = asyncio.create_task(world.page())
    await asyncio.sleep(0.1)
    await append(world.harness.gateway, an_event(focus_area="cybersecurity"))
    await asking
    asked = world.asked
    await world.page()

    assert world.asked > asked


async def test_a_page_is_fresh_for_so_long_only(tmp_path: Path) -> None:
    owner = Owner("catalog")
    url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
    async with (
        served(owner.app) as catalog,
        served(Owner("adoption").app) as adoption,
        a_gateway(url, tmp_path, catalog_url=catalog, adoption_url=adoption, page_fresh_s=0.2) as harness,
        harness.client() as client,
    ):
        for _ in range(3):
            await client.get(f"/v1/offerings/{OFFERING}/overview")
        asked = owner.asked.total()
        await asyncio.sleep(0.25)
        await client.get(f"/v1/offerings/{OFFERING}/overview")

    assert (asked, owner.asked.total()) == (3, 6)


async def test_a_page_that_is_not_whole_is_not_kept(world: World) -> None:
    world.owners["catalog"].fault = "error"
    await world.page()
    world.owners["catalog"].fault = ""

    assert (await world.page()).json()["missing"] == []


async def test_each_caller_has_a_page_of_their_own(world: World) -> None:
    public = (await world.page()).json()
    signed = await world.page("/v1/areas/cybersecurity/overview", "omb")
    other = await world.page("/v1/areas/cybersecurity/overview", "auditor")

    assert (public["area"]["signed"], signed.json()["area"]["signed"]) == (False, True)
    assert signed.content != other.content
    assert signed.headers["cache-control"] == "private, no-cache"
    assert "Authorization" in signed.headers["vary"]


async def test_a_page_that_did_not_change_is_304(world: World) -> None:
    first = await world.page()
    same = await world.page(**{"If-None-Match": first.headers["etag"]})
    await append(world.harness.gateway, an_event(focus_area="cybersecurity"))
    changed = await world.page(**{"If-None-Match": first.headers["etag"]})

    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", first.headers["etag"])
    assert changed.status_code == 200


async def test_the_regime_is_kept_until_a_fact_concerns_it_and_is_304_when_it_did_not_change(world: World) -> None:
    first = await world.page("/v1/regime")
    asked = world.asked
    same = await world.page("/v1/regime", "omb", **{"If-None-Match": first.headers["etag"]})
    of_a_day = await world.page("/v1/regime?as_of=2020-05-01")

    assert first.json()["items"][0]["id"] == "cybersecurity"
    assert first.json()["missing"] == []
    assert first.headers["cache-control"] == "public, no-cache"
    assert (same.status_code, same.content) == (304, b"")
    assert of_a_day.json()["as_of"] == "2020-05-01"
    assert world.asked == asked + 5, "the day is another page; the first was at hand"
    for concerned in (
        an_event(focus_area="cybersecurity"),
        an_event(data={"focus_areas": ["acquisition", "cybersecurity"]}),
        an_event(source="/registry", type="qsmo.registry.focus_area.registered.v1", data={"focus_area": "new", "title": "New"}),
    ):
        before = world.asked
        await append(world.harness.gateway, concerned)
        await world.page("/v1/regime")
        await world.page("/v1/regime")
        assert world.asked == before + 5


async def test_a_regime_that_is_not_whole_is_not_kept_and_comes_in_time(world: World) -> None:
    world.owners["catalog"].fault = "slow"
    await world.page("/v1/regime?as_of=2020-05-01")  # the first connections are made
    begun = time.monotonic()
    first = (await world.page("/v1/regime")).json()
    took_s = time.monotonic() - begun
    world.owners["catalog"].fault = ""

    assert first["missing"] == ["catalog"]
    assert first["items"][0]["marketplace"]["unavailable"]["since"]
    assert took_s < DEADLINE_S + 0.05
    assert (await world.page("/v1/regime")).json()["missing"] == []


@pytest.mark.parametrize("roles", [(), ("omb",)], ids=["anybody", "omb"])
async def test_a_page_at_hand_is_answered_at_the_door_as_by_its_own_route(world: World, roles: tuple[str, ...]) -> None:
    path = "/v1/areas/cybersecurity/overview"
    first = await world.page(path, *roles, **{"X-Request-Id": "one"})
    world.harness.app.router.routes.clear()  # what is answered now is answered without them

    again = await world.page(path, *roles, **{"X-Request-Id": "one"})
    same = await world.page(path, *roles, **{"If-None-Match": f'"x", {first.headers["etag"]}'})

    left_out = {"x-frame-options", "referrer-policy", "cross-origin-opener-policy", "permissions-policy", "ratelimit"}
    fields = {name: value for name, value in first.headers.items() if name not in left_out}
    assert (again.status_code, again.content) == (200, first.content)
    assert {name: value for name, value in again.headers.items() if name != "ratelimit"} == fields
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", first.headers["etag"])


@pytest.mark.parametrize("wrapped", [lambda app: app, lambda app: Draining(app, seconds=1)], ids=["embedded", "cluster"])
async def test_over_a_server_a_page_at_hand_is_written_whole_and_reads_as_through_its_layers(
    world: World, wrapped: Callable[[FastAPI], Any]
) -> None:
    path = "/v1/areas/cybersecurity/overview"
    async with served(wrapped(world.harness.app)) as url, httpx.AsyncClient(base_url=url) as client:
        asked_for = await client.get(path)
        whole, inside = await client.get(path), await world.page(path)
        unchanged = await client.get(path, headers={"If-None-Match": asked_for.headers["etag"], "X-Request-Id": "mine"})
        head, after = await client.head(path), await client.get(path)
        world.harness.app.state.closing.set()
        last = await client.get(path)

    assert world.asked == len(asked_for.json()) - 2
    assert whole.content == inside.content == asked_for.content == after.content == last.content
    of_server = {"date", "server", "x-request-id", "ratelimit"}
    assert {k: v for k, v in whole.headers.items() if k not in of_server} == {
        k: v for k, v in inside.headers.items() if k not in of_server
    }
    assert of_server <= whole.headers.keys()
    assert (unchanged.status_code, unchanged.content, unchanged.headers["x-request-id"]) == (304, b"", "mine")
    assert (head.status_code, head.content) == (405, b"")
    assert (last.headers.get("connection") == "close") == (wrapped(world.harness.app) is not world.harness.app)


@pytest.mark.parametrize("headers", [{"QSMO-After": "registry@1/x"}, {"Authorization": "Bearer nonsense"}])
async def test_what_is_not_plain_is_left_to_the_route(world: World, headers: dict[str, str]) -> None:
    path = "/v1/areas/cybersecurity/overview"
    await world.page(path)
    world.harness.app.router.routes.clear()

    assert (await world.page(path, **headers)).status_code == 404
    assert (await world.page(path + "?x=1")).status_code == 404


async def test_a_token_opens_pages_at_hand_no_longer_than_it_is_valid(world: World) -> None:
    short = world.harness.issuer.token(
        subject="tester", roles=["omb"], lifetime_s=-27
    )  # 30 s of clocks that differ are allowed
    path, headers = "/v1/areas/cybersecurity/overview", {"Authorization": f"Bearer {short}"}

    found = [(await world.page(path, **headers)).status_code for _ in range(2)]
    await asyncio.sleep(4.1)

    assert found == [200, 200]
    assert (await world.page(path, **headers)).status_code == 401


# --- over the real services


async def test_the_pages_of_a_real_installation_are_whole(tmp_path: Path) -> None:
    async with embedded(DataFolder(tmp_path / "data")) as app:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=30) as client:
            async with asyncio.timeout(60):
                while not (offerings := (await client.get("/v1/offerings?area=cybersecurity")).json()["items"]):
                    await asyncio.sleep(0.1)
            area = (await client.get("/v1/areas/cybersecurity/overview")).json()
            lead = next(item["organization_id"] for item in area["designations"]["items"] if item["organization_id"])
            agency = (await client.get(f"/v1/agencies/{lead}/overview")).json()
            offering = (await client.get(f"/v1/offerings/{offerings[0]['id']}/overview")).json()

    for page in (area, agency, offering):
        assert page["missing"] == []
        assert not any(isinstance(part, dict) and part.keys() & {"unavailable", "refused"} for part in page.values())
    assert area["area"]["id"] == area["marketplace"]["id"] == "cybersecurity"
    assert area["offerings"]["items"]
    assert agency["organization"]["id"] == lead
    assert agency["designations"]["items"]
    assert offering["offering"]["id"] == offerings[0]["id"]
