"""The databases and the bus of an installation, of either shape, opened by an operator's tool."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from services.gateway.config import Settings
from services.installation import DataFolder
from shared.bus.embedded import EmbeddedBus
from shared.bus.port import Bus
from shared.db import Database
from shared.kernel.errors import Invalid
from shared.service import SERVICES, kafka_bus
from shared.settings import database_url_of

_ALL = (*SERVICES, "gateway")


@dataclass(frozen=True, slots=True)
class Installation:
    """`dbs` by service."""

    dbs: Mapping[str, Database]
    bus: Bus


@asynccontextmanager
async def opened(folder: DataFolder) -> AsyncIterator[Installation]:
    """The cluster that the environment names, else the folder. Raises Invalid when it names only parts of one."""
    given = {service: url for service in _ALL if (url := database_url_of(service)) is not None}
    if given and len(given) < len(_ALL):
        absent = ", ".join(f"QSMO_{service.upper()}_DATABASE_URL" for service in _ALL if service not in given)
        raise Invalid(f"All four databases are needed; there is no {absent}.")
    if not given and not (folder.path / "gateway.db").exists():
        raise Invalid(f"There is no installation in {folder.path}, and no QSMO_<SERVICE>_DATABASE_URL.")
    async with AsyncExitStack() as stack:
        dbs = {service: Database(given.get(service) or folder.database_url(service), pool_size=2) for service in _ALL}
        for db in dbs.values():
            stack.push_async_callback(db.close)
        bus = kafka_bus(Settings(), service="reconcile") if given else _log(folder)
        yield Installation(dbs, await stack.enter_async_context(bus))


@asynccontextmanager
async def _log(folder: DataFolder) -> AsyncIterator[Bus]:
    bus = EmbeddedBus(folder.path / "events.db")
    await bus.start()
    try:
        yield bus
    finally:
        await bus.close()
