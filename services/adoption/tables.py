"""Adoption's tables."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Date, Index, Integer, MetaData, String, Table, Text

from shared.db import Document
from shared.imports.tables import import_tables
from shared.inbox import inbox_tables
from shared.outbox import outbox_table
from shared.web.idempotency import idempotency_table

metadata = MetaData()
outbox = outbox_table(metadata)
inbox = inbox_tables(metadata)
idempotency = idempotency_table(metadata)
imports = import_tables(metadata)

adoptions = Table(
    "adoptions",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("organization_id", String(128), nullable=False),
    Column("offering_id", String(128), nullable=False),
    # Both ids in one column: SQLite finds no index for pairs of values in a list.
    Column("pair", String(257), nullable=False),
    Column("offering_revision", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("phase", String(16), nullable=False),
    Column("started_on", Date, nullable=False),
    Column("source", String(40)),
    Column("steps", Document, nullable=False),
    Column("letters", Document, nullable=False),
    Column("gates", Document, nullable=False),
    Column("stalled", Boolean, nullable=False),
    Column("stall_found_on", Date),
    Column("stall_progress_on", Date),
    Column("stall_threshold_days", Integer),
)
Index("adoptions_pair", adoptions.c.pair)
Index("adoptions_organization", adoptions.c.organization_id)
Index("adoptions_offering", adoptions.c.offering_id)
_live = adoptions.c.status.in_(("active", "on_hold"))
Index("adoptions_one_live_per_pair", adoptions.c.pair, unique=True, postgresql_where=_live, sqlite_where=_live)

# Histories of more than one step as rows, to be asked by date; derived from the adoption's row in the same transaction.
adoption_steps = Table(
    "adoption_steps",
    metadata,
    Column("adoption_id", String(36), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("effective_on", Date, nullable=False),
    Column("status", String(16), nullable=False),
    Column("phase", String(16), nullable=False),
)

# What the registry and the catalog told, as far as it is needed here.
known_organizations = Table(
    "known_organizations",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("name", Text, nullable=False),
    Column("parent_id", String(128), index=True),
    Column("kind", String(16), nullable=False),
    Column("cfo_act", Boolean, nullable=False),
    Column("valid_to", Date),
)

# A code that moves may be told of at both organizations for a moment: topics keep order per organization only.
known_codes = Table(
    "known_codes",
    metadata,
    Column("scheme", String(40), primary_key=True),
    Column("value", String(300), primary_key=True),
    Column("organization_id", String(128), primary_key=True, index=True),
)
Index("known_codes_value", known_codes.c.value)

known_offerings = Table(
    "known_offerings",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("code", String(128), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("status", String(24), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("focus_areas", Document, nullable=False),
    Column("provider_name", Text),
)

known_offering_areas = Table(
    "known_offering_areas",
    metadata,
    Column("offering_id", String(128), primary_key=True),
    Column("focus_area", String(80), primary_key=True, index=True),
)

# Which import last met a row: tells a row that is twice in one file from one that an earlier file had.
import_sightings = Table(
    "import_sightings",
    metadata,
    Column("key", String(32), primary_key=True),
    Column("correlation_id", String(64), nullable=False),
    Column("number", Integer, nullable=False),
    sqlite_with_rowid=False,
)
