"""A database beside the one that is served, made of the facts by the service's own handlers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from sqlalchemy import select

from services.commandline.recovery.models import CONSUMERS
from services.commandline.recovery.opened import Installation
from services.commandline.recovery.standing import Follower, outbox, owner_of, positions, stuck_at, versions_applied
from services.installation import DataFolder
from shared.bus.embedded import EmbeddedBus
from shared.bus.port import Delivery
from shared.db import Database, Row
from shared.db.migrate import upgrade
from shared.inbox import Consumer
from shared.kernel.errors import RuleViolation
from shared.service import TOPICS

Source = Literal["bus", "outboxes"]
_ROWS = 2_000


@dataclass(frozen=True, slots=True)
class Shadow:
    """Follows the same topics as the service `of`, or some of them."""

    db: Database
    consumer: Consumer
    of: Follower
    topics: Sequence[str]
    source: Source

    async def follow(self, at: Installation) -> None:
        """Up to where the topics end now; what it has is not applied again."""
        told = at.bus.records(self.topics) if self.source == "bus" else _recorded(at, self.topics)
        async for deliveries in told:
            await self.consumer.process(deliveries)

    async def behind(self, live: Database) -> dict[tuple[str, str], int]:
        """(topic, object) → the version that the service has applied and this has not, but for what cannot be applied."""
        found: dict[tuple[str, str], int] = {}
        for topic in self.topics:
            async for applied in positions(live, self.of, topic):
                async with self.db.reading() as tx:
                    here = await versions_applied(tx, self.of, topic, list(applied))
                    stuck = await stuck_at(tx, self.of, topic, list(applied))
                late = {key: version for key, version in applied.items() if version > here.get(key, 0) and key not in stuck}
                found |= {(topic, key): version for key, version in late.items()}
        return found

    async def must_reach(self, wanted: dict[tuple[str, str], int]) -> None:
        """Raises RuleViolation when facts of these versions are nowhere to be read any more."""
        for topic in self.topics:
            of_it = {key: version for (its, key), version in wanted.items() if its == topic}
            async with self.db.reading() as tx:
                here = await versions_applied(tx, self.of, topic, list(of_it))
            if lost := [key for key, version in of_it.items() if version > here.get(key, 0)]:
                other = " `--from outboxes` reads them where they were recorded." if self.source == "bus" else ""
                raise RuleViolation(
                    f"{topic} does not reach back to the start: {len(lost)} objects lack facts, {lost[0]} for one.{other}"
                )


async def _recorded(at: Installation, topics: Sequence[str]) -> AsyncIterator[list[Delivery]]:
    """What the owners have recorded, each as of one moment: else a later version could be seen without the one before."""
    for topic in topics:
        after = 0
        async with at.dbs[owner_of(topic)].reading(at_once=True) as tx:
            while rows := await tx.rows(select(outbox).where(outbox.c.id > after).order_by(outbox.c.id).limit(_ROWS)):
                after = rows[-1]["id"]
                yield [_delivery(row) for row in rows]


def _delivery(row: Row) -> Delivery:
    return Delivery(
        topic=row["topic"],
        partition=0,
        offset=row["id"],
        key=row["key"],
        value=row["payload"].encode(),
        headers=row["headers"],
    )


@asynccontextmanager
async def a_shadow(of: Follower, topics: Sequence[str], *, source: Source) -> AsyncIterator[Shadow]:
    """In a temporary folder; nothing that is done in it leaves it."""
    with TemporaryDirectory(prefix="qsmo-replay-") as name:
        db = Database(DataFolder(Path(name)).database_url(of.service))
        bus = EmbeddedBus(Path(name) / "events.db")  # takes what a handler refuses
        await bus.start()
        try:
            await bus.ensure_topics([f"{topic}.dlq" for topic in TOPICS])
            await upgrade(db, package=f"services.{of.service}.migrations")
            yield Shadow(db, CONSUMERS[of.service](db, bus), of, topics, source)
        finally:
            await bus.close()
            await db.close()
