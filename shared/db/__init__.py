"""SQLite and PostgreSQL behind one door: the only place that opens, commits and migrates."""

from shared.db.database import Database, RollbackOnly, Row, Transaction
from shared.db.types import Document, UtcDateTime
from shared.db.upsert import upsert

__all__ = ["Database", "Document", "RollbackOnly", "Row", "Transaction", "UtcDateTime", "upsert"]
