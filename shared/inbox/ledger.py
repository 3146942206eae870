"""Which version of each aggregate a consumer has applied: tells the fresh from the duplicate, the gap and the parked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum, auto
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    Insert,
    Integer,
    Select,
    String,
    Table,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql

from shared.bus.port import Delivery
from shared.contracts.envelope import Event, MalformedEvent
from shared.db import Row, Transaction, in_keys, keys, upsert
from shared.inbox.tables import InboxTables

_SUBJECT_MAX_CHARS = 128
_STATEMENTS = 16
# Of a position, what differs from event to event.
_ADVANCED = ("subject", "version", "event_id")
# Without a length: a cast to varchar(n) would cut what is too long, which the column itself refuses.
_TEXTS, _NUMBERS = postgresql.ARRAY(String()), postgresql.ARRAY(Integer())


class Verdict(Enum):
    """What is to be done with an event."""

    APPLY = auto()
    DUPLICATE = auto()
    GAP = auto()
    PARKED = auto()


class Ledger:
    """Positions and parked events of one consumer; every method runs in the caller's transaction."""

    def __init__(self, *, consumer: str, tables: InboxTables) -> None:
        self._consumer = consumer
        self._positions = tables.positions
        self._parked = tables.parked

    async def judge(self, tx: Transaction, events: Sequence[Event]) -> list[tuple[Event, Verdict]]:
        """A verdict per event, in order, as if those before it in the list were already dealt with."""
        aggregates = [_aggregate(event) for event in events]
        subjects = list(dict.fromkeys(event.subject for event in events))
        applied, waiting = await self._known(tx, list(dict.fromkeys(aggregates)), subjects)
        judged: list[tuple[Event, Verdict]] = []
        for event, aggregate in zip(events, aggregates, strict=True):
            verdict = _verdict(event.aggregate_version, applied.get(aggregate, 0), waiting.get(aggregate))
            if verdict is Verdict.APPLY:
                applied[aggregate] = event.aggregate_version
            elif verdict is not Verdict.DUPLICATE:
                waiting[aggregate] = event.aggregate_version
            judged.append((event, verdict))
        return judged

    async def _known(
        self, tx: Transaction, aggregates: Sequence[str], subjects: Sequence[str]
    ) -> tuple[dict[str, int], dict[str, int]]:
        """The last version applied of each aggregate, and the last that is parked."""
        given = {"consumer": self._consumer, "aggregates": keys(tx, aggregates), "subjects": keys(tx, subjects)}
        found: Iterable[Any] = await tx.execute(_known(self._positions, self._parked, is_postgresql=tx.is_postgresql), given)
        known: tuple[dict[str, int], dict[str, int]] = {}, {}
        for is_parked, aggregate, version in found:
            known[is_parked][aggregate] = version
        return known

    async def applied(self, tx: Transaction, topic: str, subject: str) -> int:
        """The version of an aggregate that was applied last; 0 before the first."""
        aggregate = f"{topic}:{subject}"
        applied, _ = await self._known(tx, [aggregate], [])
        return applied.get(aggregate, 0)

    async def heard(self, tx: Transaction) -> int:
        """How many events were ever applied: versions count from 1 without a gap, so they are what the last ones add up to."""
        c = self._positions.c
        total = (await tx.execute(select(func.sum(c.version)).where(c.consumer == self._consumer))).scalar()
        return int(total or 0)

    async def advance(self, tx: Transaction, events: Sequence[Event]) -> None:
        """Remember these as applied."""
        latest = {_aggregate(event): event for event in events}
        if tx.is_postgresql and latest:
            lists = [[*latest], [e.aggregate_version for e in latest.values()], [e.id for e in latest.values()]]
            given = dict(zip(_ADVANCED, lists, strict=True))
            await tx.change(_advance(self._positions), {"consumer": self._consumer, **given})
            return
        rows = [
            {"consumer": self._consumer, "subject": s, "version": e.aggregate_version, "event_id": e.id}
            for s, e in latest.items()
        ]
        await upsert(tx, self._positions, rows)

    async def park(self, tx: Transaction, event: Event, *, reason: str) -> None:
        await self._insert(tx, event.subject, event.aggregate_version, event.topic, event.headers(), event.data, reason)

    async def park_delivery(self, tx: Transaction, delivery: Delivery, *, reason: str) -> None:
        """Park a record as it came, even one that is no event of ours."""
        version_text = delivery.headers.get("ce_aggregateversion", "")
        version = int(version_text) if version_text.isdecimal() else 0
        subject = delivery.headers.get("ce_subject", delivery.key)
        if await self._is_parked(tx, subject, delivery):
            return
        await self._insert(tx, subject, version, delivery.topic, dict(delivery.headers), delivery.value, reason)

    async def _is_parked(self, tx: Transaction, subject: str, delivery: Delivery) -> bool:
        """A record that is no event has no version to know it by when it comes again."""
        c = self._parked.c
        same = (c.consumer == self._consumer, c.subject == _subject(subject), c.topic == delivery.topic)
        query = select(c.id).where(*same, c.payload == delivery.value, c.resolved_at.is_(None))
        return await tx.row(query.limit(1)) is not None

    async def _insert(
        self, tx: Transaction, subject: str, version: int, topic: str, headers: dict[str, str], value: bytes, reason: str
    ) -> None:
        row = {
            "consumer": self._consumer,
            "subject": _subject(subject),
            "version": version,
            "topic": topic,
            "headers": orjson.dumps(headers),
            "payload": value,
            "reason": _storable(reason),
            "parked_at": tx.at,
        }
        await tx.execute(insert(self._parked), row)

    async def parked(self, tx: Transaction, topic: str, subject: str) -> list[tuple[int, Event | None]]:
        """Unresolved parked events of one aggregate, oldest first; None for a record that is no event."""
        c = self._parked.c
        unresolved = (c.consumer == self._consumer, c.topic == topic, c.subject == subject, c.resolved_at.is_(None))
        rows = await tx.rows(select(self._parked).where(*unresolved).order_by(c.id))
        return [(row["id"], _event(row)) for row in rows]

    async def parked_count(self, tx: Transaction) -> int:
        """Parked and not yet resolved."""
        c = self._parked.c
        query = select(func.count()).where(c.consumer == self._consumer, c.resolved_at.is_(None))
        return int((await tx.execute(query)).scalar_one())

    async def resolve(self, tx: Transaction, row_id: int, resolution: str) -> None:
        done = update(self._parked).where(self._parked.c.id == row_id)
        await tx.execute(done.values(resolved_at=tx.at, resolution=resolution))


