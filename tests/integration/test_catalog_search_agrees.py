"""What a search answers is what a look at every row says: hits, counts, facets and pages, for every role, while rows change."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import select

from services.catalog import store, tables
from services.catalog.app import create_app
from services.catalog.config import Settings
from services.catalog.domain.offering import Offering, Status
from services.catalog.domain.provider import Provider
from services.catalog.search.fields import FACETS, FILTERS
from shared.db import Transaction
from shared.kernel.cause import Cause
from tests.support import offerings
from tests.support.apps import Api, an_api
from tests.support.offerings import a_content, an_offering
from tests.support.search_filters import FilterMaker, Made, said
from tests.unit.catalog.world import CYBER, GRANTS, Registry, a_provider, a_vehicle

SOMEBODY = Cause(actor="tester", correlation_id="c-1")
OFFERINGS = 70
QUESTIONS = 12
# Of words that nothing else stands for among these offerings.
TEXTS = ("", "", "ledger", "zebra records", "Editions", "ledger zebra payroll invoices")
PUBLIC = {Status.PUBLISHED, Status.LISTED, Status.SUSPENDED, Status.RETIRED}


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    settings = Settings(database_url=database_url, migrate=True)
    async with an_api(lambda made: create_app(settings, connections=made), tmp_path) as api:
        await Registry(api).open(CYBER, GRANTS)
        yield api


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """All that the tables say at one moment."""

    offerings: Sequence[Offering]
    providers: Mapping[str, Provider]
    vehicle_kinds: Mapping[str, str]

    def seen(self, roles: Sequence[str]) -> list[Offering]:
        """Source: domain-model §1 and §3."""
        everything = bool({"omb", "coordinator", "auditor"} & {role.partition(":")[0] for role in roles})
        return [
            each
            for each in self.offerings
            if everything
            or each.status in PUBLIC
            or f"provider:{each.content.provider_id}" in roles
            or any(f"qsmo:{area}" in roles for area in each.content.focus_areas)
        ]

    def matching(self, roles: Sequence[str], wanted: Made, text: str) -> list[Offering]:
        found = [each for each in self.seen(roles) if wanted.holds(self.said(each))]
        words = text.split()
        whole = [each for each in found if all(has(each, word) for word in words)]
        return whole or [each for each in found if any(has(each, word) for word in words)]

    def said(self, offering: Offering) -> Mapping[str, Sequence[Any]]:
        return said(offering, self.providers.get(offering.content.provider_id or ""), self.vehicle_kinds)

    def facets(self, found: Sequence[Offering], wanted: Made) -> dict[str, dict[str, int]]:
        counts = {name: Counter(v for each in found for v in {*self.said(each)[name]}) for name in FACETS}
        return {name: {**{value: 0 for field, value in wanted.named if field == name}, **counts[name]} for name in FACETS}


def has(offering: Offering, word: str) -> bool:
    content = offering.content
    text = f"{content.name} {content.summary} {content.description}".replace("É", "E").casefold()
    return word.casefold() in text.split()


async def rows(tx: Transaction) -> Rows:
    return Rows(
        offerings=[store.offerings.from_row(row) for row in await tx.rows(select(tables.offerings))],
        providers={row["id"]: store.providers.from_row(row) for row in await tx.rows(select(tables.providers))},
        vehicle_kinds={row["number"]: row["kind"] for row in await tx.rows(select(tables.vehicles))},
    )


async def fill(api: Api, chance: random.Random) -> tuple[list[str], list[str]]:
    providers = [
        await a_provider(api, "Alpha", kind="federal"),
        await a_provider(api, "Beta", small_business=True),
        await a_provider(api, "Gamma", small_business=False),
    ]
    vehicles = ["GSA MAS", "NASA SEWP"]
    await a_vehicle(api, vehicles[0])
    made = [
        an_offering(
            f"o-{n:02}",
            a_content(chance, providers=providers, vehicles=vehicles),
            status=chance.choice([*Status]),
            source=chance.choice((None, "fedramp")),
        )
        for n in range(OFFERINGS)
    ]
    async with api.app.state.context.db.transaction(SOMEBODY) as tx:
        await offerings.add(tx, made)
    await api.app.state.context.search.catch_up()
    return providers, vehicles


def every_role(providers: Sequence[str]) -> list[tuple[str, ...]]:
    return [
        (),
        ("agency:070:cio",),
        (f"provider:{providers[0]}",),
        (f"qsmo:{CYBER}",),
        (f"qsmo:{GRANTS}", f"provider:{providers[1]}"),
        ("standards:cybersecurity",),
        ("coordinator",),
        ("omb",),
        ("auditor",),
    ]


async def search(api: Api, roles: Sequence[str], wanted: Made, text: str, **more: Any) -> dict[str, Any]:
    given = {"filter": wanted.text, "q": text, "facets": ",".join(FACETS), "limit": 100, **more}
    query = "&".join(f"{name}={quote(str(value))}" for name, value in given.items() if value)
    answer = await api.get(f"/v1/search/offerings?{query}", *roles)
    assert answer.status_code == 200, (answer.text, query)
    page: dict[str, Any] = answer.json()
    page["counted"] = {
        name: {bucket["value"]: bucket["count"] for bucket in buckets} for name, buckets in page["facets"].items()
    }
    return page


def ids(page: Mapping[str, Any]) -> list[str]:
    return [hit["offering"]["id"] for hit in page["items"]]


async def all_pages(api: Api, roles: Sequence[str], wanted: Made, text: str, **more: Any) -> list[str]:
    page = await search(api, roles, wanted, text, **more)
    found = ids(page)
    while page["next_cursor"]:
        page = await search(api, roles, wanted, text, cursor=page["next_cursor"], **more)
        found += ids(page)
    return found


@pytest.mark.parametrize("seed", range(int(os.environ.get("QSMO_SEARCH_ROUNDS", "1"))))
async def test_hits_counts_facets_and_pages_are_those_of_a_look_at_every_row_for_every_role(api: Api, seed: int) -> None:
    chance = random.Random(seed)
    providers, vehicles = await fill(api, chance)
    maker = FilterMaker(chance, {"provider": providers, "vehicle": vehicles, "vehicle_kind": ("mas_sin", "gwac")})
    assert maker.fields == set(FILTERS)
    async with api.app.state.context.db.reading() as tx:
        now = await rows(tx)

    matched = 0
    for _ in range(QUESTIONS):
        wanted, text = maker.make(), chance.choice(TEXTS)
        for roles in every_role(providers):
            expected = now.matching(roles, wanted, text)
            page = await search(api, roles, wanted, text)
            assert (page["count"], page["counted"]) == (len(expected), now.facets(expected, wanted)), (wanted.text, text, roles)
            assert sorted(ids(page)) == sorted(each.id for each in expected), (wanted.text, text, roles)
            by_name = sorted(expected, key=lambda each: (each.content.name.casefold(), each.id))
            walked = await all_pages(api, roles, wanted, text, limit=len(expected) // 3 + 1, sort="name")
            assert walked == [each.id for each in by_name], (wanted.text, text, roles)
            matched += bool(expected)

    assert matched > QUESTIONS  # or the filters were all empty


@pytest.mark.parametrize("seed", range(int(os.environ.get("QSMO_SEARCH_ROUNDS", "1"))))
async def test_each_answer_is_that_of_one_moment_while_offerings_change_two_at_a_time(api: Api, seed: int) -> None:
    chance = random.Random(seed)
    providers, vehicles = await fill(api, chance)
    maker = FilterMaker(chance, {"provider": providers, "vehicle": vehicles, "vehicle_kind": ("mas_sin", "gwac")})
    db = api.app.state.context.db
    async with db.reading() as tx:
        moments = [await rows(tx)]
    over = asyncio.Event()

    async def change() -> None:
        while not over.is_set():
            async with db.transaction(SOMEBODY) as tx:
                before = moments[-1]
                chosen = chance.sample(list(before.offerings), 2)
                changed = await offerings.save(
                    tx,
                    [
                        replace(
                            each,
                            content=a_content(chance, providers=providers, vehicles=vehicles),
                            status=chance.choice([*Status]),
                            revision=each.revision + 1,
                        )
                        for each in chosen
                    ],
                )
                kept = [each for each in before.offerings if each not in chosen]
                moments.append(replace(before, offerings=[*kept, *changed]))
            await asyncio.sleep(0.005)

    async def ask() -> None:
        at_least = 0
        for _ in range(60):
            wanted, text, roles = maker.make(2), chance.choice(TEXTS), chance.choice(every_role(providers))
            page = await search(api, roles, wanted, text)
            at_least = next((n for n in range(at_least, len(moments)) if is_of(moments[n], page, roles, wanted, text)), -1)
            assert at_least >= 0, (wanted.text, text, roles, page["count"])
            # Hits are read from the tables once more: one may have gone from sight in between, none may be too many.
            expected = {each.id for each in moments[at_least].matching(roles, wanted, text)}
            hidden = {each.id for later in moments[at_least:] for each in later.offerings if each not in later.seen(roles)}
            assert expected - hidden <= set(ids(page)) <= expected, (wanted.text, text, roles)
        over.set()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(change())
        tasks.create_task(ask())

    assert len(moments) > 20


def is_of(moment: Rows, page: Mapping[str, Any], roles: Sequence[str], wanted: Made, text: str) -> bool:
    expected = moment.matching(roles, wanted, text)
    return bool((page["count"], page["counted"]) == (len(expected), moment.facets(expected, wanted)))
