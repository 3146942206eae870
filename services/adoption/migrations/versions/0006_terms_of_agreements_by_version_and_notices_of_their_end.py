"""terms of agreements by version, and notices of their end."""

import sqlalchemy as sa
from alembic import op

from shared.db import Document, UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agreement_versions",
        sa.Column("agreement_id", sa.String(length=36), nullable=False),
        sa.Column("amendment", sa.Integer(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=300), nullable=False),
        sa.Column("document", Document, nullable=False),
        sa.PrimaryKeyConstraint("agreement_id", "amendment"),
    )
    op.add_column("agreements", sa.Column("told", Document, nullable=True))
