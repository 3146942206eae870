"""The registry's tables."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Date, Index, Integer, MetaData, String, Table

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

policies = Table(
    "policies",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("title", String(300), nullable=False),
    Column("issuer", String(300), nullable=False),
    Column("issued_on", Date, nullable=False),
    Column("url", String(2_000)),
)

focus_areas = Table(
    "focus_areas",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("title", String(300), nullable=False),
    Column("policy", String(80), nullable=False),
    Column("aliases", Document, nullable=False),
    Column("services", Document, nullable=False),
    Column("marketplace_opens_on", Date),
)

organizations = Table(
    "organizations",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("name", String(300), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("abbreviation", String(40)),
    Column("parent_id", String(36), index=True),
    Column("codes", Document, nullable=False),
    Column("aliases", Document, nullable=False),
    Column("cfo_act", Boolean, nullable=False),
    Column("valid_from", Date),
    Column("valid_to", Date),
    Column("eras", Document),
    Column("predecessor_ids", Document),
    Column("successor_ids", Document),
)

# What an organization was called and where it stood from when until when; derived from its row, for reads of a day.
organization_spans = Table(
    "organization_spans",
    metadata,
    Column("organization_id", String(36), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("name", String(300), nullable=False),
    Column("parent_id", String(36), index=True),
    Column("begins_on", Date),
    Column("ends_on", Date),
)
Index("organization_spans_name", organization_spans.c.name, organization_spans.c.organization_id)

# The two ways an outside reference finds an organization; derived from its row in the same transaction.
organization_codes = Table(
    "organization_codes",
    metadata,
    Column("scheme", String(40), primary_key=True),
    Column("value", String(80), primary_key=True),
    Column("organization_id", String(36), nullable=False, index=True),
)

organization_names = Table(
    "organization_names",
    metadata,
    Column("normalized", String(300), primary_key=True),
    Column("organization_id", String(36), primary_key=True, index=True),
    Column("name", String(300), nullable=False),
)

match_reviews = Table(
    "match_reviews",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("scheme", String(40), nullable=False),
    Column("value", String(300), nullable=False),
    Column("name", String(300), nullable=False),
    Column("parent_name", String(300)),
    Column("status", String(16), nullable=False, index=True),
    Column("candidates", Document, nullable=False),
    Column("organization_id", String(36)),
    Column("reason", String(2_000)),
)
Index("match_reviews_outside_id", match_reviews.c.scheme, match_reviews.c.value, unique=True)

designations = Table(
    "designations",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("focus_area", String(80), nullable=False),
    Column("service", String(80), nullable=False),
    Column("organization_id", String(36)),
    Column("status", String(16), nullable=False),
    Column("began_on", Date, nullable=False),
    Column("steps", Document, nullable=False),
    Column("predecessor_id", String(36)),
    Column("successor_id", String(36)),
    Column("recorded_at", UtcDateTime, nullable=False),
)
Index("designations_service", designations.c.focus_area, designations.c.service)
_live = designations.c.status.in_(("pre_designated", "designated", "suspended"))
Index(
    "designations_one_live_per_service",
    designations.c.focus_area,
    designations.c.service,
    unique=True,
    postgresql_where=_live,
    sqlite_where=_live,
)

# A plan is one document; what it is looked for by stands in columns of its own.
plans = Table(
    "plans",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("focus_area", String(80), nullable=False),
    Column("host_organization_id", String(36), nullable=False),
    Column("number", Integer, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("document", Document, nullable=False),
)
Index("plans_number", plans.c.focus_area, plans.c.host_organization_id, plans.c.number, unique=True)

board_seats = Table(
    "board_seats",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("title", String(300), nullable=False),
    Column("council", String(80)),
    Column("organization_id", String(36)),
    Column("subject", String(300)),
    Column("delegations", Document),
)

posts = Table(
    "posts",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("organization_id", String(36), index=True),
    Column("focus_area", String(80)),
    Column("state", String(8), nullable=False),
    Column("since", Date, nullable=False),
    Column("steps", Document, nullable=False),
    Column("delegations", Document, nullable=False),
)

# Findings of oversight, as adoption told them; `plan_id` once a corrective action was opened for it.
known_findings = Table(
    "known_findings",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("focus_area", String(80), nullable=False),
    Column("title", String(300), nullable=False),
    Column("due_on", Date, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Column("plan_id", String(36)),
)
