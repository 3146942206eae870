"""figures in the order they are read.

A service of the version before goes on adding to sums by their old names, which nobody reads any more: where one ran beside
this version, figures are made anew by `POST /v1/analytics/rebuild`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_COLUMNS = "figure, area, grain, begins_on, agency, key, value"
_MOVED = f"""
INSERT INTO figure_cells ({_COLUMNS})
SELECT figure, area, CASE WHEN agency = '' THEN grain ELSE 'agency_' || grain END, begins_on, agency, key, value
FROM figure_cells_before
"""  # noqa: S608 - of constants


def upgrade() -> None:
    op.drop_index("figure_cells_agency", "figure_cells")
    op.rename_table("figure_cells", "figure_cells_before")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER INDEX figure_cells_pkey RENAME TO figure_cells_before_pkey")
    op.create_table(
        "figure_cells",
        sa.Column("figure", sa.String(length=24), nullable=False),
        sa.Column("area", sa.String(length=80), nullable=False),
        sa.Column("grain", sa.String(length=12), nullable=False),
        sa.Column("begins_on", sa.Date(), nullable=False),
        sa.Column("agency", sa.String(length=128), nullable=False),
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("figure", "area", "grain", "begins_on", "agency", "key"),
        sqlite_with_rowid=False,
    )
    op.execute(_MOVED)
    op.drop_table("figure_cells_before")
