"""Appends every fact of every service to the feed: numbered without a gap, each chained to the one before."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import insert, select, update

from services.gateway import tables
from services.gateway.chain import link
from services.gateway.feed.entry import Entry
from services.gateway.feed.live import Live
from shared import tracing
from shared.contracts.envelope import Event, MalformedEvent
from shared.db import Transaction, upsert

_ORGANIZATION = "qsmo.registry.organization."
_FOCUS_AREA = "qsmo.registry.focus_area."
_INSERTS: dict[str, str] = {}
_TYPE = re.compile(r"[A-Za-z0-9_.-]{1,200}")


class FeedWriter:
    """The handler of all events. Whoever holds the head row appends; a second writer waits for it."""

    def __init__(self, live: Live) -> None:
        self._live = live

    async def append(self, tx: Transaction, events: Sequence[Event]) -> None:
        """All of them, in order, or none. Raises MalformedEvent for an event that readers could not parse."""
        with tracing.each("append to feed", (event.traceparent for event in events)) as traces:
            await self._append(tx, events, traces)

    async def _append(self, tx: Transaction, events: Sequence[Event], traces: Mapping[str, str]) -> None:
        facts = [_fact(event) for event in events]
        head = tables.feed_head
        last = (await tx.execute(select(head.c.seq, head.c.hash).with_for_update())).one()
        last_hash = last.hash
        rows: list[tuple[Any, ...]] = []
        entries: list[Entry] = []
        for seq, event in enumerate(events, start=last.seq + 1):
            encoded = event.structured()
            made = link(last_hash, seq, encoded)
            text = encoded.decode()
            rows.append(_row(seq, event, text, last_hash, made))
            # Encoded again: what orjson returned holds on to its buffer, six times the size of a usual fact.
            entries.append(_entry(seq, event, text.encode(), traces))
            last_hash = made
        # Past SQLAlchemy's parameter handling: these columns need none, and it would cost as much as the rest.
        await tx.connection.exec_driver_sql(_insert(tx), rows)
        await tx.execute(update(head).values(seq=entries[-1].seq, hash=last_hash))
        await _remember(tx, entries, facts)
        tx.after_commit.append(lambda: self._live.committed(entries))


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


def _insert(tx: Transaction) -> str:
    """In the driver's own words; the columns in the order of the table, as `_row` gives them."""
    dialect = tx.connection.dialect
    found = _INSERTS.get(dialect.name)
    if found is None:
        found = _INSERTS[dialect.name] = str(insert(tables.feed).compile(dialect=dialect))
    return found


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
