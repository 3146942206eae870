"""Rows that refer to something not known yet: kept, and taken up again when it appears."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import Table, delete, select

from shared.db import Transaction, upsert
from shared.imports.rows import Apply, ImportRow, Outcome

_CHUNK = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingRow:
    """A row and what it waits for, e.g. `fedramp-agency:22-011`."""

    row: ImportRow
    waits_for: str
    reason: str


def row_key(kind: str, row: ImportRow) -> str:
    """The same row read again has the same key, wherever it stands in the file."""
    canonical = orjson.dumps([kind, row.section, row.data], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(canonical).hexdigest()


async def park(tx: Transaction, table: Table, *, kind: str, waiting: Sequence[WaitingRow]) -> None:
    """Keep rows for later; parking a row again changes nothing."""
    rows = {
        row_key(kind, item.row): {
            "key": row_key(kind, item.row),
            "kind": kind,
            "section": item.row.section,
            "number": item.row.number,
            "data": item.row.data,
            "waits_for": item.waits_for,
            "reason": item.reason,
            "parked_at": tx.at,
        }
        for item in waiting
    }
    await upsert(tx, table, list(rows.values()))


async def unpark(tx: Transaction, table: Table, *, kind: str, found: Sequence[str], apply: Apply) -> list[Outcome]:
    """Apply every row that waited for one of `found`; those that now wait for something else stay parked."""
    outcomes: list[Outcome] = []
    for start in range(0, len(found), _CHUNK):
        matches = (table.c.kind == kind, table.c.waits_for.in_(found[start : start + _CHUNK]))
        rows = await tx.rows(select(table).where(*matches).order_by(table.c.section, table.c.number))
        if not rows:
            continue
        await tx.execute(delete(table).where(*matches))
        for section in dict.fromkeys(row["section"] for row in rows):
            taken = [
                ImportRow(section=section, number=row["number"], data=row["data"]) for row in rows if row["section"] == section
            ]
            outcomes.extend(await apply(tx, taken))
    return outcomes
