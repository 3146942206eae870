"""The regime at a glance."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Response

from services.gateway import schemas
from services.gateway.api.parameters import after
from services.gateway.compose import Composer
from services.gateway.context import Gateway
from shared.web.edge import AtEdge
from shared.web.wire import Day

router = APIRouter(tags=["regime"])


@router.get("/v1/regime", response_model=schemas.Regime)
async def show_regime(
    at: AtEdge, as_of: Annotated[Day | None, Query(description="By effective date: as it was in law on this day")] = None
) -> Response:
    """Per focus area: leads by service, marketplace, offerings, adoptions. A section whose service is away says so."""
    gateway: Gateway = at.request.app.state.context
    composer = Composer(gateway.upstreams, deadline_s=gateway.settings.compose_deadline_s, headers=after(at))
    return Response(orjson.dumps(await composer.regime(as_of=as_of)), media_type="application/json")
