"""HTTP in: each route opens the transaction at its edge and calls one command or query."""

from services.registry.api import (
    areas,
    board,
    designations,
    history,
    meta,
    organization_changes,
    organizations,
    plan_parts,
    plans,
    posts,
    reviews,
)

routers = (
    history.router,
    areas.router,
    designations.router,
    organizations.router,
    organization_changes.router,
    reviews.router,
    plan_parts.router,  # before the plans: /v1/plans/{id}/votes is no action of the plan
    plans.router,
    posts.router,
    board.router,
    meta.router,
)

__all__ = ["routers"]
