"""The read model of figures: subjects, and cells that facts add to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from operator import itemgetter
from sys import intern
from typing import Any

import orjson
from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

from services.adoption import tables
from services.adoption.domain.figures import Cell, Delta, Figure, Grain, Source, Subject, fold, stall_of
from shared.contracts.adoption import AdoptionFact
from shared.contracts.fact import FACTS
from shared.db import Row, Transaction, among, insert_tuples, upsert

# figure, area.
Section = tuple[str, str]
# (agency, key) → amount; the agency is "" for all together.
Sums = dict[tuple[str, str], int]
# figure, area, grain, first day, agency, key; of a row also the value.
CellId = tuple[str, str, str, date, str, str]
CellRow = tuple[str, str, str, date, str, str, int]
Stalled = Mapping[str, Any]
StallRow = tuple[str, date, date | None, date, int]
_STALL = ("adoption_id", "since", "until", "progress_on", "threshold_days")
_PREFIXES = {
    "qsmo.adoption.savings.": Source.SAVINGS,
    "qsmo.adoption.system.": Source.SYSTEM,
    "qsmo.adoption.sla.": Source.SLA,
    "qsmo.adoption.demand.": Source.DEMAND,
    "qsmo.adoption.iap.": Source.IAP,
    "qsmo.adoption.feedback.": Source.FEEDBACK,
}
_OUTCOMES = {
    "qsmo.adoption.sla.met.v1": "met",
    "qsmo.adoption.sla.missed.v1": "missed",
    "qsmo.adoption.sla.recorded.v1": "text",
}
_ROWS = 5_000
_FINER = (
    (Grain.MONTH, Grain.DAY),
    (Grain.YEAR, Grain.MONTH),
    (Grain.EVER, Grain.YEAR),
    (Grain.AGENCY_YEAR, Grain.AGENCY_DAY),
    (Grain.AGENCY_EVER, Grain.AGENCY_YEAR),
)
_CELL = ("figure", "area", "grain", "begins_on", "agency", "key", "value")


def source_of(type_: str) -> Source | None:
    """None for facts that no figure is made of."""
    fact = FACTS.get(type_)
    if fact is not None and issubclass(fact, AdoptionFact):
        return Source.ADOPTION
    return next((source for prefix, source in _PREFIXES.items() if type_.startswith(prefix)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A fact as the read model takes it."""

    event_id: str
    type: str
    subject: str
    version: int
    at: datetime
    data: bytes | str


@dataclass(slots=True)
class Folding:
    """Facts folded one after the other. `subjects`: those at hand; one of a version that was folded already is passed over.

    `stalls`: by adoption and first day, what was told of it, and until when, if it is over.
    """

    subjects: dict[str, Subject] = field(default_factory=dict)
    days: dict[Section, dict[date, Sums]] = field(default_factory=dict)
    ranges: dict[Source, tuple[int, str, str]] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    stalls: dict[tuple[str, str], StallRow] = field(default_factory=dict)

    def take(self, told: Told) -> None:
        source = source_of(told.type)
        before = self.subjects.get(told.subject)
        if source is None or (before is not None and told.version <= before.version):
            return
        fact = orjson.loads(told.data)
        if source is Source.SLA and "month" in fact:
            fact["outcome"] = _OUTCOMES[told.type]
        elif source is Source.ADOPTION:
            fact["verb"] = told.type.split(".")[3]
        after, deltas = fold(source, fact, before, version=told.version, recorded_on=told.at.date())
        self.subjects[told.subject] = after
        self.touched.add(told.subject)
        if source is Source.ADOPTION:
            self._stall(told.subject, stall_of(before.memory if before else None), stall_of(after.memory), deltas)
        for (figure, agency, area, key), day, amount in deltas:
            sums = self.days.setdefault((figure, area), {}).setdefault(day, {})
            within = (intern(agency), intern(key))
            sums[within] = sums.get(within, 0) + amount
        count, first, last = self.ranges.get(source, (0, told.event_id, told.event_id))
        self.ranges[source] = (count + 1, min(first, told.event_id), max(last, told.event_id))

    def _stall(self, id: str, before: Stalled | None, after: Stalled | None, deltas: Sequence[Delta]) -> None:
        if before == after:
            return
        if before is not None:
            until = next(day for cell, day, n in deltas if cell.figure == Figure.STALLED and n < 0)
            self.stalls[id, before["since"]] = _stall_row(id, before, until)
        if after is not None:
            self.stalls[id, after["since"]] = _stall_row(id, after, None)

    def cells(self) -> Iterator[CellRow]:
        """Every one, without zeros, in the order of their table."""
        for (figure, area), days in sorted(self.days.items(), key=itemgetter(0)):
            for grain, periods in sorted(_by_grain(days).items()):
                name, of_agencies = grain.value, grain.is_of_agencies
                for begins_on, sums in sorted(periods.items(), key=itemgetter(0)):
                    for (agency, key), amount in sorted(sums.items()):
                        if amount and (agency or not of_agencies):
                            yield figure, area, name, begins_on, agency, key, amount


