"""work and targets of adoptions, and the playbook as data."""

import sqlalchemy as sa
from alembic import op

from shared.db import Document

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "playbook_items",
        sa.Column("id", sa.String(length=160), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("phase", sa.String(length=16), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("data", Document, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.add_column("adoptions", sa.Column("work", Document, nullable=True))
    op.add_column("adoptions", sa.Column("target_on", sa.Date(), nullable=True))
