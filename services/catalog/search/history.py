"""The index of past days: one document per standing of each offering, begun when somebody first asks for a day."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from services.catalog import store
from services.catalog.domain.offering import Offering
from services.catalog.search.documents import documents
from services.catalog.search.fields import SINCE, UNTIL
from services.catalog.search.follow import Follower, Place
from services.catalog.search.index import OfferingIndex
from shared.db import Database, Transaction
from shared.filtering import days


class History(Follower):
    """Costs nothing until the first question; from then on it is led by the facts as the index of now is."""

    def __init__(self, db: Database, *, importing: Callable[[], bool]) -> None:
        super().__init__(db, OfferingIndex(), documents=_standing, importing=importing)
        self._asked = asyncio.Event()

    async def run(self) -> None:
        await self._asked.wait()
        await super().run()

    async def begun(self) -> Place:
        """Waits for the first build, which goes on when its caller has given up."""
        self._asked.set()
        await self.built.wait()
        return self.place()


async def _standing(tx: Transaction, offerings: Sequence[Offering]) -> list[dict[str, Any]]:
    found = await store.standings(tx, offerings)
    described = await documents(tx, [each.offering for each in found])
    return [
        {**document, SINCE: days(each.since), UNTIL: days(each.until or date.max)}
        for each, document in zip(found, described, strict=True)
    ]
