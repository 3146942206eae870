"""Appends every fact of every service to the feed: numbered without a gap, each chained to the one before."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from sqlalchemy import BigInteger, Insert, Text, Update, bindparam, func, insert, select, true, update
from sqlalchemy.dialects import postgresql

from services.gateway import tables
from services.gateway.chain import link
from services.gateway.feed.entry import Entry
from services.gateway.feed.live import Live
from services.gateway.feed.reading import Head
from shared import tracing
from shared.contracts.envelope import Event, MalformedEvent
from shared.db import Transaction, insert_tuples, upsert

_ORGANIZATION = "qsmo.registry.organization."
_FOCUS_AREA = "qsmo.registry.focus_area."
_TYPE = re.compile(r"[A-Za-z0-9_.-]{1,200}")
_LOCKED = select(tables.feed_head.c.seq, tables.feed_head.c.hash).with_for_update()
_COLUMNS = tuple(tables.feed.columns)  # in the order of `_row`
_NAMES = tuple(column.name for column in _COLUMNS)


@cache
def _move() -> Update:
    c = tables.feed_head.c
    is_known = (c.seq == bindparam("head_seq", type_=c.seq.type), c.hash == bindparam("head_hash", type_=c.hash.type))
    return update(tables.feed_head).where(*is_known).values(seq=bindparam("next_seq"), hash=bindparam("next_hash"))


@cache
def _add_behind() -> Insert:
    """Moves the head and appends in one statement. PostgreSQL only."""
    lists = (bindparam(f"{c.name}s", type_=postgresql.ARRAY(BigInteger() if c.name == "seq" else Text())) for c in _COLUMNS)
    given = func.unnest(*lists).table_valued(*_NAMES, name="given").render_derived()
    moved = _move().returning(tables.feed_head.c.id).cte("moved")
    rows = select(*(given.c[name] for name in _NAMES)).select_from(moved.join(given, true()))
    return insert(tables.feed).from_select(_NAMES, rows, include_defaults=False)


@dataclass(frozen=True, slots=True)
class _Links:
    """Events as they follow a head, and the head that they make."""

    rows: list[tuple[Any, ...]]
    entries: list[Entry]
    head: Head


class FeedWriter:
    """The handler of all events. Whoever holds the head row appends; a second writer waits for it."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._head: Head | None = None

    async def append(self, tx: Transaction, events: Sequence[Event]) -> None:
        """All of them, in order, or none. Raises MalformedEvent for an event that readers could not parse."""
        with tracing.each("append to feed", (event.traceparent for event in events)) as traces:
            await self._append(tx, events, traces)

    async def _append(self, tx: Transaction, events: Sequence[Event], traces: Mapping[str, str]) -> None:
        facts = [_fact(event) for event in events]
        links = await (self._guessed(tx, events, traces) if tx.is_postgresql else _behind_the_locked(tx, events, traces))
        await _remember(tx, links.entries, facts)
        tx.after_commit.append(lambda: self._committed(links))

    async def _guessed(self, tx: Transaction, events: Sequence[Event], traces: Mapping[str, str]) -> _Links:
        """Behind the head that this process made last, without asking whether it is still the head."""
        links = _linked(self._head, events, traces) if self._head is not None else None
        if links is None or self._head is None or not await _added(tx, self._head, links):
            links = await _behind_the_locked(tx, events, traces)
        return links

    def _committed(self, links: _Links) -> None:
        self._head = links.head
        self._live.committed(links.entries)


async def _behind_the_locked(tx: Transaction, events: Sequence[Event], traces: Mapping[str, str]) -> _Links:
    row = await tx.row(_LOCKED)
    assert row is not None
    head = Head(row["seq"], row["hash"])
    links = _linked(head, events, traces)
    if not await _added(tx, head, links):
        raise RuntimeError(f"The feed's head has left {head.seq} while it was locked.")
    return links


async def _added(tx: Transaction, head: Head, links: _Links) -> bool:
    """False, and nothing is done, when the feed's head is another."""
    there = {"head_seq": head.seq, "head_hash": head.hash, "next_seq": links.head.seq, "next_hash": links.head.hash}
    if tx.is_postgresql:
        lists = {f"{name}s": list(values) for name, values in zip(_NAMES, zip(*links.rows, strict=True), strict=True)}
        return await tx.change(_add_behind(), {**lists, **there}) == len(links.rows)
    if await tx.change(_move(), there) == 0:
        return False
    await insert_tuples(tx, tables.feed, _NAMES, links.rows)
    return True


def _linked(head: Head, events: Sequence[Event], traces: Mapping[str, str]) -> _Links:
    rows: list[tuple[Any, ...]] = []
    entries: list[Entry] = []
    last_hash = head.hash
    for seq, event in enumerate(events, start=head.seq + 1):
        encoded = event.structured()
        made = link(last_hash, seq, encoded)
        text = encoded.decode()
        rows.append(_row(seq, event, text, last_hash, made))
        # Encoded again: what orjson returned holds on to its buffer, six times the size of a usual fact.
        entries.append(_entry(seq, event, text.encode(), traces))
        last_hash = made
    return _Links(rows, entries, Head(head.seq + len(rows), last_hash))


def _fact(event: Event) -> dict[str, Any]:
    if not _TYPE.fullmatch(event.type):
        raise MalformedEvent(f"the type {event.type[:80]!r} is no type of ours")
    try:
        fact = orjson.loads(event.data)
    except orjson.JSONDecodeError as err:
        raise MalformedEvent(f"the data is no JSON: {err}") from err
    if not isinstance(fact, dict):
        raise MalformedEvent("the data is no JSON object")
    return fact


def _row(seq: int, event: Event, text: str, prev_hash: str, made: str) -> tuple[Any, ...]:
    return (
        seq,
        event.id,
        event.type,
        event.subject,
        event.topic,
        event.time,
        event.actor,
        event.focus_area,
        event.agency,
        event.visibility,
        text,
        prev_hash,
        made,
    )


def _entry(seq: int, event: Event, text: bytes, traces: Mapping[str, str]) -> Entry:
    made = Entry(seq, event.type, event.subject, event.actor, event.focus_area, event.agency, event.visibility, text)
    made.appended_in = traces.get(event.traceparent or "")
    return made


async def _remember(tx: Transaction, entries: Sequence[Entry], facts: Sequence[dict[str, Any]]) -> None:
    """What visibility and sentences need of the registry's facts."""
    organizations: dict[str, dict[str, Any]] = {}
    areas: dict[str, dict[str, Any]] = {}
    for entry, fact in zip(entries, facts, strict=True):
        if entry.type.startswith(_ORGANIZATION):
            organizations[fact["organization_id"]] = {
                "id": fact["organization_id"],
                "name": fact["name"],
                "parent_id": fact.get("parent_id"),
                "codes": fact.get("codes", []),
                "seq": entry.seq,
            }
        elif entry.type.startswith(_FOCUS_AREA):
            areas[fact["focus_area"]] = {
                "id": fact["focus_area"],
                "title": fact["title"],
                "services": fact.get("services", []),
            }
    await upsert(tx, tables.known_organizations, list(organizations.values()))
    await upsert(tx, tables.known_focus_areas, list(areas.values()))
