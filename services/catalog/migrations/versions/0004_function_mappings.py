"""function mappings."""

import sqlalchemy as sa
from alembic import op

from shared.db import Document

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "function_mappings",
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("term", sa.String(length=300), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("content", Document, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
