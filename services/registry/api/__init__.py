"""HTTP in: each route opens the transaction at its edge and calls one command or query."""

from services.registry.api import areas, designations, meta, organizations, reviews

routers = (areas.router, designations.router, organizations.router, reviews.router, meta.router)

__all__ = ["routers"]
