"""Rows of imports that wait for an organization or an offering."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response

from services.adoption import policy, queries, schemas
from shared.auth import Unauthenticated
from shared.web.edge import AtEdge, Listed
from shared.web.routes import Router
from shared.web.wire import Line

router = Router(tags=["imports"])


@router.get("/v1/parked-rows", response_model=schemas.ParkedRowPage)
async def list_parked_rows(
    at: AtEdge,
    paged: Listed,
    waits_for: Annotated[Line | None, Query(description="Only these, e.g. fedramp-agency:22-011")] = None,
) -> Response:
    """By what they wait for; each is taken up by itself when that becomes known."""
    if at.principal.is_anonymous:
        raise Unauthenticated("Parked rows need a bearer token.")
    policy.require(at.principal, *policy.PARKED_ROWS_READERS, to="read parked rows")
    page = await at.read(lambda tx: queries.parked_rows(tx, waits_for=waits_for, request=paged))
    return at.show_page(page, [schemas.ParkedRowShown.model_validate(dict(row)) for row in page.items])
