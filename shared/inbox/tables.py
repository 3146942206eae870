"""What a consumer remembers: the last version it applied per aggregate, and what it had to park."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text

from shared.db import UtcDateTime

_RowId = BigInteger().with_variant(Integer(), "sqlite")


@dataclass(frozen=True, slots=True)
class InboxTables:
    """The two tables of a service's inbox."""

    positions: Table
    parked: Table


def inbox_tables(metadata: MetaData) -> InboxTables:
    """`inbox`: (consumer, subject) → last applied version. `parked_events`: what waits behind a poison one, and its end."""
    positions = Table(
        "inbox",
        metadata,
        Column("consumer", String(64), primary_key=True),
        Column("subject", String(128), primary_key=True),
        Column("version", Integer, nullable=False),
        Column("event_id", String(36), nullable=False),
    )
    parked = Table(
        "parked_events",
        metadata,
        Column("id", _RowId, primary_key=True, autoincrement=True),
        Column("consumer", String(64), nullable=False),
        Column("subject", String(128), nullable=False),
        Column("version", Integer, nullable=False),
        Column("topic", String(64), nullable=False),
        # Bytes as they came: text columns refuse what a stray producer may send (NUL, broken UTF-8).
        Column("headers", LargeBinary, nullable=False),
        Column("payload", LargeBinary, nullable=False),
        Column("reason", Text, nullable=False),
        Column("parked_at", UtcDateTime, nullable=False),
        Column("resolved_at", UtcDateTime),
        Column("resolution", Text),
        sqlite_autoincrement=True,
    )
    Index("parked_events_subject", parked.c.consumer, parked.c.subject, parked.c.id)
    return InboxTables(positions, parked)
