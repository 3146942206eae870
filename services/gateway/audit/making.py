"""Makes checkpoints: daily, and sooner when much has happened; only over links that hold."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import insert, select

from services.gateway import tables
from services.gateway.audit.checkpoint import Checkpoint, Statement, statement
from services.gateway.audit.merkle import Tree
from services.gateway.chain import GENESIS, link
from services.gateway.feed.reading import head_of
from services.gateway.keyring import Keyring
from shared import telemetry
from shared.db import Database, Row, Transaction
from shared.kernel.cause import Cause
from shared.kernel.errors import Conflict, Unavailable

EVENTS_MAX = 65_536
_CHUNK_ROWS = 5_000
_CAUSE = Cause(actor="system:audit", correlation_id="audit")
_t, _c, _f = tables.audit_checkpoints, tables.audit_checkpoints.c, tables.feed.c
_log = telemetry.logger("audit")


async def checkpoints(tx: Transaction, *, after: int = 0, limit: int | None = None) -> list[Checkpoint]:
    """In the order of their seq."""
    query = select(_t).where(_c.seq > after).order_by(_c.seq)
    return [_from_row(row) for row in await tx.rows(query if limit is None else query.limit(limit))]


async def covering(tx: Transaction, seq: int) -> Checkpoint | None:
    """The one whose stretch holds this event."""
    row = await tx.row(select(_t).where(_c.seq >= seq).order_by(_c.seq).limit(1))
    return _from_row(row) if row and row["first_seq"] <= seq else None


async def hashes(tx: Transaction, first: int, last: int) -> list[bytes]:
    query = select(_f.hash).where(_f.seq >= first, _f.seq <= last).order_by(_f.seq)
    return [bytes.fromhex(found) for found in (await tx.execute(query)).scalars()]


class Checkpoints:
    """The loop that makes them; of several replicas one does."""

    def __init__(self, db: Database, keyring: Keyring, *, every: timedelta, poll_s: float) -> None:
        self._db = db
        self._key = keyring.audit
        self._every = every
        self._poll_s = poll_s

    async def run(self) -> None:
        while True:
            try:
                while await self.make() is not None:
                    pass
            except (Unavailable, Conflict) as error:  # Conflict: another replica has just made it
                _log.warning("checkpoint_waits", reason=error.detail)
            await asyncio.sleep(self._poll_s)

    async def make(self) -> Checkpoint | None:
        """The next one, if it is due."""
        async with self._db.reading() as tx:
            last = await tx.row(select(_t).order_by(_c.seq.desc()).limit(1))
            previous = _from_row(last) if last else None
            first = previous.statement.seq + 1 if previous else 1
            end = await self._end(tx, first)
            if end is None:
                return None
            made = await self._over(tx, first, end, previous)
        if made is not None:
            await self._keep(made)
        return made

    async def _end(self, tx: Transaction, first: int) -> int | None:
        """The last event of the next one, or None while it is not due."""
        head = (await head_of(tx)).seq
        if head < first:
            return None  # what is committed while this runs, and so is seen below, is not under this head
        if head - first + 1 >= EVENTS_MAX:
            return first + EVENTS_MAX - 1
        oldest = await tx.row(select(_f.time).where(_f.seq == first))
        is_due = oldest is not None and tx.at - datetime.fromisoformat(oldest["time"]) >= self._every
        return head if is_due else None

    async def _over(self, tx: Transaction, first: int, end: int, previous: Checkpoint | None) -> Checkpoint | None:
        """Signed, or None when a link does not hold: nothing is vouched for that was tampered with."""
        last_hash = previous.statement.hash if previous else GENESIS
        leaves: list[bytes] = []
        for start in range(first, end + 1, _CHUNK_ROWS):
            rows = await _links(tx, start, min(end, start + _CHUNK_ROWS - 1))
            for row in rows:
                seq = first + len(leaves)
                last_hash = link(last_hash, seq, row["event"].encode())
                if (row["seq"], row["hash"]) != (seq, last_hash):
                    _log.error("audit_chain_broken", seq=seq)
                    return None
                leaves.append(bytes.fromhex(last_hash))
        if len(leaves) != end - first + 1:
            _log.error("audit_chain_broken", seq=first + len(leaves))
            return None
        root = Tree(leaves).root
        made = statement(first=first, seq=end, hash=last_hash, root=root, previous=previous, at=tx.at)
        return Checkpoint.signed(made, self._key)

    async def _keep(self, made: Checkpoint) -> None:
        """Also in the log, which leads out of the database's reach."""
        row = {
            "seq": made.statement.seq,
            "first_seq": made.statement.first,
            "hash": made.statement.hash,
            "statement": made.statement.text,
            "public_key": made.public_key,
            "signature": made.signature,
        }
        async with self._db.transaction(_CAUSE) as tx:
            await tx.execute(insert(_t).values(row))
        _log.info("audit_checkpoint", statement=made.statement.text, public_key=made.public_key, signature=made.signature)


async def _links(tx: Transaction, first: int, last: int) -> Sequence[Row]:
    return await tx.rows(select(_f.seq, _f.event, _f.hash).where(_f.seq >= first, _f.seq <= last).order_by(_f.seq))


def _from_row(row: Row) -> Checkpoint:
    return Checkpoint(statement=Statement.parse(row["statement"]), public_key=row["public_key"], signature=row["signature"])
