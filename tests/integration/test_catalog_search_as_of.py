"""A search of a past day answers what a look at the tables said on that day: hits, counts, facets, pages, comparison."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from services.catalog import store, tables
from services.catalog.app import create_app
from services.catalog.config import Settings
from services.catalog.domain.offering import Offering, Status
from tests.integration.test_catalog_search_agrees import (
    PUBLIC,
    SOMEBODY,
    TEXTS,
    Rows,
    all_pages,
    every_role,
    fill,
    ids,
    rows,
    search,
)
from tests.support import offerings
from tests.support.apps import Api, an_api
from tests.support.offerings import a_content
from tests.support.search_filters import FilterMaker
from tests.unit.catalog.world import CYBER, GRANTS, QSMO, Registry, a_published, act, revise, values

FIRST = date(2026, 3, 2)
DAYS = 4
QUESTIONS = 2
BUILT_S = 20


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime.combine(FIRST, datetime.min.time(), UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: int) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def api(database_url: str, tmp_path: Path, clock: Clock) -> AsyncIterator[Api]:
    settings = Settings(database_url=database_url, migrate=True)
    async with an_api(lambda made: create_app(settings, connections=made, clock=clock), tmp_path, clock=clock) as api:
        await Registry(api).open(CYBER, GRANTS)
        yield api


async def at_end_of(api: Api) -> Rows:
    """As the tables are now; of what is not public nothing."""
    async with api.app.state.context.db.reading() as tx:
        found = await rows(tx)
    return replace(found, offerings=[each for each in found.offerings if each.status in PUBLIC])


async def some_change(api: Api, chance: random.Random, providers: Sequence[str], vehicles: Sequence[str]) -> None:
    """Of a few: new content, which is a revision of what is public; or, of those, another state."""
    async with api.app.state.context.db.transaction(SOMEBODY) as tx:
        found = [
            store.offerings.from_row(row) for row in await tx.rows(select(tables.offerings).order_by(tables.offerings.c.id))
        ]
        content = [a_content(chance, providers=providers, vehicles=vehicles) for _ in range(8)]
        changed = [
            _changed(chance, each, replace(each, content=new))
            for each, new in zip(chance.sample(found, 8), content, strict=True)
        ]
        await offerings.save(tx, changed)


def _changed(chance: random.Random, before: Offering, edited: Offering) -> Offering:
    match before.status in PUBLIC, chance.random() < 0.5:
        case True, True:
            return replace(before, status=chance.choice(sorted(PUBLIC)))
        case False, True:
            return edited
        case _:
            status = before.status if before.status in PUBLIC else Status.PUBLISHED
            return replace(edited, status=status, revision=before.revision + 1, unrecorded=True)


async def follow(api: Api) -> None:
    await api.app.state.context.history.begun()
    await api.app.state.context.history.catch_up()


@pytest.mark.parametrize("seed", range(int(os.environ.get("QSMO_SEARCH_ROUNDS", "1"))))
async def test_a_search_of_any_day_is_a_look_at_the_tables_of_that_day_for_every_role(
    api: Api, clock: Clock, seed: int
) -> None:
    chance = random.Random(seed)
    providers, vehicles = await fill(api, chance)
    maker = FilterMaker(chance, {"provider": providers, "vehicle": vehicles, "vehicle_kind": ("mas_sin", "gwac")})
    then: dict[date, Rows] = {FIRST - timedelta(days=1): replace(await at_end_of(api), offerings=[])}
    for _ in range(DAYS):
        for _ in range(2):
            clock.move(hours=5)
            await some_change(api, chance, providers, vehicles)
        await follow(api)  # from the first day on: what is built at once and what is led by facts must be the same
        then[clock().date()] = await at_end_of(api)
        clock.move(hours=14)

    matched = 0
    for day, wholly in then.items():
        for _ in range(QUESTIONS):
            wanted, text = maker.make(2), chance.choice(TEXTS)
            for roles in chance.sample(every_role(providers), 4):
                expected = wholly.matching(roles, wanted, text)
                page = await search(api, roles, wanted, text, as_of=day)
                assert (page["count"], page["counted"]) == (len(expected), wholly.facets(expected, wanted)), (day, wanted.text)
                by_name = sorted(expected, key=lambda each: (each.content.name.casefold(), each.id))
                walked = await all_pages(api, roles, wanted, text, limit=len(expected) // 2 + 1, sort="name", as_of=day)
                assert walked == [each.id for each in by_name], (day, wanted.text, text, roles)
                assert {h["offering"]["id"]: _shown(h["offering"]) for h in page["items"]} == {
                    each.id: (each.version, each.revision, each.status, each.content.summary, []) for each in expected
                }
                matched += bool(expected)

    assert matched > DAYS  # or the filters were all empty


def _shown(offering: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(offering[name] for name in ("version", "revision", "status", "summary", "_actions"))


async def test_one_offering_and_a_comparison_are_as_they_stood_and_nothing_can_be_done_there(api: Api, clock: Clock) -> None:
    one = await a_published(api)
    clock.move(days=10)
    assert (await revise(api, one, shelf="mandated", satisfaction="4 of 5")).status_code == 200
    clock.move(days=10)
    assert (await act(api, one, "suspend", body={"reason": "an incident"})).status_code == 200

    async def shelf(day: date, *roles: str) -> tuple[Any, ...]:
        shown = (await api.get(f"/v1/offerings/{one}?as_of={day}", *roles)).json()
        compared = (await api.get(f"/v1/search/comparison?id={one}&as_of={day}", *roles)).json()
        row = {row["key"]: row["values"] for row in compared["fields"]}
        assert (row["shelf"], row["status"]) == ([shown["shelf"]], [shown["status"]])
        return (
            shown["shelf"],
            shown["status"],
            shown["revision"],
            shown.get("satisfaction"),
            row.get("satisfaction"),
            shown["_actions"],
        )

    assert await shelf(FIRST, QSMO) == ("recommended", "published", 1, None, [None], [])
    assert await shelf(FIRST + timedelta(days=12), QSMO) == ("mandated", "published", 2, "4 of 5", ["4 of 5"], [])
    assert await shelf(FIRST + timedelta(days=12)) == ("mandated", "published", 2, None, None, [])
    assert await shelf(FIRST + timedelta(days=20), QSMO) == ("mandated", "suspended", 2, "4 of 5", ["4 of 5"], [])
    before = FIRST - timedelta(days=1)
    for path in (f"/v1/offerings/{one}?as_of={before}", f"/v1/search/comparison?id={one}&as_of={before}"):
        assert (await api.get(path, QSMO)).status_code == 404


async def test_a_draft_is_in_no_past_day_not_even_for_its_qsmo(api: Api, clock: Clock) -> None:
    drafted = await api.post("/v1/offerings", {"code": "two", **values()}, QSMO)
    clock.move(days=1)

    found = await api.get(f"/v1/search/offerings?as_of={FIRST}", QSMO)

    assert drafted.status_code == 201
    assert found.json()["items"] == []
    assert (await api.get("/v1/search/offerings", QSMO)).json()["count"] in {0, 1}  # the index of now may be a moment behind


async def test_a_day_to_come_is_refused_and_a_cursor_goes_on_in_its_own_day(api: Api, clock: Clock) -> None:
    chance = random.Random(1)
    await fill(api, chance)
    clock.move(days=2)

    ahead = await api.get(f"/v1/search/offerings?as_of={clock().date() + timedelta(days=1)}")
    page = await api.get(f"/v1/search/offerings?as_of={FIRST}&limit=2")
    other = await api.get(f"/v1/search/offerings?as_of={FIRST + timedelta(days=1)}&cursor={page.json()['next_cursor']}")
    now = await api.get(f"/v1/search/offerings?cursor={page.json()['next_cursor']}")

    assert (ahead.status_code, ahead.json()["errors"][0]["pointer"]) == (422, "query:as_of")
    assert (page.status_code, page.headers["X-Index-Lag"]) == (200, "0")
    assert (other.status_code, now.status_code) == (400, 400)


async def test_a_search_of_now_does_not_begin_the_index_of_past_days(api: Api) -> None:
    async with asyncio.timeout(BUILT_S):
        await api.app.state.context.search.built.wait()
    assert (await api.get("/v1/search/offerings")).status_code == 200

    assert not api.app.state.context.history.built.is_set()
    assert ids((await api.get(f"/v1/search/offerings?as_of={FIRST}")).json()) == []
    assert api.app.state.context.history.built.is_set()
