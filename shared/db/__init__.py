"""SQLite and PostgreSQL behind one door: the only place that opens, commits and migrates."""

from shared.db.database import Database, RollbackOnly, Row, Transaction
from shared.db.engines import AsyncConnection
from shared.db.many import among, in_keys, insert_many, insert_tuples, keys, upsert
from shared.db.types import Document, UtcDateTime

__all__ = [
    "AsyncConnection",
    "Database",
    "Document",
    "RollbackOnly",
    "Row",
    "Transaction",
    "UtcDateTime",
    "among",
    "in_keys",
    "insert_many",
    "insert_tuples",
    "keys",
    "upsert",
]
