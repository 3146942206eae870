"""cases of legacy providers."""

import sqlalchemy as sa
from alembic import op

from shared.db import Document

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "provider_cases",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.String(length=128), nullable=False),
        sa.Column("focus_area", sa.String(length=80), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("document", Document, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_provider_cases_focus_area"), "provider_cases", ["focus_area"], unique=False)
    op.create_index(op.f("ix_provider_cases_organization_id"), "provider_cases", ["organization_id"], unique=False)
