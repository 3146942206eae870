"""Events taken from the bus, each with effect once and in the order of its aggregate."""

from shared.inbox.consumer import Consumer, Handler
from shared.inbox.tables import InboxTables, inbox_tables

__all__ = ["Consumer", "Handler", "InboxTables", "inbox_tables"]
