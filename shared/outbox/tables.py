"""The outbox: every fact a service ever recorded, in the order of its aggregates, marked when published."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text

from shared.db import Document, UtcDateTime

_RowId = BigInteger().with_variant(Integer(), "sqlite")


def outbox_table(metadata: MetaData) -> Table:
    """Rows are kept after publishing: they are the service's audit trail."""
    table = Table(
        "outbox",
        metadata,
        Column("id", _RowId, primary_key=True, autoincrement=True),
        Column("event_id", String(36), nullable=False, unique=True),
        Column("topic", String(64), nullable=False),
        Column("key", String(128), nullable=False),
        Column("aggregate_version", Integer, nullable=False),
        Column("headers", Document, nullable=False),
        Column("payload", Text, nullable=False),
        Column("recorded_at", UtcDateTime, nullable=False),
        Column("published_at", UtcDateTime),
        sqlite_autoincrement=True,
    )
    unpublished = table.c.published_at.is_(None)
    Index("outbox_unpublished", table.c.id, postgresql_where=unpublished, sqlite_where=unpublished)
    Index("outbox_key", table.c.key, table.c.aggregate_version, unique=True)
    return table
