"""Figures on a day, from the sums of what facts added and took away; and the same from the facts themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import BigInteger, cast, func, select, union_all

from services.adoption import tables
from services.adoption.domain.figures import Figure, Source, periods
from services.adoption.domain.scorecard import Measure, Offerings, Values, measures
from services.adoption.store.figures import CellId, Folding, Told, source_of
from shared.db import Row, Transaction

_READ_ROWS = 5_000
_ON_OFFER = ("published", "listed")
SOURCES: Mapping[Figure, Source] = {
    Figure.FUNNEL: Source.ADOPTION,
    Figure.COVERAGE: Source.ADOPTION,
    Figure.SAVINGS: Source.SAVINGS,
    Figure.HOURS: Source.SAVINGS,
    Figure.SYSTEMS: Source.SYSTEM,
    Figure.SERVICE_LEVELS: Source.SLA,
    Figure.DEMAND: Source.DEMAND,
    Figure.PLANS: Source.IAP,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The facts that a figure is made of: how many, the first and the last event."""

    facts: int = 0
    first_event: str | None = None
    last_event: str | None = None


async def values(
    tx: Transaction, figure: Figure, *, area: str, agency: str = "", by_agency: bool = False, as_of: date | None = None
) -> dict[tuple[str, str], int]:
    """(agency, key) → sum, without zeros. The agency is "" for all together, else one of them; `by_agency`: each."""
    table = tables.figure_cells
    of_agencies = by_agency or bool(agency)
    # By itself, each period is a row of the index.
    parts = [
        select(table.c.agency, table.c.key, table.c.value).where(
            table.c.figure == figure.value,
            table.c.area == area,
            table.c.grain == grain.value,
            table.c.begins_on.between(first, last),
            *([table.c.agency == agency] if of_agencies and not by_agency else []),
        )
        for grain, first, last in periods(as_of, of_agencies=of_agencies)
    ]
    part = union_all(*parts).subquery()
    total = func.sum(part.c.value)
    query = select(part.c.agency, part.c.key, cast(total, BigInteger)).group_by(part.c.agency, part.c.key)
    found = await tx.execute(query.having(total != 0).order_by(part.c.agency, part.c.key))
    return {(agency, key): value for agency, key, value in map(tuple, found)}


async def ranges(tx: Transaction) -> dict[Source, Range]:
    rows = await tx.rows(select(tables.figure_ranges))
    found = {
        Source(row["source"]): Range(facts=row["facts"], first_event=row["first_event"], last_event=row["last_event"])
        for row in rows
    }
    return {source: found.get(source, Range()) for source in Source}


async def told(tx: Transaction, *, after: int = 0) -> AsyncIterator[tuple[int, list[Told]]]:
    """What this service ever published that figures are made of, in the order of its aggregates; with the last row's id."""
    table = tables.outbox
    columns = (table.c.id, table.c.event_id, table.c.key, table.c.aggregate_version, table.c.payload, table.c.recorded_at)
    type_ = table.c.headers["ce_type"].as_string().label("type")
    while True:
        query = select(*columns, type_).where(table.c.id > after).order_by(table.c.id).limit(_READ_ROWS)
        rows = await tx.rows(query)
        if not rows:
            return
        after = rows[-1]["id"]
        yield after, [_told(row) for row in rows if source_of(row["type"])]


def _told(row: Row) -> Told:
    return Told(
        event_id=row["event_id"],
        type=row["type"],
        subject=row["key"],
        version=row["aggregate_version"],
        at=row["recorded_at"],
        data=row["payload"],
    )


async def folded(tx: Transaction) -> tuple[Folding, int]:
    """All of it, in a thread beside those who serve; with the id of the last row read."""
    folding, read = Folding(), 0
    async for last, facts in told(tx):
        await asyncio.to_thread(_take_all, folding, facts)
        read = last
    return folding, read


def _take_all(folding: Folding, facts: list[Told]) -> None:
    for fact in facts:
        folding.take(fact)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A cell where the read model and the facts disagree."""

    cell: CellId
    served: int
    recomputed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """`behind`: facts that are published but not counted yet."""

    facts: int
    cells: int
    behind: int
    differences: tuple[Difference, ...]


_DIFFERENCES_MAX = 100


async def verification(tx: Transaction) -> Verification:
    """The read model beside what its facts come to."""
    folding, _ = await folded(tx)
    expected: dict[CellId, int] = {row[:6]: row[6] for row in folding.cells()}
    table = tables.figure_cells
    served: dict[CellId, int] = {
        (row["figure"], row["area"], row["grain"], row["begins_on"], row["agency"], row["key"]): int(row["value"])
        for row in await tx.rows(select(table).where(table.c.value != 0))
    }
    differing = sorted(id_ for id_ in served.keys() | expected.keys() if served.get(id_, 0) != expected.get(id_, 0))
    facts = sum(count for count, _, _ in folding.ranges.values())
    counted = sum(each.facts for each in (await ranges(tx)).values())
    found = [
        Difference(cell=id_, served=served.get(id_, 0), recomputed=expected.get(id_, 0)) for id_ in differing[:_DIFFERENCES_MAX]
    ]
    return Verification(facts=facts, cells=len(expected), behind=facts - counted, differences=tuple(found))


async def scorecard(tx: Transaction, area: str, *, as_of: date | None) -> tuple[Measure, ...]:
    """Of the QSMO of the area."""

    async def of(figure: Figure, *, by_agency: bool = False) -> Values:
        return await values(tx, figure, area=area, by_agency=by_agency, as_of=as_of)

    return measures(
        funnel=await of(Figure.FUNNEL, by_agency=True),
        savings=await of(Figure.SAVINGS),
        systems=await of(Figure.SYSTEMS),
        levels=await of(Figure.SERVICE_LEVELS),
        demand=await of(Figure.DEMAND),
        offerings=await _offerings(tx, area) if as_of is None else None,
    )


async def _offerings(tx: Transaction, area: str) -> Offerings:
    table, areas = tables.known_offerings, tables.known_offering_areas
    query = select(table.c.authorization).join(areas, areas.c.offering_id == table.c.id)
    rows = await tx.rows(query.where(areas.c.focus_area == area, table.c.status.in_(_ON_OFFER)))
    authorized = sum((row["authorization"] or {}).get("status") == "authorized" for row in rows)
    return Offerings(all=len(rows), authorized=authorized)
