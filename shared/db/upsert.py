"""Insert-or-update of many rows in one statement, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

from shared.db.database import Transaction


async def upsert(tx: Transaction, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows by primary key; a row that exists takes over every other column given. Keys must be distinct."""
    if not rows:
        return
    insert = postgresql.insert(table) if tx.is_postgresql else sqlite.insert(table)
    keys = [column.name for column in table.primary_key]
    updated = {name: insert.excluded[name] for name in rows[0] if name not in keys}
    if updated:
        statement = insert.on_conflict_do_update(index_elements=keys, set_=updated)
    else:
        statement = insert.on_conflict_do_nothing(index_elements=keys)
    await tx.execute(statement, [dict(row) for row in rows])
