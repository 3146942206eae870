"""HTTP in: each route opens the transaction at its edge and calls one command or query."""

from services.adoption.api import adoptions, counts, meta, parked

routers = (adoptions.router, counts.router, parked.router, meta.router)

__all__ = ["routers"]
