"""ratings of offerings."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "offering_ratings",
        sa.Column("feedback_id", sa.String(length=36), nullable=False),
        sa.Column("dimension", sa.String(length=40), nullable=False),
        sa.Column("offering_id", sa.String(length=36), nullable=False),
        sa.Column("rating", sa.Integer(), nullable=False),
        sa.Column("quarter", sa.String(length=8), nullable=False),
        sa.Column("given_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("feedback_id", "dimension"),
    )
    op.create_index("offering_ratings_offering", "offering_ratings", ["offering_id", "given_on"])
