"""The gateway's tables."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text

from shared.db import Document, UtcDateTime
from shared.inbox import inbox_tables
from shared.web.idempotency import idempotency_table

metadata = MetaData()
inbox = inbox_tables(metadata)
idempotency = idempotency_table(metadata)

# `event` is the structured CloudEvent without `seq`, exactly as hashed; the other columns repeat parts of it to search by.
feed = Table(
    "feed",
    metadata,
    Column("seq", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False),
    Column("event_id", String(64), nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("source_topic", Text, nullable=False),
    Column("time", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("focus_area", Text),
    Column("agency", Text),
    Column("visibility", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("prev_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
Index("feed_subject", feed.c.subject, feed.c.seq)
Index("feed_actor", feed.c.actor, feed.c.seq)

# One row: the last link. Locking it makes its holder the one writer.
feed_head = Table(
    "feed_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
)

# What visibility and sentences need of the registry, derived from its facts. `seq`: of the fact last taken in.
known_organizations = Table(
    "known_organizations",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("parent_id", String(64)),
    Column("codes", Document, nullable=False),
    Column("seq", BigInteger, nullable=False, index=True),
)

known_focus_areas = Table(
    "known_focus_areas",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("title", Text, nullable=False),
    Column("services", Document, nullable=False),
)

# Imports that the gateway leads across services. `children`: [{"service", "operation_id"}].
operations = Table(
    "operations",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("status", String(16), nullable=False),
    Column("actor", Text, nullable=False),
    Column("member", Text, nullable=False),
    Column("validate_only", Integer, nullable=False),
    Column("sections", Document, nullable=False),
    Column("children", Document, nullable=False),
    Column("rows_done", Integer, nullable=False),
    Column("rows_total", Integer),
    Column("detail", Text),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
)
