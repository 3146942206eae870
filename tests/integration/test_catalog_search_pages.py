"""Pages of a search over HTTP: whole transactions only, and each offering that does not change once."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.catalog.app import create_app
from services.catalog.config import Settings
from services.catalog.search import OfferingIndex, Sight, Wanted
from services.catalog.search.follow import Follower
from shared.db import Database, Transaction
from shared.kernel.cause import Cause
from tests.support import offerings
from tests.support.apps import Api, an_api
from tests.support.offerings import a_content, an_offering

SOMEBODY = Cause(actor="tester", correlation_id="c-1")
STABLE = 30


# --- a transaction is seen whole ---


class Interrupted(Database):
    """Lets something happen between the first statement of a read and the next one."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.between: Callable[[], Awaitable[None]] | None = None

    @asynccontextmanager
    async def reading(self, cause: Cause | None = None, *, at_once: bool = False) -> AsyncIterator[Transaction]:
        async with super().reading(cause, at_once=at_once) as tx:
            yield _Slow(tx.connection, tx.cause, tx.at, tx.driver, tx.statements, between=self._once)

    async def _once(self) -> None:
        if (between := self.between) is not None:
            self.between = None
            await between()


class _Slow(Transaction):
    def __init__(self, *given: Any, between: Callable[[], Awaitable[None]]) -> None:
        super().__init__(*given)
        self._between = between

    async def rows(self, statement: Any, parameters: Any = None) -> Any:
        found = await super().rows(statement, parameters)
        await self._between()
        return found


async def test_the_index_shows_no_half_of_a_transaction_that_commits_while_it_reads(database_url: str) -> None:
    db, index = Interrupted(database_url), OfferingIndex()
    follower = Follower(db, index)

    async def renamed(name: str, *ids: str) -> None:
        async with db.transaction(SOMEBODY) as tx:
            made[:] = [each for each in made if each.id not in ids] + await offerings.save(
                tx, [replace(each, content=replace(each.content, name=name)) for each in made if each.id in ids]
            )

    def named(name: str) -> set[str]:
        return set(index.search(Wanted(text=name), Sight(everything=True)).ids)

    try:
        made = [an_offering(id_, replace(a_content(random.Random(1)), name="before")) for id_ in ("a", "b")]
        async with db.transaction(SOMEBODY) as tx:
            made = await offerings.add(tx, made)
        await follower.catch_up()
        await renamed("first", "a")
        db.between = lambda: renamed("second", "a", "b")
        await follower.catch_up()

        assert named("second") in (set(), {"a", "b"})
        await follower.catch_up()
        assert named("second") == {"a", "b"}
    finally:
        index.close()
        await db.close()


async def test_an_index_whose_files_were_swept_away_is_built_anew_while_searches_go_on(
    database_url: str, tmp_path: Path
) -> None:
    async with a_replica(database_url, tmp_path / "one") as api:
        context = api.app.state.context
        async with context.db.transaction(SOMEBODY) as tx:
            await offerings.add(tx, [an_offering("before", replace(a_content(random.Random(1)), name="ledger"))])
        await context.search.catch_up()
        swept = context.search.index
        shutil.rmtree(swept._folder.path)
        async with context.db.transaction(SOMEBODY) as tx:
            await offerings.add(tx, [an_offering("after", replace(a_content(random.Random(1)), name="ledger"))])
        async with asyncio.timeout(20):
            while "after" not in (found := await ids_now(api)):
                assert found == {"before"}
                await asyncio.sleep(0.01)

    assert context.search.index is not swept
    assert found == {"before", "after"}


async def ids_now(api: Api) -> set[str]:
    answer = await api.get("/v1/search/offerings?q=ledger")
    assert answer.status_code == 200, answer.text
    return {hit["offering"]["id"] for hit in answer.json()["items"]}


# --- pages ---


@asynccontextmanager
async def a_replica(database_url: str, folder: Path) -> AsyncIterator[Api]:
    folder.mkdir()
    settings = Settings(database_url=database_url, migrate=True)
    async with an_api(lambda made: create_app(settings, connections=made), folder) as api:
        yield api


async def a_page(api: Api, query: str, cursor: str | None) -> tuple[list[str], str | None]:
    await api.app.state.context.search.catch_up()
    answer = await api.get(f"/v1/search/offerings?{query}" + (f"&cursor={cursor}" if cursor else ""))
    assert answer.status_code == 200, answer.text
    page = answer.json()
    return [hit["offering"]["id"] for hit in page["items"]], page["next_cursor"]


@pytest.mark.parametrize("query", ["sort=name", "q=ledger", "q=ledger&sort=name", "q=ledgre"])
async def test_a_walk_over_replicas_and_restarts_meets_what_does_not_change_once(
    query: str, database_url: str, tmp_path: Path
) -> None:
    chance = random.Random(query)
    shown: list[str] = []

    async def change(api: Api) -> None:
        db: Database = api.app.state.context.db
        async with db.transaction(SOMEBODY) as tx:
            others[:] = await offerings.save(tx, [replace(each, content=a_content(chance)) for each in others])
            await offerings.add(tx, [an_offering(f"new-{len(shown)}-{n}", a_content(chance)) for n in range(2)])

    stable = [an_offering(f"stable-{n:02}", replace(a_content(chance), description="ledger")) for n in range(STABLE)]
    others = [an_offering(f"other-{n:02}", a_content(chance)) for n in range(STABLE)]
    async with a_replica(database_url, tmp_path / "one") as one, a_replica(database_url, tmp_path / "two") as two:
        async with one.app.state.context.db.transaction(SOMEBODY) as tx:
            await offerings.add(tx, stable)
            others = await offerings.add(tx, others)
        cursor: str | None = None
        for _ in range(4):
            api = chance.choice((one, two))
            ids, cursor = await a_page(api, f"{query}&limit=5", cursor)
            shown += ids
            await change(api)
    async with a_replica(database_url, tmp_path / "three") as three:
        while cursor is not None:
            ids, cursor = await a_page(three, f"{query}&limit=5", cursor)
            shown += ids

    assert sorted(id_ for id_ in shown if id_.startswith("stable")) == [each.id for each in stable]
