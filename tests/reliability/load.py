"""The ledger method: writes that are tried until they are answered, and the books of all services reconciled afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
from sqlalchemy import text

from services.gateway.audit import verify_chain
from shared.db import Database
from shared.kernel.errors import Unavailable
from tests.reliability.ledger import Judged, effects_judged

SERVICES = ("registry", "catalog", "adoption", "gateway")
SETTLE_S = 90.0
_POLL_S = 0.02
_WATCH_S = 0.25


@dataclass
class Journal:
    """What the load generator was told: organization id → the last version that was acknowledged.

    `failures` are attempts without an answer or with one of 5xx: whether they took effect is unknown.
    """

    acknowledged: dict[str, int] = field(default_factory=dict)
    attempts: int = 0
    failures: int = 0
    reads: int = 0
    slowest_s: float = 0.0
    # Nobody will answer any more: writers end without trying again.
    is_given_up: bool = False


class GivenUp(Exception):
    """See `Journal`."""


async def written(client: httpx.AsyncClient, journal: Journal, method: str, path: str, **options: Any) -> httpx.Response:
    """Tried with the same key until there is an answer that is one."""
    while not journal.is_given_up:
        journal.attempts += 1
        begun = time.monotonic()
        try:
            answer = await client.request(method, path, **options)
            if answer.status_code < 500 and answer.json().get("type") != "/problems/still-running":
                journal.slowest_s = max(journal.slowest_s, time.monotonic() - begun)
                return answer
        except (httpx.HTTPError, ValueError):
            pass
        journal.failures += 1
        await asyncio.sleep(0.05)
    raise GivenUp


async def write_until(
    stop: asyncio.Event, client: httpx.AsyncClient, journal: Journal, writer: str, *, pause_s: float = 0.0
) -> None:
    """Registers organizations and changes each twice."""
    n = 0
    while not stop.is_set():
        n += 1
        body = {"name": f"office {writer}-{n}", "kind": "office"}
        key = {"Idempotency-Key": f"register-{writer}-{n}"}
        made = await written(client, journal, "POST", "/v1/organizations", json=body, headers=key)
        assert made.status_code == 201, made.text
        id_, etag = made.json()["id"], made.headers["etag"]
        journal.acknowledged[id_] = 1
        for change in range(2):
            changed, keyed = (
                {**body, "abbreviation": f"V{change}"},
                {"If-Match": etag, "Idempotency-Key": f"{writer}-{n}-{change}"},
            )
            answer = await written(client, journal, "PUT", f"/v1/organizations/{id_}", json=changed, headers=keyed)
            assert answer.status_code == 200, answer.text
            etag, journal.acknowledged[id_] = answer.headers["etag"], answer.json()["version"]
            await asyncio.sleep(pause_s)


async def read_until(stop: asyncio.Event, client: httpx.AsyncClient, journal: Journal, *, per_s: float) -> None:
    """At that pace, however slowly answers come: what was acknowledged is there."""
    chance = random.Random(1)
    async with asyncio.TaskGroup() as group:
        while not stop.is_set():
            if known := list(journal.acknowledged):
                group.create_task(_read(client, journal, chance.choice(known)))
            await asyncio.sleep(1 / per_s)


async def _read(client: httpx.AsyncClient, journal: Journal, id_: str) -> None:
    journal.reads += 1
    with contextlib.suppress(httpx.HTTPError):
        answer = await client.get(f"/v1/organizations/{id_}")
        assert answer.status_code == 200 or answer.status_code >= 500, answer.text


async def _writer(work: Coroutine[Any, Any, None]) -> None:
    with contextlib.suppress(GivenUp):
        await work


@asynccontextmanager
async def under_load(
    url: str, headers: dict[str, str], *, run: str, writers: int = 8, pause_s: float = 0.0, reads_per_s: float = 0.0
) -> AsyncIterator[Journal]:
    """Writers, and readers, at work for as long as the block lasts; `run` keeps their keys apart from those of other runs."""
    journal, stop = Journal(), asyncio.Event()
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client, asyncio.TaskGroup() as group:
        for writer in range(writers):
            group.create_task(_writer(write_until(stop, client, journal, f"{run}-{writer}", pause_s=pause_s)))
        if reads_per_s:
            group.create_task(read_until(stop, client, journal, per_s=reads_per_s))
        try:
            yield journal
        finally:
            stop.set()


class Books:
    """The databases of an installation or a cluster, read from outside."""

    def __init__(self, url_of: Callable[[str], str]) -> None:
        self._databases = {name: Database(url_of(name), pool_size=4) for name in SERVICES}
        self.lag_max = 0
        self.backs_s: list[float] = []
        self.recoveries_s: list[float] = []

    async def close(self) -> None:
        for db in self._databases.values():
            await db.close()

    async def rows(self, service: str, statement: str) -> list[dict[str, Any]]:
        """Tried again while the database is away."""
        while True:
            try:
                async with self._databases[service].reading() as tx:
                    return [dict(row) for row in await tx.rows(text(statement))]
            except Unavailable:
                await asyncio.sleep(_POLL_S)

    async def number(self, service: str, statement: str) -> int:
        (row,) = await self.rows(service, statement)
        return int(next(iter(row.values())))

    async def recorded(self) -> int:
        return sum([await self.number(name, "SELECT count(*) FROM outbox") for name in SERVICES[:-1]])

    async def fed(self) -> int:
        return await self.number("gateway", "SELECT coalesce(max(seq), 0) FROM feed")

    async def heard(self) -> int:
        return await self.number("adoption", "SELECT coalesce(sum(version), 0) FROM inbox")

    async def recover(self, *, since: float) -> None:
        """Until all that is recorded by now stands on the feed and was heard; notes how long after `since` that is."""
        async with asyncio.timeout(SETTLE_S):
            wanted = await self.recorded()
            while await self.fed() < wanted or await self.heard() < wanted:
                await asyncio.sleep(_POLL_S)
        self.recoveries_s.append(time.monotonic() - since)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Notes the greatest lag for as long as the block lasts."""
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching

    async def _watch(self) -> None:
        while True:
            fed = await self.fed()
            self.lag_max = max(self.lag_max, await self.recorded() - fed)
            await asyncio.sleep(_WATCH_S)

    async def settled(self) -> None:
        """Once the feed holds as many facts as the outboxes and the consumers have all heard of them."""
        async with asyncio.timeout(SETTLE_S):
            while not await self.is_settled():
                await asyncio.sleep(0.25)

    async def is_settled(self) -> bool:
        return await self.recorded() == await self.fed() == await self.heard()

    async def judged(self, *journals: Journal) -> Judged:
        """Lost, duplicated, reordered. Raises AssertionError where the books differ in another way."""
        await self.settled()
        acknowledged = {id_: version for journal in journals for id_, version in journal.acknowledged.items()}
        registered = {row["id"]: row["version"] for row in await self.rows("registry", "SELECT id, version FROM organizations")}
        known = {row["id"] for row in await self.rows("adoption", "SELECT id FROM known_organizations")}
        feed = await self.rows("gateway", "SELECT seq, event FROM feed ORDER BY seq")
        parked = [await self.number(name, "SELECT count(*) FROM parked_events") for name in ("adoption", "gateway")]
        assert [row["seq"] for row in feed] == list(range(1, len(feed) + 1))
        assert known == set(registered)
        assert parked == [0, 0]
        assert (await verify_chain(self._databases["gateway"])).ok
        judged = effects_judged(registered, _versions_by_subject(feed))
        judged["lost"] += sum(registered.get(id_, 0) < version for id_, version in acknowledged.items())
        judged["duplicated"] += len(registered.keys() - acknowledged.keys())
        return judged


@asynccontextmanager
async def books(url_of: Callable[[str], str]) -> AsyncIterator[Books]:
    opened = Books(url_of)
    try:
        yield opened
    finally:
        await opened.close()


def _versions_by_subject(feed: list[dict[str, Any]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for row in feed:
        event = orjson.loads(row["event"])
        found[event["subject"]].append(event["aggregateversion"])
    return found
