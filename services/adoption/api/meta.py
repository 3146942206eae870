"""The rules as data."""

from __future__ import annotations

from fastapi import Response

from services.adoption import schemas
from services.adoption.domain import agreement, annual_plan, finding, iap, provider_case, shortlist, system
from services.adoption.domain.adoption import MACHINE, PHASE_MACHINE
from shared.web.edge import AtEdge
from shared.web.routes import Router

router = Router(tags=["meta"])


@router.get("/v1/meta/state-machines/adoption", response_model=schemas.StateMachines)
async def list_adoption_state_machines(at: AtEdge) -> Response:
    """The transition tables that the code itself runs on: the status, the phase beside it, and the rest."""
    others = (shortlist, agreement, system, iap, annual_plan, finding, provider_case)
    machines = (MACHINE, PHASE_MACHINE, *(module.MACHINE for module in others))
    return at.show(schemas.StateMachines(machines=[machine.as_dict() for machine in machines]))
