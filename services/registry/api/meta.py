"""The rules as data."""

from __future__ import annotations

from fastapi import APIRouter, Response

from services.registry import schemas
from services.registry.domain import designation, match_review
from shared.web.edge import AtEdge

router = APIRouter(tags=["meta"])


@router.get("/v1/meta/state-machines/registry", response_model=schemas.StateMachines)
async def list_registry_state_machines(at: AtEdge) -> Response:
    """The transition tables that the code itself runs on."""
    return at.show(schemas.StateMachines(machines=[designation.MACHINE.as_dict(), match_review.MACHINE.as_dict()]))
