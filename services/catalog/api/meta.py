"""The rules as data."""

from __future__ import annotations

from fastapi import Response

from services.catalog import schemas
from services.catalog.domain import mapping, marketplace, offering, standard, vehicle
from shared.web.edge import AtEdge
from shared.web.routes import Router

router = Router(tags=["meta"])


@router.get("/v1/meta/state-machines/catalog", response_model=schemas.StateMachines)
async def list_catalog_state_machines(at: AtEdge) -> Response:
    """The transition tables that the code itself runs on."""
    return at.show(
        schemas.StateMachines(machines=[each.MACHINE.as_dict() for each in (marketplace, offering, standard, vehicle, mapping)])
    )
