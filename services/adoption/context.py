"""What a running adoption service holds."""

from __future__ import annotations

from services.adoption import consumers, tables
from services.adoption.config import Settings
from services.adoption.importers import kinds
from shared.db import Database
from shared.inbox import Consumer
from shared.service import Connections, Owner


def build(settings: Settings, connections: Connections) -> Owner:
    """Nothing is opened yet: `start` does."""
    url = settings.database_url.get_secret_value()
    db = Database(url, clock=connections.clock, pool_size=settings.database_pool)
    consumer = Consumer(
        name=consumers.GROUP,
        db=db,
        bus=connections.bus,
        topics=consumers.TOPICS,
        tables=tables.inbox,
        handlers=consumers.handlers(),
        member=settings.member,
    )
    return Owner(
        name="adoption",
        settings=settings,
        db=db,
        connections=connections,
        migrations="services.adoption.migrations",
        outbox=tables.outbox,
        idempotency=tables.idempotency,
        import_tables=tables.imports,
        kinds={kind.kind: kind for kind in kinds()},
        consumers=(consumer,),
    )
