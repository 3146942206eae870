"""findings of oversight."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "known_findings",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("focus_area", sa.String(length=80), nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("plan_id", sa.String(length=36), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
