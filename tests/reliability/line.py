"""One production line of facts in this process: counters that rise → outbox → relay → bus → inbox → effects."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sqlalchemy import func, select

from shared.bus.port import Bus
from shared.contracts.envelope import Event
from shared.db import Database, Transaction
from shared.inbox import Consumer
from shared.outbox import Relay
from tests.reliability.ledger import Judged, effects_judged
from tests.support import tally
from tests.support.tally import Counter, a_cause, raise_counter

SETTLE_S = 600.0


@dataclass
class Line:
    db: Database
    bus: Bus
    written: dict[str, int] = field(default_factory=dict)
    lag_max: int = 0

    async def fill(self, facts: int, *, versions: int, each: int = 1_000) -> None:
        """So many facts, `versions` of each aggregate, round by round."""
        subjects = [f"s{n}" for n in range(facts // versions)]
        for version in range(versions):
            for start in range(0, len(subjects), each):
                counters = [Counter(id, version, version) for id in subjects[start : start + each]]
                changes = [(counter, tally.raised(counter)) for counter in counters]
                async with self.db.transaction(a_cause()) as tx:
                    await (tally.store.save_all if version else tally.store.add_all)(tx, changes)
        self.written |= dict.fromkeys(subjects, versions)

    async def raise_one(self, id: str) -> None:
        async with self.db.transaction(a_cause()) as tx:
            await raise_counter(tx, id)
        self.written[id] = self.written.get(id, 0) + 1

    async def counted(self) -> tuple[int, int, int]:
        """Facts recorded, applied, and parked."""
        async with self.db.reading() as tx:
            tables = (tally.outbox, tally.effects, tally.inbox.parked)
            recorded, applied, parked = [
                int((await tx.execute(select(func.count()).select_from(table))).scalar_one()) for table in tables
            ]
        return recorded, applied, parked

    async def settled(self, *, facts: int | None = None) -> float:
        """Until that many, or all, are applied or parked; returns how long it took."""
        begun = time.monotonic()
        async with asyncio.timeout(SETTLE_S):
            while True:
                recorded, applied, parked = await self.counted()
                self.lag_max = max(self.lag_max, recorded - applied - parked)
                if applied + parked >= (facts or recorded):
                    return time.monotonic() - begun
                await asyncio.sleep(0.02)

    async def judged(self) -> Judged:
        return effects_judged(self.written, await tally.effects_by_subject(self.db))


@asynccontextmanager
async def running(*loops: Relay | Consumer) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(loop.run()) for loop in loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


def a_relay(db: Database, bus: Bus) -> Relay:
    return Relay(service="tests", db=db, outbox=tally.outbox, bus=bus)


class Poisoned:
    """Takes no event whose subject and version it does not like, until it is mended."""

    def __init__(self, poison: set[tuple[str, int]]) -> None:
        self.poison = poison
        self.calls = 0

    async def __call__(self, tx: Transaction, events: Sequence[Event]) -> None:
        self.calls += 1
        if any((event.subject, event.aggregate_version) in self.poison for event in events):
            raise ValueError("cannot take this")
        await tally.record_effects(tx, events)
