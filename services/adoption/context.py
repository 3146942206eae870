"""What a running adoption service holds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial

from services.adoption import consumers, tables
from services.adoption.commands import agreements, annual_plans, iaps, stalls
from services.adoption.config import Settings
from services.adoption.importers import kinds
from services.adoption.queries.fit import Catalogs
from shared.db import Database
from shared.kernel.cause import Cause
from shared.kernel.errors import Conflict
from shared.service import Connections, Owner

_LOOK_EVERY_S = 3_600.0
_AGAIN_S = 5.0
_DUE = {
    "stalls": stalls.tell_stalls,
    "agreements": agreements.tell_of_ends,
    "iaps": iaps.tell_expired,
    "annual-plans": annual_plans.tell_overdue,
}


@dataclass(kw_only=True)
class AdoptionOwner(Owner):
    """An owner that also looks for what stands still or ends, and keeps the candidates of each area ready."""

    catalogs: Catalogs = field(default_factory=Catalogs)

    async def work(self) -> None:
        await Owner.work(self)
        self.loops.start("due", self._look)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S if await self.tell_due() else _AGAIN_S)

    async def tell_due(self) -> bool:
        """False when something was left to do: another replica did the same at the same moment, and one of them won."""
        done = True
        for actor, due in _DUE.items():
            try:
                async with self.db.transaction(Cause(actor=f"system:{actor}")) as tx:
                    await due(tx)
            except Conflict:
                done = False
        return done


def build(settings: Settings, connections: Connections) -> AdoptionOwner:
    """Nothing is opened yet: `start` does."""
    url = partial(settings.current, "database_url")
    db = Database(url(), url_now=url, clock=connections.clock, pool_size=settings.database_pool)
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
        consumers=(consumers.follower(db, connections.bus, member=settings.member),),
    )
