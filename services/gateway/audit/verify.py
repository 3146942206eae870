"""Is the feed still what was appended? Recomputes the hash chain and names the first seq that is not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson
from sqlalchemy import func, select

from services.gateway import tables
from services.gateway.audit.checkpoint import Checkpoint
from services.gateway.audit.making import checkpoints
from services.gateway.audit.walk import Broken, ChainReport, ChainWalk
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


async def verify_chain(db: Database, *, trusted: frozenset[str] = frozenset(), kept: Sequence[Checkpoint] = ()) -> ChainReport:
    """Every row from the first to the head, in bounded memory; facts appended meanwhile do not disturb.

    With `trusted` public keys also the checkpoints; `kept` are such as somebody has put aside elsewhere, so that even
    an attacker who takes away what was signed is found.
    """
    walk: ChainWalk | None = None
    try:
        async with db.reading() as tx:
            head_seq, head_hash = await _head(tx)
            stored = [found for found in await checkpoints(tx) if found.statement.seq <= head_seq] if trusted else []
            walk = ChainWalk(_merged(stored, kept), trusted=trusted)
            async for rows in _chunks(tx, up_to=head_seq):
                for row in rows:
                    _pass(walk, row)
            if walk.seq < head_seq:
                raise Broken(walk.seq + 1, f"the feed ends at {walk.seq}, but its head says {head_seq}: rows were cut off")
            if walk.hash != head_hash:
                raise Broken(max(walk.seq, 1), "the head's hash is not that of the last event")
            walk.end()
            await _check_end(tx)
    except Broken as broken:
        covered = walk.covered if walk else 0
        return ChainReport(ok=False, events=broken.seq - 1, first_bad_seq=broken.seq, reason=broken.reason, covered=covered)
    return ChainReport(ok=True, events=walk.seq, covered=walk.covered)


def _merged(stored: Sequence[Checkpoint], kept: Sequence[Checkpoint]) -> list[Checkpoint]:
    """Both, in order. Raises Broken where they disagree."""
    by_seq = {found.statement.seq: found for found in stored}
    for found in kept:
        if by_seq.setdefault(found.statement.seq, found).statement != found.statement:
            raise Broken(found.statement.first, "its checkpoint is not the one that was kept elsewhere")
    return [by_seq[seq] for seq in sorted(by_seq)]


async def _head(tx: Transaction) -> tuple[int, str]:
    head = tables.feed_head
    rows = (await tx.execute(select(head.c.seq, head.c.hash))).all()
    if len(rows) != 1:
        raise Broken(1, f"there must be one head row; there are {len(rows)}")
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


def _pass(walk: ChainWalk, row: Any) -> None:
    event = str(row[10]).encode()
    walk.pass_link(row[0], event, prev_hash=row[11], hash=row[12])
    _compare(row[0], row, _parsed(row[0], event))


def _parsed(seq: int, event: bytes) -> dict[str, Any]:
    try:
        return dict(orjson.loads(event))
    except (ValueError, TypeError) as err:
        raise Broken(seq, "its event is no JSON object") from err


def _compare(seq: int, row: Any, event: dict[str, Any]) -> None:
    given, repeated = row[1:4] + row[5:10], tuple(map(event.get, _ATTRIBUTES))
    if given != repeated:
        differing = [name for name, text, wanted in zip(_REPEATED, given, repeated, strict=True) if text != wanted]
        raise Broken(seq, f"its column {differing[0]} differs from the event")
    if row[4] != ".".join(str(row[2]).split(".", 2)[:2]):
        raise Broken(seq, "its column source_topic differs from the event")


async def _check_end(tx: Transaction) -> None:
    """Nothing beyond the head: both from one statement, so that a writer at work is no finding."""
    head = tables.feed_head.c.seq
    row = (await tx.execute(select(func.max(_f.seq).label("last"), select(head).scalar_subquery().label("head")))).one()
    last = row.last or 0
    if last > row.head:
        raise Broken(row.head + 1, f"there are rows beyond the head, up to {last}")
    if last < row.head:
        raise Broken(last + 1, f"the feed ends at {last}, but its head says {row.head}: rows were cut off")
