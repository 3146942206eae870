"""A search that takes too long is given up, in the index and in the database, and never holds up the others."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from services.catalog.app import create_app
from services.catalog.config import Settings
from services.catalog.search import OfferingIndex
from services.catalog.search.turns import Turns
from shared.db import Database
from shared.kernel.cause import Cause
from shared.kernel.errors import Unavailable
from tests.support import offerings
from tests.support.apps import Api, an_api
from tests.support.offerings import a_content, an_offering

SOMEBODY = Cause(actor="tester", correlation_id="c-1")
DEADLINE_S = 0.03
# A brief one is answered without a thread, and so without a turn.
LONG = " ".join(["ledger"] * 7)


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    settings = Settings(database_url=database_url, migrate=True)
    async with an_api(lambda made: create_app(settings, connections=made), tmp_path) as api:
        async with api.app.state.context.db.transaction(SOMEBODY) as tx:
            await offerings.add(tx, [an_offering("o1", a_content(random.Random(1)))])
        await api.app.state.context.search.catch_up()
        yield api


def rare_words(chance: random.Random, number: int) -> str:
    return " ".join("".join(chance.choices("abcdefghij", k=10)) for _ in range(number))


def fill(index: OfferingIndex) -> None:
    """With so many different words that looking for typing errors takes its time."""
    chance = random.Random(1)
    number = range(400)
    index.put(
        {"id": f"w{n}", "tag": n, "sort_name": f"W{n}", "public": True, "revision": 1, "text": rare_words(chance, 500)}
        for n in number
    )


async def search(api: Api, question: str) -> tuple[int, str | None, str]:
    answer = await api.get(f"/v1/search/offerings?q={question}")
    return answer.status_code, answer.headers.get("retry-after"), answer.json().get("detail", "")


async def test_a_search_that_is_really_slow_is_given_up_and_its_thread_counted_until_it_ends(api: Api) -> None:
    context = api.app.state.context
    await asyncio.to_thread(fill, context.search.index)
    slow = rare_words(random.Random(2), 18)
    context.turns = Turns(threads=1, waiting=0)
    began = time.monotonic()
    status, _, _ = await search(api, slow)
    takes_s = time.monotonic() - began
    assert (status, takes_s > 2 * DEADLINE_S) == (200, True), takes_s
    context.turns.close()

    context.turns = Turns(threads=1, waiting=0, deadline_s=DEADLINE_S)
    given_up = await search(api, slow)
    turned_away = await search(api, LONG)
    async with asyncio.timeout(30):
        while (after := await search(api, LONG))[0] == 503:
            await asyncio.sleep(0.01)

    assert given_up == (503, "1", "This search took longer than 0.03 s; ask for less at once.")
    assert turned_away == (503, "1", "There are too many searches at once.")
    assert after[0] == 200


async def test_what_waits_when_its_caller_gives_up_is_not_begun(api: Api) -> None:
    begun: list[int] = []
    held = asyncio.Event()
    loop = asyncio.get_running_loop()
    turns = Turns(threads=1, waiting=10, deadline_s=DEADLINE_S)
    holding = asyncio.create_task(turns.run(lambda: asyncio.run_coroutine_threadsafe(held.wait(), loop).result()))

    refused = await asyncio.gather(
        *(turns.in_time(turns.run(lambda n=n: begun.append(n))) for n in range(10)),  # type: ignore[misc]  # a default binds n
        return_exceptions=True,
    )
    held.set()
    await holding
    await turns.run(lambda: begun.append(99))

    assert [type(each) for each in refused] == [Unavailable] * 10
    assert begun == [99]
    turns.close()


@pytest.mark.postgres
async def test_a_statement_of_a_search_that_is_given_up_ends_in_the_database(api: Api) -> None:
    context = api.app.state.context
    db: Database = context.db
    if db.is_sqlite:
        pytest.skip("SQLite has no locks that a read waits for")
    context.turns = Turns(deadline_s=0.3)
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")

    async def waits(tx: Any) -> int:
        return int((await tx.execute(waiting)).scalar_one())

    async with db.transaction(SOMEBODY) as tx:
        await tx.execute(text("LOCK TABLE offerings IN ACCESS EXCLUSIVE MODE"))
        searching = asyncio.create_task(api.get("/v1/search/offerings?sort=name"))
        async with asyncio.timeout(10):
            while not await waits(tx):
                await asyncio.sleep(0.01)
            answer = await searching
            while await waits(tx):
                await asyncio.sleep(0.01)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1"), answer.text
    assert (await api.get("/v1/search/offerings?sort=name")).status_code == 200


@pytest.mark.postgres
async def test_no_statement_outlasts_its_limit_in_the_database(database_url: str) -> None:
    db = Database(database_url, pool_size=1, statement_s=0.2)
    if db.is_sqlite:
        pytest.skip("SQLite works in the process that asks")
    began = time.monotonic()

    with pytest.raises(Unavailable):
        async with db.reading() as tx:
            await tx.execute(text("SELECT pg_sleep(30)"))

    assert time.monotonic() - began < 5
    await db.ping()
    await db.close()
