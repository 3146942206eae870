"""What a running registry holds."""

from __future__ import annotations

from services.registry import tables
from services.registry.config import Settings
from services.registry.importers import kinds
from shared.db import Database
from shared.service import Connections, Owner


def build(settings: Settings, connections: Connections) -> Owner:
    """Nothing is opened yet: `start` does."""
    url = settings.database_url.get_secret_value()
    return Owner(
        name="registry",
        settings=settings,
        db=Database(url, clock=connections.clock, pool_size=settings.database_pool),
        connections=connections,
        migrations="services.registry.migrations",
        outbox=tables.outbox,
        idempotency=tables.idempotency,
        import_tables=tables.imports,
        kinds={kind.kind: kind for kind in kinds()},
    )
