"""What oversight asks for: investment action plans, service levels, annual plans, cases of providers, feedback, findings."""

from __future__ import annotations

from sqlalchemy import Column, Date, Index, Integer, String, Table, Text, UniqueConstraint

from services.adoption.tables.metadata import metadata
from shared.db import Document

iaps = Table(
    "iaps",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("organization_id", String(128), nullable=False, index=True),
    # Slugs between blanks: a plan of several areas is found by each of them.
    Column("areas", String(1000), nullable=False),
    Column("status", String(24), nullable=False, index=True),
    Column("expires_on", Date),
    Column("document", Document, nullable=False),
)

iap_thresholds = Table(
    "iap_thresholds",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("focus_area", String(80), nullable=False, unique=True),
    Column("amount", String(24), nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", String(300), nullable=False),
)

slas = Table(
    "slas",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("adoption_id", String(36), nullable=False),
    Column("organization_id", String(128), nullable=False, index=True),
    Column("offering_id", String(128), nullable=False, index=True),
    Column("focus_area", String(80), nullable=False, index=True),
    Column("measure_id", String(128), nullable=False),
    Column("target", String(300), nullable=False),
    Column("missed_in_a_row", Integer, nullable=False),
    Column("results", Document, nullable=False),
    UniqueConstraint("adoption_id", "measure_id"),
)

annual_plans = Table(
    "annual_plans",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("organization_id", String(128), nullable=False),
    Column("fiscal_year", Integer, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("status", String(16), nullable=False),
    # Slugs between blanks, as of action plans.
    Column("areas", String(2000), nullable=False),
    Column("document", Document, nullable=False),
    UniqueConstraint("organization_id", "fiscal_year"),
    Index("annual_plans_status", "status", "due_on"),
)

provider_cases = Table(
    "provider_cases",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("organization_id", String(128), nullable=False, index=True),
    Column("focus_area", String(80), nullable=False, index=True),
    Column("status", String(16), nullable=False),
    Column("document", Document, nullable=False),
)

feedbacks = Table(
    "feedbacks",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("adoption_id", String(36), nullable=False),
    Column("organization_id", String(128), nullable=False, index=True),
    Column("offering_id", String(128), nullable=False, index=True),
    Column("focus_area", String(80), nullable=False, index=True),
    Column("quarter", String(8), nullable=False),
    Column("document", Document, nullable=False),
    UniqueConstraint("adoption_id", "quarter"),
)

findings = Table(
    "findings",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("focus_area", String(80), nullable=False, index=True),
    Column("status", String(16), nullable=False),
    Column("document", Document, nullable=False),
)

# The registry's corrective actions that answer findings.
known_corrections = Table(
    "known_corrections",
    metadata,
    Column("finding_id", String(36), primary_key=True),
    Column("plan_id", String(36), nullable=False),
    Column("action_id", String(36), nullable=False),
    Column("status", String(24), nullable=False),
    Column("owner", String(300), nullable=False),
    Column("due_on", Date, nullable=False),
)
