"""figures."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "figure_cells",
        sa.Column("figure", sa.String(length=24), nullable=False),
        sa.Column("area", sa.String(length=80), nullable=False),
        sa.Column("grain", sa.String(length=8), nullable=False),
        sa.Column("agency", sa.String(length=128), nullable=False),
        sa.Column("begins_on", sa.Date(), nullable=False),
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("figure", "area", "grain", "agency", "begins_on", "key"),
        sqlite_with_rowid=False,
    )
    op.create_index("figure_cells_agency", "figure_cells", ["agency", "figure", "area", "grain"], unique=False)
    op.create_table(
        "figure_ranges",
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("facts", sa.BigInteger(), nullable=False),
        sa.Column("first_event", sa.String(length=36), nullable=False),
        sa.Column("last_event", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("source"),
    )
    op.create_table(
        "figure_subjects",
        sa.Column("id", sa.String(length=160), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("moved", sa.Boolean(), nullable=False),
        sa.Column("contribution", sa.Text(), nullable=False),
        sa.Column("memory", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=False,
    )
