"""Keeps the index as the tables are: built from them at the start, then led by the service's own facts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from services.catalog import store, tables
from services.catalog.domain.offering import Offering
from services.catalog.search.documents import TITLED, documents
from services.catalog.search.index import BrokenIndex, OfferingIndex
from shared import telemetry
from shared.db import Database, Transaction, among
from shared.kernel.errors import Unavailable

_BUILD_ROWS = 2_000
_IN_FLIGHT_MAX = 2_000
_IDLE_S = 0.5
_AGAIN_S = 1.0
_GIVE_WAY_S = 60.0
_GIVE_WAY_POLL_S = 0.05
# No transaction lasts longer than its statements and locks may: an id missing for this long was rolled back.
_MISSING_S = 180.0
# Between two readings: what is written in a flood is taken in together. What comes after a pause is read at once.
_GATHER_S = 0.1
_NEWEST = select(func.coalesce(func.max(tables.outbox.c.id), 0).label("newest"))
Documents = Callable[[Transaction, Sequence[Offering]], Awaitable[list[dict[str, Any]]]]


@dataclass(frozen=True, slots=True)
class Place:
    """How far the outbox was read. Ids are given out before their transactions commit: `missing` may still appear."""

    read: int
    missing: Mapping[int, float]


class Follower:
    """Runs until cancelled. Each replica has its own, and reads every fact of the service."""

    def __init__(
        self,
        db: Database,
        index: OfferingIndex,
        *,
        documents: Documents = documents,
        importing: Callable[[], bool] = lambda: False,
    ) -> None:
        self._db = db
        self.index = index
        self.built = asyncio.Event()
        self._documents = documents
        self._importing = importing
        self._woken = asyncio.Event()
        self._retired: list[OfferingIndex] = []
        self._reading = asyncio.Lock()
        self._place: Place | None = None
        self._log = telemetry.logger("search")
        db.on_commit.append(self._woken.set)

    async def run(self) -> None:
        while True:
            try:
                await self.catch_up()
            except (Unavailable, OSError, TimeoutError) as error:
                self._log.warning("index_waits", reason=str(error))
                await asyncio.sleep(_AGAIN_S)
            except BrokenIndex as error:
                self._log.error("index_broken", reason=str(error))
                await self._replace()
            await asyncio.sleep(_GATHER_S)
            await self._rest()
            await self._give_way()

    async def _give_way(self) -> None:
        """The rows of an import go first."""
        until = time.monotonic() + _GIVE_WAY_S
        while self._importing() and time.monotonic() < until:
            await asyncio.sleep(_GIVE_WAY_POLL_S)

    async def catch_up(self) -> None:
        """Read whatever is committed by now. Raises BrokenIndex."""
        async with self._reading:
            if self._place is None:
                self._place = await self._build(self.index)
                self.built.set()
            await self._take()

    async def rebuild(self) -> None:
        """Into a new index; searches find what the old one has until the new one is whole. Raises BrokenIndex."""
        async with self._reading:
            built = OfferingIndex()
            try:
                place = await self._build(built)
            except BaseException:
                await asyncio.to_thread(built.close)
                raise
            self._retired.append(self.index)
            self.index, self._place = built, place
            self.built.set()
        await asyncio.to_thread(self._retired[-1].close)
        self._retired.clear()

    async def _replace(self) -> None:
        try:
            await self.rebuild()
        except (BrokenIndex, Unavailable, OSError, TimeoutError) as error:
            self._log.error("index_not_rebuilt", reason=str(error))
            await asyncio.sleep(_AGAIN_S)

    def close(self) -> None:
        for index in (*self._retired, self.index):
            index.close()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(_IDLE_S):
                await self._woken.wait()
        except TimeoutError:
            return
        finally:
            self._woken.clear()

    def place(self) -> Place:
        """As far as what a search begun now finds. Raises Unavailable while the index is being built."""
        if self._place is None:
            raise Unavailable("The search index is being built.", retry_after_s=1)
        return self._place

    async def _build(self, index: OfferingIndex) -> Place:
        """As the tables were at one moment; what is written meanwhile is read afterwards, from the facts."""
        began = time.monotonic()
        async with self._db.reading(at_once=True) as tx:
            start = await _newest(tx)
            in_flight = await self._in_flight(tx, start)
            after = ""
            while True:
                query = select(tables.offerings).where(tables.offerings.c.id > after).order_by(tables.offerings.c.id)
                found = [store.offerings.from_row(row) for row in await tx.rows(query.limit(_BUILD_ROWS))]
                await self._put(index, await self._documents(tx, found), show=not found)
                if not found:
                    break
                after = found[-1].id
        await asyncio.to_thread(index.settle)
        seconds = round(time.monotonic() - began, 2)
        self._log.info("index_built", offerings=index.size, parts=index.parts, seconds=seconds)
        return Place(read=start, missing=dict.fromkeys(in_flight, time.monotonic()))

    @staticmethod
    async def _put(index: OfferingIndex, documents: Sequence[dict[str, Any]], *, show: bool) -> None:
        await asyncio.to_thread(index.put, documents, show=show)

    @staticmethod
    async def _in_flight(tx: Transaction, newest: int) -> set[int]:
        """Ids that are not there and may belong to transactions which have not committed yet."""
        table, first = tables.outbox, max(1, newest - _IN_FLIGHT_MAX)
        there = {row["id"] for row in await tx.rows(select(table.c.id).where(table.c.id >= first))}
        return set(range(first, newest)) - there

    async def _take(self) -> None:
        """Read what is new and what was missing, all as of one moment, and show it at once: a transaction is seen whole."""
        assert self._place is not None
        now = time.monotonic()
        async with self._db.reading(at_once=True) as tx:
            facts = await self._facts(tx, self._place)
            ids = await self._changed(tx, list(dict.fromkeys(facts.values()))) if facts else []
            for start in range(0, len(ids), _BUILD_ROWS):
                found = await store.offerings.find_by(tx, "id", ids[start : start + _BUILD_ROWS])
                await self._put(self.index, await self._documents(tx, found), show=start + _BUILD_ROWS >= len(ids))
        self._place = self._advanced(self._place, facts.keys(), now)

    @staticmethod
    async def _facts(tx: Transaction, place: Place) -> dict[int, str]:
        """Id → key of those not read yet."""
        table, unread = tables.outbox, tables.outbox.c.id > place.read
        if place.missing:
            unread |= among(tx, table.c.id, list(place.missing))
        return {row["id"]: row["key"] for row in await tx.rows(select(table.c.id, table.c.key).where(unread))}

    @staticmethod
    def _advanced(place: Place, read: Collection[int], now: float) -> Place:
        newest = max(read, default=place.read)
        waited = {id_: since for id_, since in place.missing.items() if now - since <= _MISSING_S}
        missing = {**waited, **dict.fromkeys(range(place.read + 1, newest), now)}
        return Place(read=max(newest, place.read), missing={id_: missing[id_] for id_ in missing.keys() - set(read)})

    async def _changed(self, tx: Transaction, keys: Sequence[str]) -> list[str]:
        """Of facts about offerings the offering; of those about a provider, a vehicle or a standard all that show it."""
        c = tables.offerings.c
        ids = {row["id"] for row in await tx.rows(select(c.id).where(among(tx, c.id, keys)))}
        if not (others := [key for key in keys if key not in ids]):
            return [key for key in keys if key in ids]
        shown = {"provider": others, "vehicle": await _numbers(tx, others), "standard": await _prefixes(tx, others)}
        return list(dict.fromkeys([*ids, *await asyncio.to_thread(self.index.naming, shown)]))


async def unread(tx: Transaction, place: Place) -> int:
    return max(0, await _newest(tx) - place.read) + len(place.missing)


async def _newest(tx: Transaction) -> int:
    (found,) = await tx.rows(_NEWEST)
    return int(found["newest"])


async def _numbers(tx: Transaction, vehicles: Sequence[str]) -> set[str]:
    c = tables.vehicles.c
    return {row["number"] for row in await tx.rows(select(c.number).where(among(tx, c.id, vehicles)))}


async def _prefixes(tx: Transaction, standards: Sequence[str]) -> set[str]:
    """What the ids of their activities and capabilities begin with, as an offering's `standard` has it."""
    c = tables.standard_items.c
    query = select(c.item_id).where(among(tx, c.standard_id, standards), c.kind.in_(TITLED), c.to_edition.is_(None))
    return {row["item_id"].split(".")[0] for row in await tx.rows(query)}