def _stall_row(id: str, stall: Stalled, until: date | None) -> StallRow:
    since, progress_on = (date.fromisoformat(stall[name]) for name in ("since", "progress_on"))
    return id, since, until, progress_on, stall["threshold_days"]


def _together(sums: Sums) -> Sums:
    found: Sums = {}
    for (_, key), amount in sums.items():
        found["", key] = found.get(("", key), 0) + amount
    return found


def _by_grain(days: Mapping[date, Sums]) -> dict[Grain, Mapping[date, Sums]]:
    """Grain → first day of each period → its sums; each grain of the next finer one, which has the fewest to add."""
    found: dict[Grain, Mapping[date, Sums]] = {
        Grain.AGENCY_DAY: days,
        Grain.DAY: {day: _together(sums) for day, sums in days.items()},
    }
    for grain, finer in _FINER:
        found[grain] = _summed(found[finer], grain)
    return found


def _summed(finer: Mapping[date, Sums], grain: Grain) -> dict[date, Sums]:
    found: dict[date, Sums] = {}
    for day, sums in finer.items():
        into = found.setdefault(grain.begins(day), {})
        for within, amount in sums.items():
            into[within] = into.get(within, 0) + amount
    return found


async def subjects_of(tx: Transaction, ids: Sequence[str]) -> dict[str, Subject]:
    """Those on record."""
    table = tables.figure_subjects
    rows = await tx.rows(table.select().where(among(tx, table.c.id, ids)).order_by(table.c.id).with_for_update())
    return {row["id"]: _subject(row) for row in rows}


def _subject(row: Row) -> Subject:
    contribution = {Cell(*cell): n for *cell, n in orjson.loads(row["contribution"])}
    memory = orjson.loads(row["memory"]) if row["memory"] else None
    return Subject(row["version"], row["day"], contribution, row["moved"], memory)


_SUBJECT = ("id", "version", "day", "moved", "contribution", "memory")


def _subject_row(id: str, subject: Subject) -> dict[str, Any]:
    cells = [[c.figure, c.agency, c.area, c.key, n] for c, n in subject.contribution.items()]
    return {
        "id": id,
        "version": subject.version,
        "day": subject.day,
        "moved": subject.moved,
        "contribution": orjson.dumps(cells).decode(),
        "memory": orjson.dumps(subject.memory).decode() if subject.memory else None,
    }


async def apply(tx: Transaction, facts: Iterable[Told]) -> None:
    """Each once, however often it is told. In one order of rows, so that two replicas never wait for one another."""
    given = list(facts)
    folding = Folding(subjects=await subjects_of(tx, list(dict.fromkeys(told.subject for told in given))))
    for told in given:
        folding.take(told)
    rows = [_subject_row(id_, folding.subjects[id_]) for id_ in sorted(folding.touched)]
    await upsert(tx, tables.figure_subjects, rows)
    stalls = [dict(zip(_STALL, row, strict=True)) for _, row in sorted(folding.stalls.items(), key=itemgetter(0))]
    await upsert(tx, tables.figure_stalls, stalls)
    await _increase(tx, tables.figure_cells, [dict(zip(_CELL, row, strict=True)) for row in sorted(folding.cells())])
    await _widen(tx, folding.ranges)


async def replace_all(tx: Transaction, folding: Folding) -> None:
    """The read model is this from here on; readers see the old one until it is committed."""
    for table in (tables.figure_cells, tables.figure_subjects, tables.figure_ranges, tables.figure_stalls):
        await tx.execute(table.delete())
    cells = folding.cells()
    while rows := list(islice(cells, _ROWS)):
        await insert_tuples(tx, tables.figure_cells, _CELL, rows)
    subjects = (tuple(_subject_row(id_, folding.subjects[id_]).values()) for id_ in sorted(folding.subjects))
    while rows := list(islice(subjects, _ROWS)):
        await insert_tuples(tx, tables.figure_subjects, _SUBJECT, rows)
    stalls = iter(folding.stalls.values())
    while found := list(islice(stalls, _ROWS)):
        await insert_tuples(tx, tables.figure_stalls, _STALL, found)
    await _widen(tx, folding.ranges)


async def _increase(tx: Transaction, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    statement = (postgresql.insert if tx.is_postgresql else sqlite.insert)(table)
    keys = [column.name for column in table.primary_key]
    adding = statement.on_conflict_do_update(index_elements=keys, set_={"value": table.c.value + statement.excluded.value})
    await tx.execute(adding, list(rows))


async def _widen(tx: Transaction, ranges: Mapping[Source, tuple[int, str, str]]) -> None:
    table = tables.figure_ranges
    known = {row["source"]: row for row in await tx.rows(table.select().order_by(table.c.source).with_for_update())}
    rows = []
    for source, (count, first, last) in sorted(ranges.items()):
        row = known.get(source.value, {"facts": 0, "first_event": first, "last_event": last})
        rows.append(
            {
                "source": source.value,
                "facts": count + row["facts"],
                "first_event": min(first, row["first_event"]),
                "last_event": max(last, row["last_event"]),
            }
        )
    await upsert(tx, table, rows)
