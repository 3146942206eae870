"""What a running catalog holds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial

from services.catalog import consumers, tables
from services.catalog.commands import marketplaces, offerings, vehicles
from services.catalog.config import Settings
from services.catalog.importers import kinds
from services.catalog.search import OfferingIndex
from services.catalog.search.follow import Follower
from services.catalog.search.history import History
from services.catalog.search.turns import Turns
from shared.db import Database
from shared.kernel.cause import Cause
from shared.kernel.errors import Conflict
from shared.service import Connections, Owner

_LOOK_EVERY_S = 3_600.0
_AGAIN_S = 5.0
_DUE = {"marketplaces": marketplaces.settle_all, "authorizations": offerings.tell_of_ends, "vehicles": vehicles.tell_of_ends}


@dataclass(kw_only=True)
class CatalogOwner(Owner):
    """An owner that also keeps the search indexes, and looks for what has come due: marketplaces to open, what ends."""

    search: Follower = field(init=False)
    history: History = field(init=False)
    turns: Turns = field(init=False, default_factory=Turns)

    async def start(self) -> None:
        # First: `stop` closes it, also after a start that failed.
        self.search = Follower(self.db, OfferingIndex(), importing=self.runner.is_applying)
        self.history = History(self.db, importing=self.runner.is_applying)
        await Owner.start(self)
        if self.settings.answers:
            self.loops.start("search", self.search.run)
            self.loops.start("search-history", self.history.run)

    async def work(self) -> None:
        await Owner.work(self)
        self.loops.start("due", self._look)

    async def stop(self) -> None:
        await Owner.stop(self)
        self.turns.close()
        self.search.close()
        self.history.close()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S if await self.do_what_is_due() else _AGAIN_S)

    async def do_what_is_due(self) -> bool:
        """False when something was left to do: another replica did the same at the same moment, and one of them won."""
        done = True
        for actor, due in _DUE.items():
            try:
                async with self.db.transaction(Cause(actor=f"system:{actor}")) as tx:
                    await due(tx)
            except Conflict:
                done = False
        return done


def build(settings: Settings, connections: Connections) -> CatalogOwner:
    """Nothing is opened yet: `start` does."""
    url = partial(settings.current, "database_url")
    db = Database(url(), url_now=url, clock=connections.clock, pool_size=settings.database_pool)
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
        consumers=(consumers.follower(db, connections.bus, member=settings.member),),
    )
