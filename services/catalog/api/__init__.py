"""HTTP in: each route opens the transaction at its edge and calls one command or query."""

from services.catalog.api import (
    change_sets,
    exports,
    mappings,
    marketplaces,
    meta,
    offerings,
    providers,
    revisions,
    search,
    standards,
    uses,
    vehicles,
)

routers = (
    marketplaces.router,
    providers.router,
    vehicles.router,
    revisions.router,
    uses.router,
    offerings.router,
    search.router,
    exports.router,
    standards.router,
    change_sets.router,
    mappings.router,
    meta.router,
)

__all__ = ["routers"]
