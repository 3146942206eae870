"""Questions to the gateway's own tables that are not the feed's cursor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import func, select

from services.gateway import tables
from services.gateway.feed.entry import Entry
from services.gateway.feed.reading import entry_of, head_of
from services.gateway.feed.view import Filters
from shared.db import Transaction

_c = tables.feed.c


@dataclass(frozen=True, slots=True)
class Link:
    """An event and how it is chained."""

    entry: Entry
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class AuditTrail:
    links: list[Link]
    next_after: int
    head: int


async def audit_trail(tx: Transaction, filters: Filters, *, after: int, limit: int) -> AuditTrail:
    """In the order of the feed."""
    head = (await head_of(tx)).seq
    columns = (_c.seq, _c.type, _c.subject, _c.actor, _c.focus_area, _c.agency, _c.visibility, _c.event, _c.prev_hash, _c.hash)
    query = select(*columns).where(_c.seq > after, _c.seq <= head, *filters.narrowing()).order_by(_c.seq).limit(limit)
    rows: Sequence[Any] = (await tx.execute(query)).all()
    links = [Link(entry_of(row[:8]), row[8], row[9]) for row in rows]
    return AuditTrail(links, links[-1].entry.seq if len(links) == limit else max(head, after), head)


@dataclass(frozen=True, slots=True)
class Names:
    """What ids and slugs are called, as far as the feed has told."""

    organizations: Mapping[str, str]
    areas: Mapping[str, str]
    services: Mapping[tuple[str, str], str]
    offerings: Mapping[str, str] = field(default_factory=dict)


async def names(tx: Transaction, *, organization_ids: set[str], offering_ids: set[str]) -> Names:
    known, areas = tables.known_organizations, tables.known_focus_areas
    organizations = await tx.rows(select(known.c.id, known.c.name).where(known.c.id.in_(organization_ids)))
    area_rows = await tx.rows(select(areas))
    return Names(
        {row["id"]: row["name"] for row in organizations},
        {row["id"]: row["title"] for row in area_rows},
        {(row["id"], service["slug"]): service["title"] for row in area_rows for service in row["services"]},
        await _offering_names(tx, offering_ids),
    )


async def _offering_names(tx: Transaction, ids: set[str]) -> dict[str, str]:
    """As the newest public fact about each calls it."""
    about = (_c.subject.in_(ids), _c.source_topic == "qsmo.catalog", _c.visibility == "public")
    newest = select(func.max(_c.seq)).where(*about).group_by(_c.subject)
    rows = (await tx.execute(select(_c.subject, _c.event).where(_c.seq.in_(newest)))).all()
    return {row.subject: str(orjson.loads(row.event)["data"].get("name", "")) for row in rows}


async def seqs(tx: Transaction, event_ids: set[str]) -> dict[str, int]:
    """Event id → seq, of those that are on the feed."""
    rows = (await tx.execute(select(_c.event_id, _c.seq).where(_c.event_id.in_(event_ids)))).all()
    return {row.event_id: row.seq for row in rows}
