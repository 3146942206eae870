"""The gateway as an ASGI application."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from services.gateway import context
from services.gateway.api import routers
from services.gateway.config import Settings
from services.gateway.dashboard import acting, agency, marketplace, oversight, page, qsmo, records, regime, signing_in
from services.gateway.dashboard.session import Visits
from services.gateway.door.door import Door
from services.gateway.proxy import Passage, own_below, proxy_routes
from services.gateway.webhooks.guard import Resolver, system_resolver
from shared import telemetry, tracing
from shared.auth import DevelopmentIssuer
from shared.kernel.time import Clock, utc_now
from shared.parked import parked_router
from shared.process import tune_interpreter
from shared.service import Connections, kafka_connections
from shared.web.app import Lifespan, build_app
from shared.web.draining import Draining


def create_app(
    settings: Settings,
    *,
    connections: Connections | None = None,
    services: Mapping[str, FastAPI] | None = None,
    development_issuer: DevelopmentIssuer | None = None,
    clock: Clock = utc_now,
    resolver: Resolver = system_resolver,
    tls: ssl.SSLContext | None = None,
) -> FastAPI:
    """`services` are the apps of an embedded run; else the settings say where they listen. Webhooks find and trust
    their receivers by `resolver` and `tls`; the system's if absent.

    Setting `app.state.closing` ends every open stream, so that the server can stop.
    """
    lifespan = _lifespan(
        settings,
        connections=connections,
        services=services,
        development_issuer=development_issuer,
        clock=clock,
        resolver=resolver,
        tls=tls,
    )
    if not settings.answers:
        return _app(lifespan, routers=())
    of_all = (page.router, marketplace.router, oversight.router, regime.router, records.router)
    pages = (*of_all, signing_in.router, acting.router, agency.router, qsmo.router)
    app_routers = (*routers, *pages, parked_router("gateway"))
    app = _app(lifespan, routers=app_routers)
    paths = [route.path for router in app_routers for route in router.routes if isinstance(route, APIRoute)]
    app.user_middleware.append(Middleware(Passage, own=own_below(paths)))  # inside of the frame around every request
    stack = app.build_middleware_stack

    # Outside of everything, also of the answers to faults; `add_middleware` would put it inside of those.
    def with_door() -> ASGIApp:
        door = Door(stack(), settings=settings)
        app.state.at_once = door.at_once
        return Visits(door, settings=settings)

    app.build_middleware_stack = with_door  # type: ignore[method-assign]
    # FastAPI's own document knows nothing of the services; ours takes its place.
    app.router.routes[:] = [route for route in app.router.routes if getattr(route, "name", "") != "openapi"]
    app.router.routes.extend(proxy_routes())
    return app


def _app(lifespan: Lifespan, *, routers: Sequence[APIRouter]) -> FastAPI:
    return build_app(
        service="gateway",
        title="QSMO Marketplace Platform",
        description="Who leads what, what each marketplace offers, and who has adopted it: one door, one feed of every fact.",
        lifespan=lifespan,
        routers=routers,
        ready_checks=lambda app: app.state.context.checks(),
    )


def _lifespan(
    settings: Settings,
    *,
    connections: Connections | None,
    services: Mapping[str, FastAPI] | None,
    development_issuer: DevelopmentIssuer | None,
    clock: Clock,
    resolver: Resolver,
    tls: ssl.SSLContext | None,
) -> Lifespan:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            made = connections
            if made is None:
                telemetry.configure_logging(level=settings.log_level)
                exporting = tracing.exporting("qsmo-gateway", endpoint=settings.otlp_endpoint, instance=settings.member)
                await stack.enter_async_context(exporting)
                made = await stack.enter_async_context(kafka_connections(settings, service="gateway", clock=clock))
            gateway = context.build(
                settings,
                made,
                services=services,
                development_issuer=development_issuer,
                closing=app.state.closing,
                resolver=resolver,
                tls=tls,
            )
            app.state.context = gateway
            stack.push_async_callback(gateway.stop)
            await gateway.start()
            if connections is None:
                tune_interpreter()
            yield

    return lifespan


def production() -> Draining:
    """For `uvicorn --factory`: everything from the environment."""
    settings = Settings()
    return Draining(create_app(settings), seconds=settings.drain_s)
