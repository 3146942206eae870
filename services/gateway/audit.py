"""Is the feed still what was appended? Recomputes the hash chain and names the first seq that is not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import func, select

from services.gateway import tables
from services.gateway.chain import GENESIS, link
from shared.db import Database, Transaction

_CHUNK_ROWS = 5_000
_f = tables.feed.c
_COLUMNS = (
    _f.seq,
    _f.event_id,
    _f.type,
    _f.subject,
    _f.source_topic,
    _f.time,
    _f.actor,
    _f.focus_area,
    _f.agency,
    _f.visibility,
    _f.event,
    _f.prev_hash,
    _f.hash,
)
# Columns that repeat an attribute of the event, and those attributes.
_REPEATED = ("event_id", "type", "subject", "time", "actor", "focus_area", "agency", "visibility")
_ATTRIBUTES = ("id", "type", "subject", "time", "actor", "focusarea", "agency", "visibility")


@dataclass(frozen=True, slots=True)
class ChainReport:
    """`events`: how many links held. `reason` says what is wrong with `first_bad_seq`."""

    ok: bool
    events: int
    first_bad_seq: int | None = None
    reason: str | None = None


class _Broken(Exception):
    def __init__(self, seq: int, reason: str) -> None:
        super().__init__(reason)
        self.seq = seq
        self.reason = reason


async def verify_chain(db: Database) -> ChainReport:
    """Every row from the first to the head, in bounded memory; facts appended meanwhile do not disturb."""
    seq, last_hash = 0, GENESIS
    try:
        async with db.reading() as tx:
            head_seq, head_hash = await _head(tx)
            async for rows in _chunks(tx, up_to=head_seq):
                for row in rows:
                    last_hash = _checked(row, after=seq, prev_hash=last_hash)
                    seq += 1
            if seq < head_seq:
                raise _Broken(seq + 1, f"the feed ends at {seq}, but its head says {head_seq}: rows were cut off")
            if last_hash != head_hash:
                raise _Broken(max(seq, 1), "the head's hash is not that of the last event")
            await _check_end(tx)
    except _Broken as broken:
        return ChainReport(ok=False, events=broken.seq - 1, first_bad_seq=broken.seq, reason=broken.reason)
    return ChainReport(ok=True, events=seq)


async def _head(tx: Transaction) -> tuple[int, str]:
    head = tables.feed_head
    rows = (await tx.execute(select(head.c.seq, head.c.hash))).all()
    if len(rows) != 1:
        raise _Broken(1, f"there must be one head row; there are {len(rows)}")
    return rows[0].seq, rows[0].hash


async def _chunks(tx: Transaction, *, up_to: int) -> AsyncIterator[Sequence[Any]]:
    after: int | None = None
    while True:
        query = select(*_COLUMNS).where(_f.seq <= up_to).order_by(_f.seq).limit(_CHUNK_ROWS)
        rows = (await tx.execute(query if after is None else query.where(_f.seq > after))).all()
        if rows:
            yield rows
        if len(rows) < _CHUNK_ROWS:
            return
        after = rows[-1][0]


def _checked(row: Any, *, after: int, prev_hash: str) -> str:
    """The row's hash. Raises _Broken naming the seq that should stand here."""
    seq = after + 1
    if row[0] != seq:
        reason = f"seq {seq} is missing; {row[0]} follows {after}" if row[0] > seq else f"there is a row with seq {row[0]}"
        raise _Broken(min(seq, max(row[0], 1)), reason)
    if row[11] != prev_hash:
        raise _Broken(seq, "its prev_hash is not the hash of the event before")
    event = str(row[10]).encode()
    made = link(prev_hash, seq, event)
    if made != row[12]:
        raise _Broken(seq, "its hash is not that of its content")
    _compare(seq, row, _parsed(seq, event))
    return made


def _parsed(seq: int, event: bytes) -> dict[str, Any]:
    try:
        return dict(orjson.loads(event))
    except (ValueError, TypeError) as err:
        raise _Broken(seq, "its event is no JSON object") from err


def _compare(seq: int, row: Any, event: dict[str, Any]) -> None:
    given, repeated = row[1:4] + row[5:10], tuple(map(event.get, _ATTRIBUTES))
    if given != repeated:
        differing = [name for name, text, wanted in zip(_REPEATED, given, repeated, strict=True) if text != wanted]
        raise _Broken(seq, f"its column {differing[0]} differs from the event")
    if row[4] != ".".join(str(row[2]).split(".", 2)[:2]):
        raise _Broken(seq, "its column source_topic differs from the event")


async def _check_end(tx: Transaction) -> None:
    """Nothing beyond the head: both from one statement, so that a writer at work is no finding."""
    head = tables.feed_head.c.seq
    row = (await tx.execute(select(func.max(_f.seq).label("last"), select(head).scalar_subquery().label("head")))).one()
    last = row.last or 0
    if last > row.head:
        raise _Broken(row.head + 1, f"there are rows beyond the head, up to {last}")
    if last < row.head:
        raise _Broken(last + 1, f"the feed ends at {last}, but its head says {row.head}: rows were cut off")
