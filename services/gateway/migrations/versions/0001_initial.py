"""The first schema."""

from alembic import op

from services.gateway.chain import GENESIS
from services.gateway.tables import feed_head, metadata

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())
    op.bulk_insert(feed_head, [{"id": 1, "seq": 0, "hash": GENESIS}])
