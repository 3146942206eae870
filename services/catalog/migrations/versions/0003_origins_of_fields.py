"""origins of fields."""

import sqlalchemy as sa
from alembic import op

from shared.db import Document

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("offerings", sa.Column("origins", Document, nullable=True))
