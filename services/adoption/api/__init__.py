"""HTTP in: each route opens the transaction at its edge and calls one command or query."""

from services.adoption.api import adoptions, counts, gates, meta, parked

routers = (adoptions.router, gates.router, counts.router, parked.router, meta.router)

__all__ = ["routers"]
