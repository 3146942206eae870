"""standards, vehicles, notices."""

import sqlalchemy as sa
from alembic import op

from shared.db import Document, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "standard_editions",
        sa.Column("standard_id", sa.String(length=128), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=300), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("withdrawn", sa.Integer(), nullable=False),
        sa.Column("counts", Document, nullable=False),
        sa.PrimaryKeyConstraint("standard_id", "edition"),
    )
    op.create_table(
        "standard_items",
        sa.Column("standard_id", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("item_id", sa.String(length=256), nullable=False),
        sa.Column("from_edition", sa.Integer(), nullable=False),
        sa.Column("to_edition", sa.Integer(), nullable=True),
        sa.Column("parent_id", sa.String(length=256), nullable=True),
        sa.Column("search", sa.Text(), nullable=False),
        sa.Column("content", Document, nullable=False),
        sa.PrimaryKeyConstraint("standard_id", "kind", "item_id", "from_edition"),
    )
    op.create_index("standard_items_item", "standard_items", ["item_id", "standard_id"], unique=False)
    op.create_table(
        "standards",
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("family", sa.String(length=16), nullable=False),
        sa.Column("focus_area", sa.String(length=80), nullable=True),
        sa.Column("source_version", sa.String(length=80), nullable=True),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("counts", Document, nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("successor_id", sa.String(length=128), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "vehicles",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=300), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("ordering_to", sa.Date(), nullable=True),
        sa.Column("obligated", sa.String(length=24), nullable=False),
        sa.Column("terms", Document, nullable=False),
        sa.Column("told", Document, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number"),
    )
    op.create_index(op.f("ix_vehicles_ordering_to"), "vehicles", ["ordering_to"], unique=False)
    op.add_column("offerings", sa.Column("told", Document, nullable=True))
    op.add_column("offerings", sa.Column("authorization_ends_on", sa.Date(), nullable=True))
    op.create_index(
        "offerings_ending",
        "offerings",
        ["authorization_ends_on"],
        unique=False,
        postgresql_where=sa.text("authorization_ends_on IS NOT NULL"),
        sqlite_where=sa.text("authorization_ends_on IS NOT NULL"),
    )
    op.add_column("organizations", sa.Column("parent_id", sa.String(length=36), nullable=True))
    op.add_column("organizations", sa.Column("codes", Document, nullable=True))
