"""Figures on a day, from the sums of what facts added and took away; and the same from the facts themselves."""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from statistics import median

from sqlalchemy import BigInteger, cast, func, select, union_all

from services.adoption import tables
from services.adoption.domain.figures import Figure, Source, periods
from services.adoption.domain.m3 import Phase
from services.adoption.domain.scorecard import Basis, Measure, Offerings, Values, measures
from services.adoption.store.figures import CellId, Folding, Told, source_of
from shared.db import Row, Transaction

_READ_ROWS = 5_000
_ON_OFFER = ("published", "listed")
_ON_THE_WAY = frozenset({"in_process", "ready"})
SOURCES: Mapping[Figure, Source] = {
    Figure.FUNNEL: Source.ADOPTION,
    Figure.COVERAGE: Source.ADOPTION,
    Figure.SAVINGS: Source.SAVINGS,
    Figure.HOURS: Source.SAVINGS,
    Figure.SYSTEMS: Source.SYSTEM,
    Figure.SERVICE_LEVELS: Source.SLA,
    Figure.DEMAND: Source.DEMAND,
    Figure.PLANS: Source.IAP,
    Figure.TIME_IN_PHASE: Source.ADOPTION,
    Figure.STALLED: Source.ADOPTION,
    Figure.FEEDBACK: Source.FEEDBACK,
    Figure.OFFERING_LEVELS: Source.SLA,
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


async def scorecard(tx: Transaction, area: str, *, as_of: date | None, with_feedback: bool) -> tuple[Measure, ...]:
    """Of the QSMO of the area."""

    async def of(figure: Figure, *, by_agency: bool = False) -> Values:
        return await values(tx, figure, area=area, by_agency=by_agency, as_of=as_of)

    basis = Basis(
        funnel=await of(Figure.FUNNEL, by_agency=True),
        stalled=await of(Figure.STALLED),
        savings=await of(Figure.SAVINGS),
        systems=await of(Figure.SYSTEMS),
        levels=await of(Figure.SERVICE_LEVELS),
        offering_levels=await of(Figure.OFFERING_LEVELS),
        demand=await of(Figure.DEMAND),
        feedback=await of(Figure.FEEDBACK, by_agency=True) if with_feedback else None,
        providers=await _providers(tx),
        offerings=await _offerings(tx, area) if as_of is None else None,
    )
    return measures(basis)


async def _providers(tx: Transaction) -> dict[str, str]:
    """Offering → provider, of offerings that have months told."""
    table, told = tables.known_offerings, select(tables.slas.c.offering_id)
    query = select(table.c.id, table.c.provider_id).where(table.c.id.in_(told), table.c.provider_id.is_not(None))
    return {row["id"]: row["provider_id"] for row in await tx.rows(query)}


async def _offerings(tx: Transaction, area: str) -> Offerings:
    table, areas = tables.known_offerings, tables.known_offering_areas
    query = select(table.c.authorization, table.c.fit).join(areas, areas.c.offering_id == table.c.id)
    rows = await tx.rows(query.where(areas.c.focus_area == area, table.c.status.in_(_ON_OFFER)))
    statuses = [(row["authorization"] or {}).get("status") for row in rows]
    return Offerings(
        all=len(rows),
        authorized=statuses.count("authorized"),
        on_the_way=sum(status in _ON_THE_WAY for status in statuses),
        priced=sum((row["fit"] or {}).get("price") is not None for row in rows),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeInPhase:
    """Of those that left the phase for the next one, in whole days; `p90` by nearest rank."""

    phase: Phase
    left: int
    median: Decimal
    p90: int


async def time_in_phase(tx: Transaction, area: str, *, as_of: date | None) -> tuple[TimeInPhase, ...]:
    """In the order of the phases; those that nobody has left are not among them."""
    days: dict[Phase, list[int]] = defaultdict(list)
    for (_, key), n in (await values(tx, Figure.TIME_IN_PHASE, area=area, as_of=as_of)).items():
        phase, _, spent = key.partition(":")
        days[Phase(phase)].extend([int(spent)] * n)
    return tuple(_time_in(phase, sorted(days[phase])) for phase in Phase if phase in days)


def _time_in(phase: Phase, days: list[int]) -> TimeInPhase:
    return TimeInPhase(phase=phase, left=len(days), median=Decimal(str(median(days))), p90=days[math.ceil(0.9 * len(days)) - 1])
