"""standards and their items by edition."""

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
