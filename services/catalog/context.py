"""What a running catalog holds."""

from __future__ import annotations

import asyncio

from services.catalog import consumers, tables
from services.catalog.commands import marketplaces
from services.catalog.config import Settings
from services.catalog.importers import kinds
from shared.db import Database
from shared.kernel.cause import Cause
from shared.kernel.errors import Conflict
from shared.service import Connections, Owner

_LOOK_EVERY_S = 3_600.0


class CatalogOwner(Owner):
    """An owner that also looks for marketplaces whose day has come."""

    async def start(self) -> None:
        await Owner.start(self)
        self.loops.start("marketplaces", self._open_marketplaces)

    async def _open_marketplaces(self) -> None:
        while True:
            await self.open_due_marketplaces()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def open_due_marketplaces(self) -> None:
        """Another replica may do the same at the same moment; one of them wins."""
        try:
            async with self.db.transaction(Cause(actor="system:marketplaces")) as tx:
                await marketplaces.settle_all(tx)
        except Conflict:
            return


def build(settings: Settings, connections: Connections) -> CatalogOwner:
    """Nothing is opened yet: `start` does."""
    url = settings.database_url.get_secret_value()
    db = Database(url, clock=connections.clock, pool_size=settings.database_pool)
    return CatalogOwner(
        name="catalog",
        settings=settings,
        db=db,
        connections=connections,
        migrations="services.catalog.migrations",
        outbox=tables.outbox,
        idempotency=tables.idempotency,
        import_tables=tables.imports,
        kinds={kind.kind: kind for kind in kinds()},
        consumers=(consumers.registry(db, connections.bus, member=settings.member),),
    )
