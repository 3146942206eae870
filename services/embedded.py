"""All four services in one process, on files below one folder: the same code paths as in the cluster."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
from fastapi import FastAPI

from services.adoption.app import create_app as adoption_app
from services.adoption.config import Settings as AdoptionSettings
from services.catalog.app import create_app as catalog_app
from services.catalog.config import Settings as CatalogSettings
from services.catalog.importers import starter as catalog_starter
from services.gateway.app import create_app as gateway_app
from services.gateway.config import Settings as GatewaySettings
from services.registry.app import create_app as registry_app
from services.registry.config import Settings as RegistrySettings
from services.registry.importers import starting as registry_starter
from shared import telemetry
from shared.auth import AUDIENCE, DEV_ISSUER, DevelopmentIssuer, Verifier
from shared.bus.embedded import EmbeddedBus
from shared.kernel.errors import QsmoError
from shared.kernel.time import Clock, utc_now
from shared.service import Connections

_STARTER_POLL_S = 0.1
_STARTER_PATIENCE_S = 60.0


class DataInUse(Exception):
    """Another process serves this folder; `url` is where."""

    def __init__(self, url: str) -> None:
        super().__init__(f"This data folder is served already, at {url}.")
        self.url = url


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Everything an embedded installation keeps, below one path."""

    path: Path

    def database_url(self, service: str) -> str:
        return f"sqlite+aiosqlite:///{self.path.resolve() / service}.db"

    @property
    def issuer(self) -> DevelopmentIssuer:
        return DevelopmentIssuer(self.path / "issuer.key")

    @property
    def _address(self) -> Path:
        return self.path / "server.json"

    def served_at(self) -> str | None:
        """Where a running server answers for this folder, or None."""
        try:
            with (self.path / "lock").open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return None
        except BlockingIOError:
            return self._read_address()
        return None

    def _read_address(self) -> str:
        try:
            return str(orjson.loads(self._address.read_bytes())["url"])
        except (FileNotFoundError, orjson.JSONDecodeError):
            return "an address not known yet (it is just starting)"

    @asynccontextmanager
    async def claimed(self, *, url: str) -> AsyncIterator[None]:
        """For this process alone. Raises DataInUse."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as err:
                raise DataInUse(self._read_address()) from err
            self._address.write_bytes(orjson.dumps({"url": url, "pid": os.getpid()}))
            try:
                yield
            finally:
                self._address.unlink(missing_ok=True)


@asynccontextmanager
async def embedded(
    folder: DataFolder, *, url: str = "", starter: bool = True, clock: Clock = utc_now
) -> AsyncIterator[FastAPI]:
    """The running gateway app over running services. Raises DataInUse.

    `url` is empty for a process that only works on the data and serves nobody.
    """
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(folder.claimed(url=url))
        bus = EmbeddedBus(folder.path / "events.db")
        await bus.start()
        stack.push_async_callback(bus.close)
        issuer = folder.issuer
        verifier = Verifier(issuer=DEV_ISSUER, audience=AUDIENCE, keys=issuer)
        connections = Connections(bus=bus, verifier=verifier, clock=clock)
        services = _owners(folder, connections)
        for app in services.values():
            await stack.enter_async_context(app.router.lifespan_context(app))
        gateway = gateway_app(
            GatewaySettings(database_url=folder.database_url("gateway"), migrate=True),
            connections=connections,
            services=services,
            development_issuer=issuer,
            clock=clock,
        )
        await stack.enter_async_context(gateway.router.lifespan_context(gateway))
        if starter:
            stack.push_async_callback(_cancelled(await _load_starter(services)))
        yield gateway


def _owners(folder: DataFolder, connections: Connections) -> dict[str, FastAPI]:
    clock = connections.clock
    return {
        "registry": registry_app(
            RegistrySettings(database_url=folder.database_url("registry"), migrate=True), connections=connections, clock=clock
        ),
        "catalog": catalog_app(
            CatalogSettings(database_url=folder.database_url("catalog"), migrate=True), connections=connections, clock=clock
        ),
        "adoption": adoption_app(
            AdoptionSettings(database_url=folder.database_url("adoption"), migrate=True), connections=connections, clock=clock
        ),
    }


async def _load_starter(services: dict[str, FastAPI]) -> asyncio.Task[None]:
    """The registry's facts at once; the catalog's as soon as they have opened its marketplaces."""
    await registry_starter.load(services["registry"].state.context.db)
    return asyncio.create_task(_load_catalog_starter(services["catalog"]), name="catalog starter")


async def _load_catalog_starter(catalog: FastAPI) -> None:
    log = telemetry.logger("starter")
    try:
        async with asyncio.timeout(_STARTER_PATIENCE_S):
            while not await catalog_starter.load(catalog.state.context):
                await asyncio.sleep(_STARTER_POLL_S)
    except (QsmoError, TimeoutError) as error:  # the process edge: the server is useful without starter offerings
        log.warning("starter_incomplete", reason=str(error) or "marketplaces did not open in time")


def _cancelled(task: asyncio.Task[None]) -> Callable[[], Awaitable[None]]:
    async def cancel() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    return cancel
