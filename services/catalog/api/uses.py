"""Who uses an offering and how they rate it, over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Annotated

from fastapi import Query, Response
from pydantic import Field

from services.catalog.queries import uses as queries
from shared.auth import Unauthenticated
from shared.db import Row
from shared.kernel.errors import Forbidden
from shared.web.edge import AtEdge, Listed
from shared.web.routes import Router
from shared.web.wire import Day, Identifier, Shown

router = Router(tags=["offerings"])
On = Annotated[Day | None, Query(description="Those of this day, by effective date; without it, of today")]


class UseShown(Shown):
    """One adoption in operations. `since`: the day it went live, or of the first letter known from a public register."""

    adoption_id: str
    agency_id: str
    agency_name: str | None
    revision: int = Field(description="Of the offering, as chosen or last accepted")
    since: date
    until: date | None = Field(description="When it was given up; null: not")


class UsePage(Shown):
    items: list[UseShown]
    next_cursor: str | None


class ReuseShown(Shown):
    """`agencies`: how many that the caller may know of use it; `since`: the first of them."""

    offering_id: str
    agencies: int
    since: date | None


class RatedShown(Shown):
    """`mean` of ratings from 1 to 5, one per adoption and quarter."""

    dimension: str
    mean: Decimal
    ratings: int
    latest_quarter: str


class RatingsShown(Shown):
    """By dimension; none where no customer has given feedback."""

    offering_id: str
    items: list[RatedShown]


@router.get("/v1/offerings/{id}/uses", response_model=UsePage)
async def list_uses(id: Identifier, at: AtEdge, paged: Listed, as_of: On = None) -> Response:
    """Which agencies use it, the longest first: derived from adoptions, those that the caller may see."""
    page = await at.read(lambda tx: queries.uses(tx, id, paged, on=as_of or tx.at.date(), by=at.principal))
    return at.show_page(page, [_shown(row) for row in page.items])


@router.get("/v1/offerings/{id}/reuse", response_model=ReuseShown)
async def show_reuse(id: Identifier, at: AtEdge, as_of: On = None) -> Response:
    found = await at.read(lambda tx: queries.reuse(tx, id, on=as_of or tx.at.date(), by=at.principal))
    return at.show(ReuseShown(offering_id=id, agencies=found.agencies, since=found.since))


@router.get("/v1/offerings/{id}/ratings", response_model=RatingsShown)
async def show_ratings(id: Identifier, at: AtEdge, as_of: On = None) -> Response:
    """What customers rated until the day: derived from their feedback. For federal callers, as satisfaction is."""
    if at.principal.is_anonymous:
        raise Unauthenticated("Ratings are for federal callers: this needs a bearer token.")
    if not at.principal.sees_federal:
        raise Forbidden("Ratings are for federal callers.")
    found = await at.read(lambda tx: queries.rated(tx, id, on=as_of or tx.at.date(), by=at.principal))
    return at.show(RatingsShown(offering_id=id, items=[RatedShown(**asdict(each)) for each in found]))


def _shown(row: Row) -> UseShown:
    return UseShown(**{name: row[name] for name in UseShown.model_fields})
