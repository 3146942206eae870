"""What other services told, as far as it is needed here."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Date, Index, Integer, String, Table, Text

from services.adoption.tables.metadata import metadata
from shared.db import Document

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
    # What is compared with needs; rows told of before this was known have none of it.
    Column("kind", String(24)),
    Column("authorization", Document),
    Column("fit", Document),
    Column("fact_version", Integer),
    Column("provider_id", String(36)),
)

# What published offerings were at each revision: an adoption that chose an older one is shown what changed.
known_revisions = Table(
    "known_revisions",
    metadata,
    Column("offering_id", String(128), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("document", Document, nullable=False),
)

known_offering_areas = Table(
    "known_offering_areas",
    metadata,
    Column("offering_id", String(128), primary_key=True),
    Column("focus_area", String(80), primary_key=True, index=True),
)

known_vehicles = Table(
    "known_vehicles",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("number", String(300), nullable=False, index=True),
    Column("status", String(16), nullable=False),
    Column("ordering_from", Date),
    Column("ordering_to", Date),
    Column("is_full", Boolean, nullable=False),
    Column("eligible", Document, nullable=False),
)

known_activities = Table(
    "known_activities",
    metadata,
    Column("standard_id", String(128), primary_key=True),
    Column("id", String(128), primary_key=True),
    Column("title", Text, nullable=False),
    Column("focus_area", String(80), nullable=False, index=True),
)
