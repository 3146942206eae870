"""published offerings revision by revision."""

import sqlalchemy as sa
from alembic import op

from shared.db import Document

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "known_revisions",
        sa.Column("offering_id", sa.String(length=128), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("document", Document, nullable=False),
        sa.PrimaryKeyConstraint("offering_id", "revision"),
    )
