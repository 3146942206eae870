"""What an offering was: revisions and their differences."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Response

from services.catalog import queries, schemas
from services.catalog.api import views
from shared.db import Transaction
from shared.web.edge import AtEdge, Listed
from shared.web.routes import Router
from shared.web.wire import Identifier

router = Router(tags=["offerings"])
_MOST = 1_000_000
Number = Annotated[int, Path(ge=1, le=_MOST, description="Revisions count from 1")]


@router.get("/v1/offerings/{id}/revisions", response_model=schemas.RevisionPage)
async def list_revisions(id: Identifier, at: AtEdge, paged: Listed) -> Response:
    """Oldest first."""
    page = await at.read(lambda tx: queries.revisions(tx, id, paged, by=at.principal))
    return at.show_page(page, [views.revision(found, by=at.principal) for found in page.items])


@router.get("/v1/offerings/{id}/revisions/{n}", response_model=schemas.RevisionShown)
async def show_revision(id: Identifier, n: Number, at: AtEdge) -> Response:
    found = await at.read(lambda tx: queries.revision(tx, id, n, by=at.principal))
    return at.show(views.revision(found, by=at.principal))


@router.get("/v1/offerings/{id}/diff", response_model=schemas.RevisionDiff)
async def show_diff(
    id: Identifier,
    at: AtEdge,
    from_: Annotated[int, Query(alias="from", ge=1, le=_MOST, description="The revision before")],
    to: Annotated[int, Query(ge=1, le=_MOST, description="The revision after")],
) -> Response:
    """Field by field, and whether the change touches price, scope or security."""

    async def query(tx: Transaction) -> schemas.RevisionDiff:
        old = await queries.revision(tx, id, from_, by=at.principal)
        new = await queries.revision(tx, id, to, by=at.principal)
        return views.diff(old, new, by=at.principal)

    return at.show(await at.read(query))
