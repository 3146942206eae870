"""investment action plans."""

import sqlalchemy as sa
from alembic import op

from shared.db import Document

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "iap_thresholds",
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("focus_area", sa.String(length=80), nullable=False),
        sa.Column("amount", sa.String(length=24), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=300), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("focus_area"),
    )
    op.create_table(
        "iaps",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.String(length=128), nullable=False),
        sa.Column("areas", sa.String(length=1000), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("document", Document, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_iaps_organization_id"), "iaps", ["organization_id"], unique=False)
    op.create_index(op.f("ix_iaps_status"), "iaps", ["status"], unique=False)
    op.create_table(
        "known_designations",
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("focus_area", sa.String(length=80), nullable=False),
        sa.Column("service", sa.String(length=128), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_known_designations_focus_area"), "known_designations", ["focus_area"], unique=False)
    op.create_table(
        "known_marketplaces",
        sa.Column("focus_area", sa.String(length=80), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("focus_area"),
    )
    op.create_table(
        "known_posts",
        sa.Column("id", sa.String(length=160), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("organization_id", sa.String(length=128), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("holder_name", sa.String(length=300), nullable=True),
        sa.Column("subject", sa.String(length=300), nullable=True),
        sa.Column("delegations", Document, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_known_posts_organization_id"), "known_posts", ["organization_id"], unique=False)
