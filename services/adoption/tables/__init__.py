"""Adoption's tables."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, Integer, String, Table, Text, UniqueConstraint

from services.adoption.tables.known import (
    known_activities,
    known_codes,
    known_offering_areas,
    known_offerings,
    known_organizations,
    known_revisions,
    known_vehicles,
)
from services.adoption.tables.metadata import metadata
from services.adoption.tables.oversight import (
    annual_plans,
    feedbacks,
    findings,
    iap_thresholds,
    iaps,
    known_corrections,
    provider_cases,
    slas,
)
from shared.db import Document, UtcDateTime
from shared.imports.tables import import_tables
from shared.inbox import inbox_tables
from shared.outbox import outbox_table
from shared.web.idempotency import idempotency_table

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
    Column("work", Document),
    # The day by which the present phase is to end.
    Column("target_on", Date),
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

profiles = Table(
    "profiles",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("organization_id", String(128), nullable=False),
    Column("focus_area", String(80), nullable=False, index=True),
    Column("standings", Document, nullable=False),
    Column("assessments", Integer, nullable=False),
    UniqueConstraint("organization_id", "focus_area"),
)

# Each assessment as it was; derived from the profile in the same transaction.
profile_versions = Table(
    "profile_versions",
    metadata,
    Column("profile_id", String(36), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("by", String(300), nullable=False),
    Column("standings", Document, nullable=False),
)

needs = Table(
    "needs",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("organization_id", String(128), nullable=False),
    Column("focus_area", String(80), nullable=False, index=True),
    Column("fiscal_year", Integer, nullable=False),
    Column("needs", Document, nullable=False),
    Column("constraints", Document, nullable=False),
    Column("size", Document, nullable=False),
    Column("shared", Boolean, nullable=False),
    Column("copied_from", String(36)),
    UniqueConstraint("organization_id", "focus_area", "fiscal_year"),
)

shortlists = Table(
    "shortlists",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("organization_id", String(128), nullable=False, index=True),
    Column("focus_area", String(80), nullable=False, index=True),
    Column("needs_id", String(36), nullable=False),
    Column("fiscal_year", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("pinned", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("locked_by", String(300), nullable=False),
    Column("locked_on", Date, nullable=False),
    Column("decision", Document),
)

agreements = Table(
    "agreements",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("adoption_id", String(36), nullable=False, index=True),
    Column("organization_id", String(128), nullable=False, index=True),
    Column("offering_id", String(128), nullable=False, index=True),
    Column("status", String(16), nullable=False),
    Column("number", String(300), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("begins_on", Date, nullable=False),
    Column("ends_on", Date, nullable=False),
    Column("funding", Document, nullable=False),
    Column("scope", Text, nullable=False),
    Column("signed_by", String(300)),
    Column("countersigned_by", String(300)),
    Column("amendment", Integer, nullable=False),
    Column("reason", Text),
    Column("told", Document),
)

# Each set of terms as it came to stand; derived from the agreement in the same transaction.
agreement_versions = Table(
    "agreement_versions",
    metadata,
    Column("agreement_id", String(36), primary_key=True),
    Column("amendment", Integer, primary_key=True),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("by", String(300), nullable=False),
    Column("document", Document, nullable=False),
)

systems = Table(
    "systems",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("organization_id", String(128), nullable=False),
    Column("number", String(300), nullable=False),
    Column("status", String(16), nullable=False),
    Column("name", String(300), nullable=False),
    Column("focus_area", String(80), nullable=False, index=True),
    Column("facts", Document, nullable=False),
    Column("planned_on", Date),
    Column("decommissioned_on", Date),
    Column("adoption_id", String(36), index=True),
    Column("evidence", Text),
    Column("reason", Text),
    UniqueConstraint("organization_id", "number"),
)

# Never updated: a correction is another row.
savings = Table(
    "savings",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("adoption_id", String(36), nullable=False, index=True),
    Column("organization_id", String(128), nullable=False, index=True),
    Column("focus_area", String(80), nullable=False, index=True),
    Column("fiscal_year", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    # US dollars in cents: whole numbers add up exactly in every database.
    Column("cents", BigInteger, nullable=False),
    Column("hours", BigInteger, nullable=False),
    Column("method", String(300), nullable=False),
    Column("source", String(300), nullable=False),
    Column("confidence", String(16), nullable=False),
    Column("reverses", String(36), unique=True),
    Column("reason", Text),
)

demands = Table(
    "demands",
    metadata,
    Column("id", String(160), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("fibf_id", String(128), nullable=False),
    Column("focus_area", String(80), nullable=False, index=True),
    Column("calls", Document, nullable=False),
    Column("agencies", Integer, nullable=False),
)

# What files of the M3 playbook brought; what is built in stands in the code.
playbook_items = Table(
    "playbook_items",
    metadata,
    Column("id", String(160), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("key", String(128), nullable=False),
    Column("phase", String(16)),
    Column("title", Text, nullable=False),
    Column("data", Document, nullable=False),
)

known_posts = Table(
    "known_posts",
    metadata,
    Column("id", String(160), primary_key=True),
    Column("kind", String(24), nullable=False),
    Column("organization_id", String(128), index=True),
    Column("state", String(16), nullable=False),
    Column("holder_name", String(300)),
    Column("subject", String(300)),
    Column("delegations", Document, nullable=False),
)

known_designations = Table(
    "known_designations",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("focus_area", String(80), nullable=False, index=True),
    Column("service", String(128), nullable=False),
    Column("status", String(24), nullable=False),
)

known_marketplaces = Table(
    "known_marketplaces",
    metadata,
    Column("focus_area", String(80), primary_key=True),
    Column("status", String(24), nullable=False),
)

# What facts add to and take from figures, summed over periods. Rows of agency "" are the sums over all agencies.
figure_cells = Table(
    "figure_cells",
    metadata,
    Column("figure", String(24), primary_key=True),
    Column("area", String(80), primary_key=True),
    Column("grain", String(12), primary_key=True),
    Column("begins_on", Date, primary_key=True),
    Column("agency", String(128), primary_key=True),
    Column("key", String(160), primary_key=True),
    Column("value", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# What each subject contributes now, so that its next fact can take it away.
figure_subjects = Table(
    "figure_subjects",
    metadata,
    Column("id", String(160), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("day", Date, nullable=False),
    Column("moved", Boolean, nullable=False),
    Column("contribution", Text, nullable=False),
    Column("memory", Text),
    sqlite_with_rowid=False,
)

# When adoptions were told to stand still, and until when.
figure_stalls = Table(
    "figure_stalls",
    metadata,
    Column("adoption_id", String(36), primary_key=True),
    Column("since", Date, primary_key=True),
    Column("until", Date),
    Column("progress_on", Date, nullable=False),
    Column("threshold_days", Integer, nullable=False),
)

# From which facts the figures come.
figure_ranges = Table(
    "figure_ranges",
    metadata,
    Column("source", String(16), primary_key=True),
    Column("facts", BigInteger, nullable=False),
    Column("first_event", String(36), nullable=False),
    Column("last_event", String(36), nullable=False),
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

__all__ = [
    "adoption_steps",
    "adoptions",
    "agreement_versions",
    "agreements",
    "annual_plans",
    "demands",
    "feedbacks",
    "figure_cells",
    "figure_ranges",
    "figure_stalls",
    "figure_subjects",
    "findings",
    "iap_thresholds",
    "iaps",
    "idempotency",
    "import_sightings",
    "imports",
    "inbox",
    "known_activities",
    "known_codes",
    "known_corrections",
    "known_designations",
    "known_marketplaces",
    "known_offering_areas",
    "known_offerings",
    "known_organizations",
    "known_posts",
    "known_revisions",
    "known_vehicles",
    "metadata",
    "needs",
    "outbox",
    "playbook_items",
    "profile_versions",
    "profiles",
    "provider_cases",
    "savings",
    "shortlists",
    "slas",
    "systems",
]
