"""What a bus must do: keyed, partitioned, durable, at least once, ordered per partition."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from shared.kernel.errors import Unavailable

PARTITIONS_DEFAULT = 6
# Kafka's brokers and clients refuse 1 MiB, on every try, and what follows in the queue would wait behind it.
MESSAGE_BYTES_MAX = 1_000_000


class BusUnavailable(Unavailable):
    """The bus cannot be reached or refused for a passing reason; publishing again is safe."""


class MembershipLost(Unavailable):
    """This subscription was fenced: another member took its name or its partitions over, or its client broke.

    It stays lost: close it and subscribe again under the same name. What was not committed is delivered again.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A record to publish: headers are text, the value is bytes."""

    topic: str
    key: str
    value: bytes
    headers: Mapping[str, str]

    @property
    def size_bytes(self) -> int:
        """What counts against MESSAGE_BYTES_MAX."""
        texts = (self.key, *self.headers.keys(), *self.headers.values())
        return len(self.value) + sum(len(text.encode(errors="replace")) for text in texts)


class Delivery(NamedTuple):
    """A record read back, with its place in the log. A tuple: logs are long, and a frozen dataclass costs thrice that."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Of a consumer group: offsets it has read up to, and records after them, over all partitions."""

    read: int
    waiting: int


class Subscription(Protocol):
    """One member of a consumer group. Not safe for use by two tasks at once."""

    async def fetch(self, *, max_messages: int, timeout_s: float) -> list[Delivery]:
        """Up to `max_messages` records, in order within each partition; empty after `timeout_s`.

        A cancelled fetch has read nothing. Raises BusUnavailable, MembershipLost.
        """
        ...

    async def commit(self, next_offsets: Mapping[tuple[str, int], int]) -> None:
        """Durably remember the next offset to read per (topic, partition).

        Raises BusUnavailable; MembershipLost also when the group has changed since the records were fetched
        (nothing of this call is remembered then).
        """
        ...

    async def lag(self) -> Mapping[tuple[str, int], int]:
        """By topic and partition, of all that are this member's: how many records lie after its position."""
        ...

    async def close(self) -> None:
        """Leave the group, so that others take over at once. Idempotent."""
        ...


class Bus(Protocol):
    """A connection to the log. `start` before use, `close` after."""

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def ensure_topics(self, topics: Sequence[str], *, partitions: int = PARTITIONS_DEFAULT) -> None:
        """Create what is missing; never changes a topic that exists. Raises BusUnavailable."""
        ...

    async def publish(self, messages: Sequence[Message]) -> list[bool]:
        """Append in the given order; says of each message whether it is acknowledged durable.

        Per key the acknowledged messages are a prefix of those given. What is not acknowledged must be
        published again: it may then be there twice, but is never lost nor inverted within its key.
        A topic that does not exist acknowledges nothing, and whoever sends more than MESSAGE_BYTES_MAX may never be
        acknowledged. Raises BusUnavailable when none was acknowledged.
        """
        ...

    async def subscribe(self, topics: Sequence[str], *, group: str, member: str) -> Subscription:
        """Join `group` under the stable name `member`, fencing whoever holds it; new groups start at the earliest record.

        Raises BusUnavailable, also when a topic does not exist.
        """
        ...

    def records(self, topics: Sequence[str]) -> AsyncIterator[list[Delivery]]:
        """What the topics hold when asked, from the earliest record on, in order within each partition; for no group.

        Raises BusUnavailable, also when a topic does not exist.
        """
        ...

    async def ping(self) -> None:
        """Raises BusUnavailable when the bus cannot be reached."""
        ...
