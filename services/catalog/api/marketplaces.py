"""Marketplaces over HTTP: read only, since designations move them."""

from __future__ import annotations

from fastapi import Response

from services.catalog import queries, schemas
from services.catalog.api import views
from shared.web.edge import AtEdge, Listed
from shared.web.routes import Router
from shared.web.wire import Slug

router = Router(tags=["marketplaces"])


@router.get("/v1/marketplaces", response_model=schemas.MarketplacePage)
async def list_marketplaces(at: AtEdge, paged: Listed) -> Response:
    """By area."""
    page = await at.read(lambda tx: queries.marketplaces(tx, paged))
    return at.show_page(page, [views.marketplace(view) for view in page.items])


@router.get("/v1/marketplaces/{area}", response_model=schemas.MarketplaceShown)
async def show_marketplace(area: Slug, at: AtEdge) -> Response:
    view = await at.read(lambda tx: queries.marketplace(tx, area))
    return at.show(views.marketplace(view), version=view.marketplace.version)
