"""The regime at a glance."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response

from services.gateway import schemas
from services.gateway.api.pages import answer
from services.gateway.api.parameters import after
from services.gateway.context import Gateway, regime_key
from shared.web import own_writes
from shared.web.edge import AtEdge
from shared.web.routes import Router
from shared.web.wire import Day

router = Router(tags=["regime"])


@router.get("/v1/regime", response_model=schemas.Regime)
async def show_regime(
    at: AtEdge, as_of: Annotated[Day | None, Query(description="By effective date: as it was in law on this day")] = None
) -> Response:
    """Per focus area: leads by service, marketplace, offerings, adoptions. A section whose service is away says so."""
    gateway: Gateway = at.request.app.state.context
    found = None if own_writes.AFTER in at.request.headers else gateway.pages.find(regime_key(as_of))
    return answer(at, found or await gateway.regime(as_of, headers=after(at)))
