"""The rules as data, of every service."""

from __future__ import annotations

import asyncio

import orjson
from fastapi import Response

from services.gateway import schemas
from services.gateway.clients import Upstream, UpstreamAway
from services.gateway.context import Gateway
from shared.web.edge import AtEdge
from shared.web.routes import Router

router = Router(tags=["meta"])


@router.get("/v1/meta/state-machines", response_model=schemas.StateMachinesByService)
async def list_state_machines(at: AtEdge) -> Response:
    """The transition tables that the services run on."""
    gateway: Gateway = at.request.app.state.context
    found = await asyncio.gather(*(_machines(upstream) for upstream in gateway.upstreams.values()))
    return Response(orjson.dumps({"services": dict(zip(gateway.upstreams, found, strict=True))}), media_type="application/json")


async def _machines(upstream: Upstream) -> object:
    try:
        answer = await upstream.get(f"/v1/meta/state-machines/{upstream.service}")
        if not answer.is_success:
            raise upstream.away(f"it answers HTTP {answer.status}")
    except UpstreamAway as away:
        return away.as_section()
    return answer.json()["machines"]
