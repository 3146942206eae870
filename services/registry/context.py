"""What a running registry holds."""

from __future__ import annotations

import asyncio
from functools import partial

from services.registry import tables
from services.registry.commands import plan_progress
from services.registry.config import Settings
from services.registry.importers import kinds
from shared.db import Database
from shared.kernel.cause import Cause
from shared.kernel.errors import Conflict
from shared.service import Connections, Owner

_LOOK_EVERY_S = 3_600.0
_AGAIN_S = 30.0


class RegistryOwner(Owner):
    """An owner that also looks for what is late in the plans."""

    async def start(self) -> None:
        await Owner.start(self)
        self.loops.start("late plans", self._look)

    async def _look(self) -> None:
        while True:
            told = await self.tell_what_is_late()
            await asyncio.sleep(_AGAIN_S if told is None else _LOOK_EVERY_S)

    async def tell_what_is_late(self) -> int | None:
        """How many facts that made; None when somebody, perhaps another replica's look, changed a plan in between."""
        try:
            async with self.db.transaction(Cause(actor="system:plans")) as tx:
                return await plan_progress.tell_what_is_late(tx)
        except Conflict:
            return None


def build(settings: Settings, connections: Connections) -> RegistryOwner:
    """Nothing is opened yet: `start` does."""
    url = partial(settings.current, "database_url")
    return RegistryOwner(
        name="registry",
        settings=settings,
        db=Database(url(), url_now=url, clock=connections.clock, pool_size=settings.database_pool),
        connections=connections,
        migrations="services.registry.migrations",
        outbox=tables.outbox,
        idempotency=tables.idempotency,
        import_tables=tables.imports,
        kinds={kind.kind: kind for kind in kinds()},
    )