@lru_cache(maxsize=_STATEMENTS)
def _known(positions: Table, parked: Table, *, is_postgresql: bool) -> CompoundSelect[Any]:
    """Rows of 0, aggregate, version applied; and of 1, aggregate, version parked."""
    consumer: BindParameter[str] = bindparam("consumer")
    w = parked.c
    applied = (_applied_one_by_one if is_postgresql else _applied)(positions, consumer)
    of_these = in_keys(w.subject, "subjects", is_postgresql=is_postgresql)
    newest = select(literal_column("1"), w.topic + ":" + w.subject, func.max(w.version)).group_by(w.topic, w.subject)
    return union_all(applied, newest.where(w.consumer == consumer, w.resolved_at.is_(None), of_these))


def _applied(positions: Table, consumer: BindParameter[str]) -> Select[Any]:
    p = positions.c
    these = in_keys(p.subject, "aggregates", is_postgresql=False)
    return select(literal_column("0"), p.subject, p.version).where(p.consumer == consumer, these)


def _applied_one_by_one(positions: Table, consumer: BindParameter[str]) -> Select[Any]:
    """A look at the key for each: PostgreSQL would rather read all positions of a consumer, 24 ms a batch of 45,000."""
    p = positions.c
    wanted = func.unnest(bindparam("aggregates", type_=_TEXTS))
    given = wanted.table_valued("subject", name="given").render_derived()
    found = select(p.version).where(p.consumer == consumer, p.subject == given.c.subject).limit(1).lateral("found")
    return select(literal_column("0"), given.c.subject, found.c.version).select_from(given.join(found, true()))


@lru_cache(maxsize=_STATEMENTS)
def _advance(positions: Table) -> Insert:
    """As `upsert` does it, with what is the same in all rows said once. PostgreSQL only."""
    c = positions.c
    lists = (bindparam(name, type_=_NUMBERS if name == "version" else _TEXTS) for name in _ADVANCED)
    given = func.unnest(*lists).table_valued(*_ADVANCED, name="given").render_derived()
    rows = select(bindparam("consumer", type_=c.consumer.type), *(given.c[name] for name in _ADVANCED))
    made = postgresql.insert(positions).from_select(["consumer", *_ADVANCED], rows, include_defaults=False)
    newer = {name: made.excluded[name] for name in _ADVANCED if name != "subject"}
    return made.on_conflict_do_update(index_elements=["consumer", "subject"], set_=newer)


def _subject(text: str) -> str:
    return _storable(text)[:_SUBJECT_MAX_CHARS]


def _event(row: Row) -> Event | None:
    try:
        return Event.from_headers(orjson.loads(row["headers"]), row["payload"])
    except MalformedEvent:
        return None


def _aggregate(event: Event) -> str:
    """Subjects are unique within a service only: a focus area and its marketplace share their slug."""
    return f"{event.topic}:{event.subject}"


def _verdict(version: int, applied: int, waiting: int | None) -> Verdict:
    if waiting is None:
        if version == applied + 1:
            return Verdict.APPLY
        return Verdict.GAP if version > applied else Verdict.DUPLICATE
    return Verdict.PARKED if version > max(applied, waiting) else Verdict.DUPLICATE


def _storable(text: str) -> str:
    """Without what PostgreSQL's text refuses."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
