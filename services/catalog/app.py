"""The catalog as an ASGI application."""

from __future__ import annotations

from fastapi import FastAPI

from services.catalog import context
from services.catalog.api import routers
from services.catalog.config import Settings
from shared.imports.api import import_router
from shared.kernel.time import Clock, utc_now
from shared.parked import parked_router
from shared.service import Connections, owner_lifespan
from shared.web.app import build_app
from shared.web.draining import Draining


def create_app(settings: Settings, *, connections: Connections | None = None, clock: Clock = utc_now) -> FastAPI:
    """`connections` are given where several services share a process; else the settings lead to them."""
    return build_app(
        service="catalog",
        title="QSMO catalog",
        description="What each marketplace offers: marketplaces, providers, offerings and their revisions.",
        lifespan=owner_lifespan(
            "catalog",
            lambda made: context.build(settings, made),
            settings=settings,
            connections=connections,
            clock=clock,
        ),
        routers=(*routers, import_router(), parked_router("catalog")) if settings.answers else (),
        ready_checks=lambda app: app.state.context.checks(),
    )


def production() -> Draining:
    """For `uvicorn --factory`: everything from the environment."""
    settings = Settings()
    return Draining(create_app(settings), seconds=settings.drain_s)
