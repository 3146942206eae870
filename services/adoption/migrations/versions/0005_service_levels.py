"""service levels."""

import sqlalchemy as sa
from alembic import op

from shared.db import Document

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "slas",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("adoption_id", sa.String(length=36), nullable=False),
        sa.Column("organization_id", sa.String(length=128), nullable=False),
        sa.Column("offering_id", sa.String(length=128), nullable=False),
        sa.Column("focus_area", sa.String(length=80), nullable=False),
        sa.Column("measure_id", sa.String(length=128), nullable=False),
        sa.Column("target", sa.String(length=300), nullable=False),
        sa.Column("missed_in_a_row", sa.Integer(), nullable=False),
        sa.Column("results", Document, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("adoption_id", "measure_id"),
    )
    op.create_index(op.f("ix_slas_focus_area"), "slas", ["focus_area"], unique=False)
    op.create_index(op.f("ix_slas_offering_id"), "slas", ["offering_id"], unique=False)
    op.create_index(op.f("ix_slas_organization_id"), "slas", ["organization_id"], unique=False)
