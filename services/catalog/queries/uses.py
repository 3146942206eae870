"""Who uses an offering, since when, and how they rate it: derived from the facts of adoption, never typed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import ColumnElement, func, or_, select

from services.catalog import tables
from services.catalog.domain.offering import Offering
from services.catalog.queries.offerings import offering
from services.catalog.queries.using import covered
from shared.auth import Principal
from shared.contracts.fact import Visibility
from shared.db import Row, Transaction
from shared.web.listing import listing
from shared.web.paging import Page, PageRequest, page_of

_USES = listing(
    *(tables.offering_uses, "agency_id", "agency_name", "revision", "since", "until"), sorts=("since",), key="adoption_id"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reuse:
    """How many agencies use it, and since when the first of them, as far as the caller may know."""

    agencies: int
    since: date | None


async def uses(tx: Transaction, id: str, request: PageRequest, *, on: date, by: Principal) -> Page[Row]:
    """Those of the day that the caller may know of, the longest first. Raises NotFound."""
    view = await offering(tx, id, by=by)
    c = tables.offering_uses.c
    query = select(tables.offering_uses).where(*await _known(tx, view.offering, on=on, by=by))
    by_length = [c.since, c.adoption_id]
    return await page_of(tx, query, by=by_length, request=request, read=lambda row: row, listing=_USES)


async def reuse(tx: Transaction, id: str, *, on: date, by: Principal) -> Reuse:
    """Raises NotFound."""
    view = await offering(tx, id, by=by)
    c = tables.offering_uses.c
    counted = select(func.count(c.agency_id.distinct()).label("agencies"), func.min(c.since).label("since"))
    (found,) = await tx.rows(counted.where(*await _known(tx, view.offering, on=on, by=by)))
    return Reuse(**found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """`mean` of the ratings from 1 to 5 that customers gave in one dimension, of all quarters."""

    dimension: str
    mean: Decimal
    ratings: int
    latest_quarter: str


async def rated(tx: Transaction, id: str, *, on: date, by: Principal) -> list[Rated]:
    """What was given until the day. Raises NotFound."""
    view = await offering(tx, id, by=by)
    c = tables.offering_ratings.c
    sums = (func.sum(c.rating).label("total"), func.count().label("ratings"), func.max(c.quarter).label("latest_quarter"))
    query = select(c.dimension, *sums).where(c.offering_id == view.offering.id, c.given_on <= on)
    return [_rated(row) for row in await tx.rows(query.group_by(c.dimension).order_by(c.dimension))]


def _rated(row: Row) -> Rated:
    mean = (Decimal(int(row["total"])) / row["ratings"]).quantize(Decimal("0.01"))
    return Rated(dimension=row["dimension"], mean=mean, ratings=row["ratings"], latest_quarter=row["latest_quarter"])


async def _known(tx: Transaction, found: Offering, *, on: date, by: Principal) -> list[ColumnElement[bool]]:
    """As `Principal.may_see` judges the facts: of what is not public, those of one's own area and agency."""
    c = tables.offering_uses.c
    current = [c.offering_id == found.id, c.since <= on, or_(c.until.is_(None), c.until > on)]
    areas = found.content.focus_areas or (None,)
    if any(by.may_see(Visibility.RESTRICTED, focus_area=area, agency_codes=frozenset()) for area in areas):
        return current
    own = await covered(tx, by.scopes("agency"))
    return [*current, c.is_public | c.agency_id.in_(own) if own else c.is_public]
