"""HTTP in: each route opens the transaction at its edge and calls one command or query."""

from services.adoption.api import (
    adoptions,
    agreements,
    counts,
    fit,
    gates,
    meta,
    needs,
    next_steps,
    parked,
    readiness,
    rollup,
    savings,
    shortlists,
    systems,
)

routers = (
    adoptions.router,
    gates.router,
    readiness.router,
    needs.router,
    fit.router,
    shortlists.router,
    agreements.router,
    systems.router,
    savings.router,
    next_steps.router,
    counts.router,
    rollup.router,
    parked.router,
    meta.router,
)

__all__ = ["routers"]
