"""Facts recorded in the transaction of the change they tell of, and brought to the bus afterwards."""

from shared.outbox.relay import Relay
from shared.outbox.store import AggregateStore, Beside
from shared.outbox.tables import outbox_table

__all__ = ["AggregateStore", "Beside", "Relay", "outbox_table"]
