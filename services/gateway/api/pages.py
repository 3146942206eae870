"""Area, agency and offering: each on one page, from all services."""

from __future__ import annotations

from fastapi import Response

from services.gateway import schemas
from services.gateway.api.parameters import on_behalf
from services.gateway.context import Gateway
from services.gateway.door.pages import ABSENT
from services.gateway.pages.asking import Composed
from services.gateway.pages.sections import AGENCY, AREA, OFFERING, PageKind
from shared.web import own_writes
from shared.web.edge import AtEdge, Edge
from shared.web.routes import Router
from shared.web.wire import Identifier, Slug

router = Router(tags=["pages"])


@router.get("/v1/areas/{slug}/overview", response_model=schemas.AreaPage)
async def show_area_overview(slug: Slug, at: AtEdge) -> Response:
    """The area, who leads it, its plans, marketplace, offerings, adoptions and what stalls."""
    return await _page(at, AREA, slug)


@router.get("/v1/agencies/{id}/overview", response_model=schemas.AgencyPage)
async def show_agency_overview(id: Identifier, at: AtEdge) -> Response:
    """The organization, what it leads and, of it and those below it, what is adopted and what stalls.

    As far as the caller may see it also where the agency stands in each area and what is next there, agreements that end
    within 180 days, investment action plans, and savings by fiscal year.
    """
    return await _page(at, AGENCY, id)


@router.get("/v1/offerings/{id}/overview", response_model=schemas.OfferingPageShown)
async def show_offering_overview(id: Identifier, at: AtEdge) -> Response:
    """The offering, its revisions, who adopts it since when, how to buy it, feedback, and how it fits the caller's agencies."""
    return await _page(at, OFFERING, id)


async def _page(at: Edge, kind: PageKind, id: str) -> Response:
    """As this caller may see it. What a service cannot say now is `unavailable` since when, the rest is served."""
    gateway: Gateway = at.request.app.state.context
    if ABSENT in at.request.scope:
        raise at.request.scope[ABSENT]
    # What was kept may be of before the caller's own writes.
    found = None if own_writes.AFTER in at.request.headers else gateway.pages.find((kind.name, id, at.principal))
    if found is None:
        found = await gateway.page(kind, id, at.principal, headers=on_behalf(at.request.headers.raw))
    return answer(at, found)


def answer(at: Edge, found: Composed) -> Response:
    """304 when the caller has it already."""
    shared = "public" if at.principal.is_anonymous else "private"
    headers = {"ETag": found.etag, "Cache-Control": f"{shared}, no-cache", "Vary": "Authorization, X-Api-Key"}
    given = [tag.strip() for tag in at.request.headers.get("if-none-match", "").split(",")]
    if found.etag in given:
        return Response(status_code=304, headers=headers)
    return Response(found.body, 200, headers, "application/json")
