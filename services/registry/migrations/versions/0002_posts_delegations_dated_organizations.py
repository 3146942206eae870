"""posts, delegations, dated organizations."""

import sqlalchemy as sa
from alembic import op

from shared.db import Document

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "organization_spans",
        sa.Column("organization_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("parent_id", sa.String(length=36), nullable=True),
        sa.Column("begins_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "number"),
    )
    op.create_index(op.f("ix_organization_spans_parent_id"), "organization_spans", ["parent_id"], unique=False)
    op.create_index("organization_spans_name", "organization_spans", ["name", "organization_id"], unique=False)
    op.create_table(
        "posts",
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("organization_id", sa.String(length=36), nullable=True),
        sa.Column("focus_area", sa.String(length=80), nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("steps", Document, nullable=False),
        sa.Column("delegations", Document, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_posts_organization_id"), "posts", ["organization_id"], unique=False)
    op.add_column("board_seats", sa.Column("delegations", Document, nullable=True))
    op.add_column("organizations", sa.Column("eras", Document, nullable=True))
    op.add_column("organizations", sa.Column("predecessor_ids", Document, nullable=True))
    op.add_column("organizations", sa.Column("successor_ids", Document, nullable=True))
    # What is on record has had one name and one parent as far as we know.
    op.execute(
        "INSERT INTO organization_spans (organization_id, number, name, parent_id, begins_on, ends_on) "
        "SELECT id, 0, name, parent_id, valid_from, valid_to FROM organizations"
    )
