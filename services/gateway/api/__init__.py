"""HTTP in: what the gateway answers itself; everything else goes through to the service that owns it."""

from services.gateway.api import (
    audit,
    clock,
    documents,
    events,
    exports,
    imports,
    keys,
    meta,
    operations,
    pages,
    regime,
    stream,
    webhooks,
)

# Fixed paths stand before those with parameters; pages, which no other path takes, before all that would be looked at first.
routers = (
    pages.router,
    stream.router,
    events.router,
    audit.router,
    exports.router,
    webhooks.router,
    keys.router,
    regime.router,
    imports.router,
    operations.router,
    clock.router,
    meta.router,
    documents.router,
)

__all__ = ["routers"]
