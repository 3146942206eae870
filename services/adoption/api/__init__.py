"""HTTP in: each route opens the transaction at its edge and calls one command or query."""

from services.adoption.api import (
    adoptions,
    agreements,
    counts,
    fit,
    forecasts,
    gates,
    iaps,
    meta,
    needs,
    next_steps,
    parked,
    playbook,
    readiness,
    risks,
    rollup,
    savings,
    shortlists,
    slas,
    systems,
    work,
)

routers = (
    adoptions.router,
    gates.router,
    work.router,
    risks.router,
    forecasts.router,
    readiness.router,
    needs.router,
    fit.router,
    shortlists.router,
    agreements.router,
    systems.router,
    savings.router,
    iaps.router,
    slas.router,
    next_steps.router,
    counts.router,
    rollup.router,
    parked.router,
    meta.router,
    playbook.router,
)

__all__ = ["routers"]
