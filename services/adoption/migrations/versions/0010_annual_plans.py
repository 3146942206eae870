"""annual plans."""

import sqlalchemy as sa
from alembic import op

from shared.db import Document

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "annual_plans",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.String(length=128), nullable=False),
        sa.Column("fiscal_year", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("areas", sa.String(length=2000), nullable=False),
        sa.Column("document", Document, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("organization_id", "fiscal_year"),
    )
    op.create_index("annual_plans_status", "annual_plans", ["status", "due_on"], unique=False)
