"""All four services in one process, on files below one folder: the same code paths as in the cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import IPv4Network, IPv6Network

from fastapi import FastAPI
from pydantic import SecretStr

from services.adoption.app import create_app as adoption_app
from services.adoption.config import Settings as AdoptionSettings
from services.catalog.app import create_app as catalog_app
from services.catalog.config import Settings as CatalogSettings
from services.catalog.importers import starter as catalog_starter
from services.gateway.app import create_app as gateway_app
from services.gateway.clock import MovableClock
from services.gateway.config import Settings as GatewaySettings
from services.installation import DataFolder
from services.registry.app import create_app as registry_app
from services.registry.config import Settings as RegistrySettings
from services.registry.importers import starting as registry_starter
from shared import telemetry
from shared.auth import AUDIENCE, DEV_ISSUER, DevelopmentIssuer, Verifier
from shared.bus.embedded import EmbeddedBus
from shared.kernel.time import Clock, utc_now
from shared.service import Connections

_STARTER_POLL_S = 0.1
_STARTER_PATIENCE_S = 60.0


@asynccontextmanager
async def embedded(
    folder: DataFolder,
    *,
    url: str = "",
    starter: bool = True,
    clock: Clock = utc_now,
    issuer: DevelopmentIssuer | None = None,
) -> AsyncIterator[FastAPI]:
    """The running gateway app over running services. Raises DataInUse.

    `url` is empty for a process that only works on the data and serves nobody. `issuer`: whose tokens count; the folder's if
    absent.
    """
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(folder.claimed(url=url))
        bus = EmbeddedBus(folder.path / "events.db")
        await bus.start()
        stack.push_async_callback(bus.close)
        issuer = issuer or folder.issuer
        verifier = Verifier(issuer=DEV_ISSUER, audience=AUDIENCE, keys=issuer)
        connections = Connections(bus=bus, verifier=verifier, clock=clock)
        services = _owners(folder, connections)
        for app in services.values():
            await stack.enter_async_context(app.router.lifespan_context(app))
        gateway = gateway_app(
            _gateway_settings(folder),
            connections=connections,
            services=services,
            development_issuer=issuer,
            clock=clock,
        )
        await stack.enter_async_context(gateway.router.lifespan_context(gateway))
        if isinstance(clock, MovableClock):
            clock.looks += _looks(services, gateway)
        if starter:
            stack.push_async_callback(_cancelled(await _load_starter(services)))
        yield gateway


def _looks(services: dict[str, FastAPI], gateway: FastAPI) -> list[Callable[[], Awaitable[object]]]:
    """What looks by itself now and then for what has come due, to be asked when a clock was moved."""

    async def webhooks() -> None:
        gateway.state.context.deliveries.wake()

    return [
        services["registry"].state.context.tell_what_is_late,
        services["catalog"].state.context.do_what_is_due,
        services["adoption"].state.context.tell_due,
        webhooks,
    ]


def _gateway_settings(folder: DataFolder) -> GatewaySettings:
    """One machine, one user: no limits per caller; webhooks may go to this machine, without TLS."""
    return GatewaySettings(
        database_url=folder.database_url("gateway"),
        migrate=True,
        signing_key=SecretStr(folder.signing_key),
        rate_per_s=0,
        rate_anonymous_per_s=0,
        streams_per_caller=10_000,
        webhook_allow_http=True,
        webhook_allowed_networks=(IPv4Network("127.0.0.0/8"), IPv6Network("::1/128")),
    )


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
    """The registry's facts at once; the catalog's as soon as they have opened its marketplaces.

    The server is ready meanwhile: offerings appear within a second of the first start, live as any other fact.
    """
    await registry_starter.load(services["registry"].state.context.db)
    return asyncio.create_task(_load_catalog_starter(services["catalog"]), name="catalog starter")


async def _load_catalog_starter(catalog: FastAPI) -> None:
    log = telemetry.logger("starter")
    try:
        async with asyncio.timeout(_STARTER_PATIENCE_S):
            while not await catalog_starter.load(catalog.state.context):
                await asyncio.sleep(_STARTER_POLL_S)
    except TimeoutError:
        log.warning("starter_incomplete", reason="the marketplaces did not open in time")
    except Exception:  # the process edge: the server is useful without starter offerings
        log.exception("starter_failed")


def _cancelled(task: asyncio.Task[None]) -> Callable[[], Awaitable[None]]:
    async def cancel() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    return cancel
