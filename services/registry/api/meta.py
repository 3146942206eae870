"""The rules as data."""

from __future__ import annotations

from fastapi import Response

from services.registry import schemas
from services.registry.domain import designation, match_review, plan_progress, plan_states, post
from shared.web.edge import AtEdge
from shared.web.routes import Router

router = Router(tags=["meta"])


@router.get("/v1/meta/state-machines/registry", response_model=schemas.StateMachines)
async def list_registry_state_machines(at: AtEdge) -> Response:
    """The transition tables that the code itself runs on."""
    machines = (
        designation.MACHINE,
        match_review.MACHINE,
        plan_states.MACHINE,
        plan_progress.MILESTONE,
        plan_progress.OBLIGATION,
        post.MACHINE,
    )
    return at.show(schemas.StateMachines(machines=[machine.as_dict() for machine in machines]))
