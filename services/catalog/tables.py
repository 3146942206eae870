"""The catalog's tables."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Date, Index, Integer, MetaData, String, Table, Text

from shared.db import Document, UtcDateTime
from shared.imports.tables import import_tables
from shared.inbox import inbox_tables
from shared.outbox import outbox_table
from shared.web.idempotency import idempotency_table

metadata = MetaData()
outbox = outbox_table(metadata)
inbox = inbox_tables(metadata)
idempotency = idempotency_table(metadata)
imports = import_tables(metadata)

# What the catalog remembers of the others; rebuilt from their topics.
focus_areas = Table(
    "focus_areas",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("title", String(300), nullable=False),
    Column("services", Document, nullable=False),
    Column("opens_on", Date),
)

organizations = Table(
    "organizations",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(300), nullable=False),
    Column("key", String(300), nullable=False, index=True),
    Column("parent_id", String(36)),
    Column("codes", Document),
)

designations = Table(
    "designations",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("focus_area", String(80), nullable=False, index=True),
    Column("service", String(80), nullable=False),
    Column("organization_id", String(36)),
    Column("status", String(16), nullable=False),
    Column("effective_on", Date, nullable=False),
    Column("designated_on", Date),
)

# Who uses what, as adoption tells it; `since` is null until it goes live.
offering_uses = Table(
    "offering_uses",
    metadata,
    Column("adoption_id", String(36), primary_key=True),
    Column("offering_id", String(36), nullable=False),
    Column("agency_id", String(36), nullable=False),
    Column("agency_name", String(300)),
    Column("revision", Integer, nullable=False),
    Column("since", Date),
    Column("until", Date),
    Column("is_public", Boolean, nullable=False),
)
Index("offering_uses_since", offering_uses.c.offering_id, offering_uses.c.since, offering_uses.c.adoption_id)

# What adopters rated, as adoption tells it: a row per answer and dimension.
offering_ratings = Table(
    "offering_ratings",
    metadata,
    Column("feedback_id", String(36), primary_key=True),
    Column("dimension", String(40), primary_key=True),
    Column("offering_id", String(36), nullable=False),
    Column("rating", Integer, nullable=False),
    Column("quarter", String(8), nullable=False),
    Column("given_on", Date, nullable=False),
)
Index("offering_ratings_offering", offering_ratings.c.offering_id, offering_ratings.c.given_on)

# The catalog's own.
marketplaces = Table(
    "marketplaces",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("opened_on", Date),
)

providers = Table(
    "providers",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("key", String(300), nullable=False, unique=True),
    Column("name", String(300), nullable=False),
    Column("search", String(300), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("organization_id", String(36)),
    Column("uei", String(12)),
    Column("small_business", Boolean),
)
Index("providers_name", providers.c.name, providers.c.id)

offerings = Table(
    "offerings",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("code", String(128), nullable=False, unique=True),
    Column("status", String(20), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("source", String(300)),
    Column("curated", Boolean, nullable=False),
    Column("origins", Document),
    Column("submitted_by", String(300)),
    Column("reason", Text),
    Column("successor_id", String(36)),
    Column("told", Document),
    Column("content", Document, nullable=False),
    # Derived from the content, for lists.
    Column("name", String(300), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("shelf", String(16)),
    Column("provider_id", String(36), index=True),
    Column("fedramp_id", String(128)),
    Column("authorization_status", String(40)),
    Column("impact_level", String(40)),
    Column("authorization_ends_on", Date),
    Column("service_models", String(500), nullable=False),
    Column("search", Text, nullable=False),
)
Index("offerings_name", offerings.c.name, offerings.c.id)
# Nearly every FedRAMP id is the code of its offering and found by that.
_other_id = offerings.c.fedramp_id != offerings.c.code
Index("offerings_fedramp_id", offerings.c.fedramp_id, postgresql_where=_other_id, sqlite_where=_other_id)

# Derived from the content in the same transaction.
offering_areas = Table(
    "offering_areas",
    metadata,
    Column("offering_id", String(36), primary_key=True),
    Column("focus_area", String(80), primary_key=True),
)
Index("offering_areas_area", offering_areas.c.focus_area, offering_areas.c.offering_id)

offering_revisions = Table(
    "offering_revisions",
    metadata,
    Column("offering_id", String(36), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("content", Document, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("by", String(300), nullable=False),
)

Index(
    "offerings_ending",
    offerings.c.authorization_ends_on,
    postgresql_where=offerings.c.authorization_ends_on.is_not(None),
    sqlite_where=offerings.c.authorization_ends_on.is_not(None),
)

# What was decided here; the rest is as it comes with the program.
function_mappings = Table(
    "function_mappings",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("term", String(300), nullable=False),
    Column("status", String(16), nullable=False),
    Column("content", Document, nullable=False),
)

vehicles = Table(
    "vehicles",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("number", String(300), nullable=False, unique=True),
    Column("status", String(16), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("ordering_to", Date, index=True),
    # US dollars as decimal text: SQLite has no exact numbers.
    Column("obligated", String(24), nullable=False),
    Column("terms", Document, nullable=False),
    Column("told", Document, nullable=False),
)

standards = Table(
    "standards",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("title", String(300), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("status", String(16), nullable=False),
    Column("family", String(16), nullable=False),
    Column("focus_area", String(80)),
    Column("source_version", String(80)),
    Column("edition", Integer, nullable=False),
    Column("counts", Document, nullable=False),
    Column("reason", Text),
    Column("successor_id", String(128)),
)

# An item as it was from one edition on, up to and without another (NULL: still). What has not been published yet is
# from, or up to, the edition after the standard's own.
standard_items = Table(
    "standard_items",
    metadata,
    Column("standard_id", String(128), primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("item_id", String(256), primary_key=True),
    Column("from_edition", Integer, primary_key=True),
    Column("to_edition", Integer),
    Column("parent_id", String(256)),
    Column("search", Text, nullable=False),
    Column("content", Document, nullable=False),
)
Index("standard_items_item", standard_items.c.item_id, standard_items.c.standard_id)

standard_editions = Table(
    "standard_editions",
    metadata,
    Column("standard_id", String(128), primary_key=True),
    Column("edition", Integer, primary_key=True),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("by", String(300), nullable=False),
    Column("added", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("withdrawn", Integer, nullable=False),
    Column("counts", Document, nullable=False),
)
