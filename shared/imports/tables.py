"""Operations (imports under way or done), what they report of rows, and the rows that wait for something."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text

from shared.db import Document, UtcDateTime

_RowId = BigInteger().with_variant(Integer(), "sqlite")


@dataclass(frozen=True, slots=True)
class ImportTables:
    """The three tables of a service that imports."""

    operations: Table
    reports: Table
    parked: Table


def import_tables(metadata: MetaData) -> ImportTables:
    operations = Table(
        "operations",
        metadata,
        Column("id", String(36), primary_key=True),
        Column("kind", String(40), nullable=False),
        Column("status", String(16), nullable=False),
        Column("actor", String(200), nullable=False),
        Column("validate_only", Integer, nullable=False),
        Column("sections", Document, nullable=False),
        Column("rows_done", Integer, nullable=False),
        Column("rows_total", Integer),
        Column("detail", Text),
        Column("member", String(200), nullable=False),
        Column("started_at", UtcDateTime, nullable=False),
        Column("heard_of_at", UtcDateTime, nullable=False),
        Column("finished_at", UtcDateTime),
    )
    reports = Table(
        "operation_rows",
        metadata,
        Column("id", _RowId, primary_key=True, autoincrement=True),
        Column("operation_id", String(36), nullable=False),
        Column("section", String(40), nullable=False),
        Column("number", Integer, nullable=False),
        Column("result", String(12), nullable=False),
        Column("reason", Text, nullable=False),
        Column("pointer", Text, nullable=False),
        sqlite_autoincrement=True,
    )
    Index("operation_rows_operation", reports.c.operation_id, reports.c.id)
    parked = Table(
        "parked_rows",
        metadata,
        Column("key", String(64), primary_key=True),
        Column("kind", String(40), nullable=False),
        Column("section", String(40), nullable=False),
        Column("number", Integer, nullable=False),
        Column("data", Document, nullable=False),
        Column("waits_for", String(200), nullable=False),
        Column("reason", Text, nullable=False),
        Column("parked_at", UtcDateTime, nullable=False),
    )
    Index("parked_rows_waits_for", parked.c.waits_for)
    return ImportTables(operations, reports, parked)
