"""What a running registry holds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial

from services.registry import consumers, tables
from services.registry.commands import findings, plan_progress
from services.registry.config import Settings
from services.registry.importers import kinds
from shared.db import Database
from shared.kernel.cause import Cause
from shared.kernel.errors import Conflict
from shared.service import Connections, Owner

_LOOK_EVERY_S = 3_600.0
_AGAIN_S = 30.0
_SOON_S = 0.5
_GATHER_S = 0.1


@dataclass(kw_only=True)
class RegistryOwner(Owner):
    """An owner that also looks for what is late in the plans, and acts on findings that it has heard of."""

    heard: asyncio.Event

    async def work(self) -> None:
        await Owner.work(self)
        self.loops.start("late plans", self._look)
        self.loops.start("findings", self._act_on_findings)

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

    async def _act_on_findings(self) -> None:
        while True:
            self.heard.clear()
            opened = await self.open_for_findings()
            try:
                async with asyncio.timeout(_SOON_S if opened is None else _AGAIN_S):
                    await self.heard.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(_GATHER_S)  # one look for many facts

    async def open_for_findings(self) -> int | None:
        """As `tell_what_is_late`."""
        async with self.db.reading() as tx:
            if not await findings.are_waiting(tx):
                return 0
        try:
            async with self.db.transaction(Cause(actor="system:findings")) as tx:
                return await findings.open_for_findings(tx)
        except Conflict:
            return None


def build(settings: Settings, connections: Connections) -> RegistryOwner:
    """Nothing is opened yet: `start` does."""
    url = partial(settings.current, "database_url")
    db = Database(url(), url_now=url, clock=connections.clock, pool_size=settings.database_pool)
    heard = asyncio.Event()
    db.on_commit.append(heard.set)  # a plan may have come into force
    return RegistryOwner(
        name="registry",
        settings=settings,
        heard=heard,
        db=db,
        connections=connections,
        migrations="services.registry.migrations",
        outbox=tables.outbox,
        idempotency=tables.idempotency,
        import_tables=tables.imports,
        kinds={kind.kind: kind for kind in kinds()},
        consumers=(consumers.adoption(db, connections.bus, heard=heard.set, member=settings.member),),
    )
