"""needs to savings: what agencies choose and account for."""

import sqlalchemy as sa
from alembic import op

from shared.db import Document, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agreements",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("adoption_id", sa.String(length=36), nullable=False),
        sa.Column("organization_id", sa.String(length=128), nullable=False),
        sa.Column("offering_id", sa.String(length=128), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("number", sa.String(length=300), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("begins_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("funding", Document, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("signed_by", sa.String(length=300), nullable=True),
        sa.Column("countersigned_by", sa.String(length=300), nullable=True),
        sa.Column("amendment", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_agreements_adoption_id"), "agreements", ["adoption_id"], unique=False)
    op.create_index(op.f("ix_agreements_offering_id"), "agreements", ["offering_id"], unique=False)
    op.create_index(op.f("ix_agreements_organization_id"), "agreements", ["organization_id"], unique=False)
    op.create_table(
        "demands",
        sa.Column("id", sa.String(length=160), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("fibf_id", sa.String(length=128), nullable=False),
        sa.Column("focus_area", sa.String(length=80), nullable=False),
        sa.Column("calls", Document, nullable=False),
        sa.Column("agencies", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_demands_focus_area"), "demands", ["focus_area"], unique=False)
    op.create_table(
        "known_activities",
        sa.Column("standard_id", sa.String(length=128), nullable=False),
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("focus_area", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("standard_id", "id"),
    )
    op.create_index(op.f("ix_known_activities_focus_area"), "known_activities", ["focus_area"], unique=False)
    op.create_table(
        "known_vehicles",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.String(length=300), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("ordering_from", sa.Date(), nullable=True),
        sa.Column("ordering_to", sa.Date(), nullable=True),
        sa.Column("is_full", sa.Boolean(), nullable=False),
        sa.Column("eligible", Document, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_known_vehicles_number"), "known_vehicles", ["number"], unique=False)
    op.create_table(
        "needs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.String(length=128), nullable=False),
        sa.Column("focus_area", sa.String(length=80), nullable=False),
        sa.Column("fiscal_year", sa.Integer(), nullable=False),
        sa.Column("needs", Document, nullable=False),
        sa.Column("constraints", Document, nullable=False),
        sa.Column("size", Document, nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("copied_from", sa.String(length=36), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("organization_id", "focus_area", "fiscal_year"),
    )
    op.create_index(op.f("ix_needs_focus_area"), "needs", ["focus_area"], unique=False)
    op.create_table(
        "profile_versions",
        sa.Column("profile_id", sa.String(length=36), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=300), nullable=False),
        sa.Column("standings", Document, nullable=False),
        sa.PrimaryKeyConstraint("profile_id", "n"),
    )
    op.create_table(
        "profiles",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.String(length=128), nullable=False),
        sa.Column("focus_area", sa.String(length=80), nullable=False),
        sa.Column("standings", Document, nullable=False),
        sa.Column("assessments", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("organization_id", "focus_area"),
    )
    op.create_index(op.f("ix_profiles_focus_area"), "profiles", ["focus_area"], unique=False)
    op.create_table(
        "savings",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("adoption_id", sa.String(length=36), nullable=False),
        sa.Column("organization_id", sa.String(length=128), nullable=False),
        sa.Column("focus_area", sa.String(length=80), nullable=False),
        sa.Column("fiscal_year", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("cents", sa.BigInteger(), nullable=False),
        sa.Column("hours", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.String(length=300), nullable=False),
        sa.Column("source", sa.String(length=300), nullable=False),
        sa.Column("confidence", sa.String(length=16), nullable=False),
        sa.Column("reverses", sa.String(length=36), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("reverses"),
    )
    op.create_index(op.f("ix_savings_adoption_id"), "savings", ["adoption_id"], unique=False)
    op.create_index(op.f("ix_savings_focus_area"), "savings", ["focus_area"], unique=False)
    op.create_index(op.f("ix_savings_organization_id"), "savings", ["organization_id"], unique=False)
    op.create_table(
        "shortlists",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.String(length=128), nullable=False),
        sa.Column("focus_area", sa.String(length=80), nullable=False),
        sa.Column("needs_id", sa.String(length=36), nullable=False),
        sa.Column("fiscal_year", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("pinned", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("locked_by", sa.String(length=300), nullable=False),
        sa.Column("locked_on", sa.Date(), nullable=False),
        sa.Column("decision", Document, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_shortlists_focus_area"), "shortlists", ["focus_area"], unique=False)
    op.create_index(op.f("ix_shortlists_organization_id"), "shortlists", ["organization_id"], unique=False)
    op.create_table(
        "systems",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.String(length=128), nullable=False),
        sa.Column("number", sa.String(length=300), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("focus_area", sa.String(length=80), nullable=False),
        sa.Column("facts", Document, nullable=False),
        sa.Column("planned_on", sa.Date(), nullable=True),
        sa.Column("decommissioned_on", sa.Date(), nullable=True),
        sa.Column("adoption_id", sa.String(length=36), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("organization_id", "number"),
    )
    op.create_index(op.f("ix_systems_adoption_id"), "systems", ["adoption_id"], unique=False)
    op.create_index(op.f("ix_systems_focus_area"), "systems", ["focus_area"], unique=False)
    op.add_column("known_offerings", sa.Column("kind", sa.String(length=24), nullable=True))
    op.add_column("known_offerings", sa.Column("authorization", Document, nullable=True))
    op.add_column("known_offerings", sa.Column("fit", Document, nullable=True))
    op.add_column("known_offerings", sa.Column("fact_version", sa.Integer(), nullable=True))
    op.add_column("known_offerings", sa.Column("provider_id", sa.String(length=36), nullable=True))
