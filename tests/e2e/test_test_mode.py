"""Test mode: an installation beside the live one, with the same tokens and a clock that may be moved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from services.commandline.modes import Modes
from services.embedded import embedded
from services.gateway.webhooks.schedule import DELAYS_S
from services.installation import DataFolder
from tests.support.receiver import a_receiver

TEST = {"QSMO-Mode": "test"}
CLOCK = "/v1/test/clock"


class World:
    """One server with both modes; `at` a client of it in test mode unless said otherwise."""

    def __init__(self, modes: Modes, folder: DataFolder) -> None:
        self.modes = modes
        self.folder = folder

    def at(self, *roles: str, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
        given = dict(TEST if headers is None else headers)
        if roles:
            given["Authorization"] = f"Bearer {self.folder.issuer.token(subject='tester', roles=list(roles))}"
        transport = httpx.ASGITransport(self.modes, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=given, timeout=60)


@asynccontextmanager
async def a_world(tmp_path: Path) -> AsyncIterator[World]:
    folder = DataFolder(tmp_path / "data")
    async with embedded(folder, starter=False) as live:
        modes = Modes(live, folder, url="", starter=False)
        yield World(modes, folder)
        modes.end_streams()
        await modes.close()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path) as world:
        yield world


async def now(client: httpx.AsyncClient) -> datetime:
    return datetime.fromisoformat((await client.get(CLOCK)).json()["now"])


async def pass_by(client: httpx.AsyncClient, *, step_days: int = 1, **time: float) -> httpx.Response:
    to = await now(client) + timedelta(**time)
    answer = await client.post(CLOCK, json={"to": to.isoformat(), "step_s": step_days * 86_400})
    assert answer.status_code == 200, answer.text
    return answer


async def told(client: httpx.AsyncClient, *types: str, until: Callable[[list[Any]], bool]) -> list[dict[str, Any]]:
    """Events of these types, as soon as that holds of them."""
    async with asyncio.timeout(20):
        while True:
            found: list[Any] = (await client.get("/v1/events", params={"type": list(types), "limit": 1_000})).json()["items"]
            if until(found):
                return found
            await asyncio.sleep(0.02)


async def attempts(client: httpx.AsyncClient, id: str, *, count: int) -> list[dict[str, Any]]:
    """At least so many, oldest first."""
    async with asyncio.timeout(20):
        while True:
            found: list[Any] = (await client.get(f"/v1/webhooks/{id}/deliveries")).json()["items"]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.02)


async def test_what_is_done_in_test_mode_is_not_seen_live(world: World) -> None:
    body = {"name": "Office of Tests", "kind": "office", "codes": []}
    async with world.at("coordinator", "omb") as test, world.at("coordinator", "omb", headers={}) as live:
        made = await test.post("/v1/organizations", json=body)
        there, here = await test.get(made.headers["location"]), await live.get(made.headers["location"])
        unknown = await live.get("/v1/organizations", headers={"QSMO-Mode": "tset"})
        clock = await live.get(CLOCK)

    assert (made.status_code, made.headers["qsmo-mode"]) == (201, "test")
    assert (there.status_code, here.status_code, clock.status_code) == (200, 404, 404)
    assert (unknown.status_code, unknown.json()["type"]) == (400, "/problems/malformed")


async def test_two_years_pass_in_seconds_and_tell_what_they_would_have_told(world: World) -> None:
    async with world.at("coordinator", "omb") as client:
        begun = await now(client)
        ends_on = (begun + timedelta(days=600)).date()
        terms = {"title": "Schedule", "kind": "mas_sin", "holder": "GSA", "ordering_to": str(ends_on)}
        made = await client.post("/v1/vehicles", json={"number": "GSA MAS", **terms})
        assert made.status_code == 201, made.text
        passed = await pass_by(client, days=731, step_days=3)
        notices = ("qsmo.catalog.vehicle.expiring", "qsmo.catalog.vehicle.expired")
        found = await told(client, *notices, until=lambda events: len(events) >= 4)

    days = [(ends_on - datetime.fromisoformat(event["time"]).date()).days for event in found]
    assert passed.json()["steps"] == 244
    assert [event["type"].split(".")[-2] for event in found] == ["expiring"] * 3 + ["expired"]
    assert [0 <= wanted - day <= 3 for day, wanted in zip(days, (180, 90, 30, 0), strict=True)] == [True] * 4
    ahead = datetime.fromisoformat(passed.json()["now"]) - datetime.now(UTC)
    assert abs(ahead - timedelta(days=731)) < timedelta(minutes=5)


async def test_the_retries_of_a_webhook_take_as_long_as_the_clock_is_moved(world: World) -> None:
    async with a_receiver() as receiver, world.at("coordinator", "omb") as client:
        receiver.answer = lambda _: (500, {}, 0.0)
        hook = (await client.post("/v1/webhooks", json={"url": receiver.url})).json()
        (secret,) = (await client.get(f"/v1/webhooks/{hook['id']}/secrets")).json()["items"]
        await client.post("/v1/organizations", json={"name": "Office of Tests", "kind": "office", "codes": []})
        for n, delay_s in enumerate(DELAYS_S, start=1):
            await attempts(client, hook["id"], count=n)
            if n == len(DELAYS_S):
                receiver.answer = lambda _: (204, {}, 0.0)
            await pass_by(client, seconds=delay_s * 0.8)
            await asyncio.sleep(0.05)
            assert len(receiver.got) == n  # not yet
            await pass_by(client, seconds=delay_s * 0.35)
        log = await attempts(client, hook["id"], count=len(DELAYS_S) + 1)

    first = [attempt["delivered"] for attempt in log if attempt["seq"] == log[0]["seq"]]
    assert first == [False] * len(DELAYS_S) + [True]
    last = receiver.got[-1]
    Webhook(secret["secret"]).verify(last.body, last.headers)  # by the receiver's own clock


async def test_the_clock_is_moved_by_few_and_not_back(world: World) -> None:
    async with world.at("coordinator") as mover, world.at("agency:070:cio") as other, world.at() as anybody:
        later = {"to": (await now(mover) + timedelta(days=1)).isoformat()}
        refused = [(await client.post(CLOCK, json=later)).status_code for client in (anybody, other)]
        looked = await mover.post(CLOCK + "?validate_only=true", json=later)
        back = await mover.post(CLOCK, json={"to": "2020-01-01T00:00:00Z"})
        far = await mover.post(CLOCK, json={"to": "2999-01-01T00:00:00Z"})
        ahead = (await mover.get(CLOCK)).json()["ahead_s"]

    assert refused == [401, 403]
    assert (looked.status_code, looked.json()["steps"], ahead) == (200, 1, 0.0)
    assert (back.status_code, far.status_code, far.json()["errors"][0]["pointer"]) == (409, 422, "/step_s")


async def test_the_clock_stays_where_it_was_when_the_server_starts_again(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world, world.at("omb") as client:
        await pass_by(client, days=40)
    async with a_world(tmp_path) as world, world.at("omb") as client:
        assert (await client.get(CLOCK)).json()["ahead_s"] == pytest.approx(40 * 86_400, abs=60)
