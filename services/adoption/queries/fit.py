"""What an agency's needs ask of the catalog, and the candidates of an area, kept ready in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import func, select

from services.adoption import store, tables
from services.adoption.domain.candidate import Vehicle
from services.adoption.domain.fit import Question
from services.adoption.domain.fit_catalog import Catalog
from services.adoption.domain.needs import Needs
from services.adoption.domain.readiness import Profile
from shared.db import Transaction

# Areas whose candidates are kept ready.
_KEPT_MAX = 16
_OFFERED = ("published", "listed")
_Mark = tuple[int, int]


@dataclass(slots=True)
class _Kept:
    mark: _Mark
    catalog: Catalog


class Catalogs:
    """The candidates of each area, built anew when an offering of the area was told of since."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, bool], _Kept] = {}

    async def of(self, tx: Transaction, area: str, *, listed: bool) -> Catalog:
        """`listed`: also what only a public register knows."""
        mark = await _mark(tx, area)
        kept = self._kept.pop((area, listed), None)
        if kept is None or kept.mark != mark:
            kept = _Kept(mark, await _read(tx, area, listed=listed))
        self._kept[area, listed] = kept
        while len(self._kept) > _KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        return kept.catalog


async def _mark(tx: Transaction, area: str) -> _Mark:
    """Grows with every fact about an offering of the area."""
    table, areas = tables.known_offerings, tables.known_offering_areas
    query = select(func.count().label("n"), func.coalesce(func.sum(table.c.fact_version), 0).label("versions"))
    row = await tx.row(
        query.select_from(table.join(areas, areas.c.offering_id == table.c.id)).where(areas.c.focus_area == area)
    )
    assert row is not None
    return row["n"], row["versions"]


async def _read(tx: Transaction, area: str, *, listed: bool) -> Catalog:
    table, areas = tables.known_offerings, tables.known_offering_areas
    statuses = _OFFERED if listed else _OFFERED[:1]
    query = select(table).join(areas, areas.c.offering_id == table.c.id).where(areas.c.focus_area == area)
    rows = await tx.rows(query.where(table.c.status.in_(statuses), table.c.revision > 0).order_by(table.c.code))
    return Catalog(store.candidate(row) for row in rows)


async def activities_of(tx: Transaction, area: str) -> Mapping[str, str]:
    """Id → title, of every standard of the area."""
    table = tables.known_activities
    query = select(table.c.id, table.c.title).where(table.c.focus_area == area).order_by(table.c.id)
    return {row["id"]: row["title"] for row in await tx.rows(query)}


async def profile_of(tx: Transaction, organization_id: str, area: str) -> Profile | None:
    table = tables.profiles
    row = await tx.row(select(table).where(table.c.organization_id == organization_id, table.c.focus_area == area))
    return None if row is None else store.profiles.from_row(row)


async def question_of(tx: Transaction, needs: Needs, *, without: frozenset[str] = frozenset()) -> Question:
    """The needs as a question on today's date. `without`: activities left out."""
    profile = await profile_of(tx, needs.organization_id, needs.focus_area)
    return Question(
        needs=tuple(need for need in needs.applicable if need.fibf_id not in without),
        constraints=needs.constraints,
        readiness={found.dimension.value: found.level for found in profile.standings} if profile else {},
        size=needs.size or {},
        agency=await _agency(tx, needs.organization_id),
        on=tx.at.date(),
        vehicles=await _vehicles(tx),
    )


async def _agency(tx: Transaction, organization_id: str) -> frozenset[str]:
    """Its id, and those of the organizations above it."""
    table = tables.known_organizations
    above = select(table.c.id, table.c.parent_id).where(table.c.id == organization_id).cte("above", recursive=True)
    above = above.union(select(table.c.id, table.c.parent_id).join(above, table.c.id == above.c.parent_id))
    return frozenset(row["id"] for row in await tx.rows(select(above.c.id)))


async def _vehicles(tx: Transaction) -> dict[str, Vehicle]:
    rows = await tx.rows(select(tables.known_vehicles))
    return {row["number"]: store.vehicle(row) for row in rows}


async def needs_of_area(tx: Transaction, area: str, fiscal_year: int, *, after: str, limit: int) -> list[Needs]:
    """Of all agencies, by id."""
    table = tables.needs
    query = select(table).where(table.c.focus_area == area, table.c.fiscal_year == fiscal_year, table.c.id > after)
    return [store.needs.from_row(row) for row in await tx.rows(query.order_by(table.c.id).limit(limit))]


async def newest_needs(tx: Transaction, offering_id: str, organizations: Collection[str], *, limit: int) -> list[Needs]:
    """Of each of these organizations in each area of the offering, by area and organization."""
    if not organizations:
        return []
    table, areas = tables.needs, tables.known_offering_areas
    concerned = table.c.organization_id.in_(organizations) & table.c.focus_area.in_(
        select(areas.c.focus_area).where(areas.c.offering_id == offering_id)
    )
    place = (table.c.focus_area, table.c.organization_id)
    newest = select(*place, func.max(table.c.fiscal_year).label("year")).where(concerned).group_by(*place).subquery()
    query = select(table).join(
        newest,
        (table.c.organization_id == newest.c.organization_id)
        & (table.c.focus_area == newest.c.focus_area)
        & (table.c.fiscal_year == newest.c.year),
    )
    return [store.needs.from_row(row) for row in await tx.rows(query.order_by(*place).limit(limit))]
