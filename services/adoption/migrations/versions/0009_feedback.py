"""feedback."""

import sqlalchemy as sa
from alembic import op

from shared.db import Document

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feedbacks",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("adoption_id", sa.String(length=36), nullable=False),
        sa.Column("organization_id", sa.String(length=128), nullable=False),
        sa.Column("offering_id", sa.String(length=128), nullable=False),
        sa.Column("focus_area", sa.String(length=80), nullable=False),
        sa.Column("quarter", sa.String(length=8), nullable=False),
        sa.Column("document", Document, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("adoption_id", "quarter"),
    )
    op.create_index(op.f("ix_feedbacks_focus_area"), "feedbacks", ["focus_area"], unique=False)
    op.create_index(op.f("ix_feedbacks_offering_id"), "feedbacks", ["offering_id"], unique=False)
    op.create_index(op.f("ix_feedbacks_organization_id"), "feedbacks", ["organization_id"], unique=False)
