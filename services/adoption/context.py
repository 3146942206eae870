"""What a running adoption service holds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from services.adoption import consumers, tables
from services.adoption.commands import stalls
from services.adoption.config import Settings
from services.adoption.importers import kinds
from services.adoption.queries.fit import Catalogs
from shared.db import Database
from shared.inbox import Consumer
from shared.kernel.cause import Cause
from shared.kernel.errors import Conflict
from shared.service import Connections, Owner

_LOOK_EVERY_S = 3_600.0


@dataclass(kw_only=True)
class AdoptionOwner(Owner):
    """An owner that also looks for adoptions that stand still, and keeps the candidates of each area ready."""

    catalogs: Catalogs = field(default_factory=Catalogs)

    async def start(self) -> None:
        await Owner.start(self)
        self.loops.start("stalls", self._look_for_stalls)

    async def _look_for_stalls(self) -> None:
        while True:
            await self.tell_stalls()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def tell_stalls(self) -> None:
        """Another replica may do the same at the same moment; one of them wins."""
        try:
            async with self.db.transaction(Cause(actor="system:stalls")) as tx:
                await stalls.tell_stalls(tx)
        except Conflict:
            return


def build(settings: Settings, connections: Connections) -> AdoptionOwner:
    """Nothing is opened yet: `start` does."""
    url = settings.database_url.get_secret_value()
    db = Database(url, clock=connections.clock, pool_size=settings.database_pool)
    consumer = Consumer(
        name=consumers.GROUP,
        db=db,
        bus=connections.bus,
        topics=consumers.TOPICS,
        tables=tables.inbox,
        handlers=consumers.handlers(),
        member=settings.member,
    )
    return AdoptionOwner(
        name="adoption",
        settings=settings,
        db=db,
        connections=connections,
        migrations="services.adoption.migrations",
        outbox=tables.outbox,
        idempotency=tables.idempotency,
        import_tables=tables.imports,
        kinds={kind.kind: kind for kind in kinds()},
        consumers=(consumer,),
    )
