"""Publishing to Kafka: idempotent, acknowledged by all replicas, in order per key."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from shared.bus.kafka_clients import KafkaSettings, deadline, quietly
from shared.bus.kafka_internals import abandon, paced
from shared.bus.partitioner import partitions_of
from shared.bus.port import BusUnavailable, Message

_BATCH_BYTES = 131_072
# Few records share a batch with those of other calls; a call with many makes batches of its own, at a third of the cost.
_OWN_BATCHES_FROM = 64
# What the client itself refuses, given a message at a time.
_RECORD_BYTES_MAX = 1_048_576

_logger = structlog.get_logger(component="bus")


class KafkaPublisher:
    """Connects when first used, and starts over with a new producer after any failure.

    Kafka refuses what follows an unacknowledged batch of the same producer in the same partition, since the
    sequence has a gap. So a failure inverts nothing, but leaves a producer that is of no more use.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._changing = asyncio.Lock()

    async def publish(self, messages: Sequence[Message]) -> list[bool]:
        producer = await self._ready()
        attempt = _Attempt(producer, messages)
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                await attempt.run()
        except (KafkaError, OSError, TimeoutError) as err:
            attempt.failure = err
        except asyncio.CancelledError:
            attempt.disown()
            raise
        acknowledged = prefix_per_key(messages, attempt.acknowledged())
        if not all(acknowledged):
            await self._give_up(producer, attempt)
        if not any(acknowledged):
            raise BusUnavailable(f"Kafka acknowledged nothing: {attempt.failure!r}") from attempt.failure
        return acknowledged

    async def close(self) -> None:
        async with self._changing:
            producer, self._producer = self._producer, None
            if producer is not None and not await quietly(producer.stop()):
                await abandon(producer)

    async def _ready(self) -> AIOKafkaProducer:
        async with self._changing:
            if self._producer is None:
                self._producer = await self._connect()
            return self._producer

    async def _connect(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **self._settings.client_options(),
            enable_idempotence=True,
            acks="all",
            compression_type="lz4",
            max_batch_size=_BATCH_BYTES,
        )
        paced(producer.client)
        try:
            async with deadline(self._settings.timeout_s, "connecting a producer"):
                await producer.start()
        except BaseException:
            await abandon(producer)
            raise
        return producer

    async def _give_up(self, producer: AIOKafkaProducer, attempt: _Attempt) -> None:
        """Ends the producer before the next is made, so that nothing old is written after something new."""
        _logger.warning("bus_producer_failed", error=repr(attempt.failure))
        attempt.disown()
        async with self._changing:
            if self._producer is producer:
                await abandon(producer)
                self._producer = None


class _Batch:
    """What goes to one partition at once; nobody else adds to it."""

    def __init__(self, producer: AIOKafkaProducer, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.places: list[int] = []
        self.is_too_large = False
        self._builder = producer.create_batch()

    def add(self, place: int, message: Message) -> bool:
        """False when it is full; the first message always fits."""
        key, headers = message.key.encode(), _headers(message)
        added = self._builder.append(timestamp=None, key=key, value=message.value, headers=headers)
        if added is None:
            return False
        self.places.append(place)
        self.is_too_large = added.size > _RECORD_BYTES_MAX
        return True

    async def send(self, producer: AIOKafkaProducer) -> asyncio.Future[Any]:
        """Returns what is settled when it is acknowledged."""
        self._builder.close()
        sending: asyncio.Future[Any] = await producer.send_batch(self._builder, self.topic, partition=self.partition)
        return sending


class _Attempt:
    """The fate of the messages of one call, as far as they were handed to the producer."""

    def __init__(self, producer: AIOKafkaProducer, messages: Sequence[Message]) -> None:
        self._producer = producer
        self._messages = messages
        self._sent: list[tuple[asyncio.Future[Any], list[int]]] = []
        self.failure: BaseException | None = None

    async def run(self) -> None:
        await (self._send_batches() if len(self._messages) >= _OWN_BATCHES_FROM else self._send_each())
        # In this order, since most are settled by the batch of an earlier one: few awaits.
        for sending, _ in self._sent:
            if not sending.done():
                await asyncio.wait((sending,))
            self.failure = self.failure or sending.exception()

    async def _send_each(self) -> None:
        for place, message in enumerate(self._messages):
            key, headers = message.key.encode(), _headers(message)
            sending = await self._producer.send(message.topic, message.value, key, headers=headers)
            self._sent.append((sending, [place]))

    async def _send_batches(self) -> None:
        batches = [
            self._batches(topic, partition, places) for (topic, partition), places in (await self._by_partition()).items()
        ]
        # A partition takes its next batch when the one before it is under way: first one for each of them.
        for turn in zip_longest(*batches):
            for batch in turn:
                if batch is not None:
                    self._sent.append((await batch.send(self._producer), batch.places))

    async def _by_partition(self) -> dict[tuple[str, int], list[int]]:
        """Where among the messages those of each partition are."""
        found: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        by_topic: defaultdict[str, list[int]] = defaultdict(list)
        for place, message in enumerate(self._messages):
            by_topic[message.topic].append(place)
        for topic, places in by_topic.items():
            try:
                partitions = sorted(await self._producer.partitions_for(topic))
            except KafkaError as err:  # what is for other topics goes
                self.failure = err
                continue
            keys = [self._messages[place].key for place in places]
            for place, index in zip(places, partitions_of(keys, len(partitions)), strict=True):
                found[topic, partitions[index]].append(place)
        return found

    def _batches(self, topic: str, partition: int, places: Sequence[int]) -> Iterator[_Batch]:
        """In order; ends before a message that no broker takes."""
        batch = _Batch(self._producer, topic, partition)
        for place in places:
            message = self._messages[place]
            if not batch.add(place, message):
                yield batch
                batch = _Batch(self._producer, topic, partition)
                batch.add(place, message)
            if batch.is_too_large:
                self.failure = self.failure or MessageSizeTooLargeError(f"{message.size_bytes:,} bytes of {message.key!r}")
                return
        yield batch

    def acknowledged(self) -> list[bool]:
        flags = [False] * len(self._messages)
        for sending, places in self._sent:
            if sending.done() and not sending.cancelled() and sending.exception() is None:
                for place in places:
                    flags[place] = True
        return flags

    def disown(self) -> None:
        """What fails from here on is nobody's news."""
        for sending, _ in self._sent:
            sending.add_done_callback(lambda done: done.cancelled() or done.exception())


def _headers(message: Message) -> list[tuple[str, bytes]]:
    return [(name, value.encode()) for name, value in message.headers.items()]


def prefix_per_key(messages: Sequence[Message], acknowledged: Sequence[bool]) -> list[bool]:
    """The messages never sent, and those behind a failed one of their key, count as not acknowledged."""
    broken: set[tuple[str, str]] = set()
    flags: list[bool] = []
    for index, message in enumerate(messages):
        key = (message.topic, message.key)
        if index >= len(acknowledged) or not acknowledged[index]:
            broken.add(key)
        flags.append(key not in broken)
    return flags
