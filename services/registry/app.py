"""The registry as an ASGI application."""

from __future__ import annotations

from fastapi import FastAPI

from services.registry import context
from services.registry.api import routers
from services.registry.config import Settings
from shared.imports.api import import_router
from shared.kernel.time import Clock, utc_now
from shared.parked import parked_router
from shared.service import Connections, owner_lifespan
from shared.web.app import build_app
from shared.web.draining import Draining


def create_app(settings: Settings, *, connections: Connections | None = None, clock: Clock = utc_now) -> FastAPI:
    """`connections` are given where several services share a process; else the settings lead to them."""
    return build_app(
        service="registry",
        title="QSMO registry",
        description="Who leads what, on whose authority: policies, focus areas, organizations, designations, plans.",
        lifespan=owner_lifespan(
            "registry",
            lambda made: context.build(settings, made),
            settings=settings,
            connections=connections,
            clock=clock,
        ),
        routers=(*routers, import_router(), parked_router("registry")) if settings.answers else (),
        ready_checks=lambda app: app.state.context.checks(),
    )


def production() -> Draining:
    """For `uvicorn --factory`: everything from the environment."""
    settings = Settings()
    return Draining(create_app(settings), seconds=settings.drain_s)
