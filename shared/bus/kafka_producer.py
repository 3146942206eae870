"""Publishing to Kafka: idempotent, acknowledged by all replicas, in order per key."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.bus.kafka_clients import KafkaSettings, deadline, quietly
from shared.bus.kafka_internals import abandon
from shared.bus.port import BusUnavailable, Message

_BATCH_BYTES = 131_072

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
        attempt = _Attempt(producer)
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                await attempt.run(messages)
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


class _Attempt:
    """The fate of the messages of one call, as far as they were handed to the producer."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._sent: list[asyncio.Future[Any]] = []
        self.failure: BaseException | None = None

    async def run(self, messages: Sequence[Message]) -> None:
        for message in messages:
            headers = [(name, value.encode()) for name, value in message.headers.items()]
            self._sent.append(await self._producer.send(message.topic, message.value, message.key.encode(), headers=headers))
        # In this order, since most are settled by the batch of an earlier one: few awaits.
        for future in self._sent:
            if not future.done():
                await asyncio.wait((future,))
            self.failure = self.failure or future.exception()

    def acknowledged(self) -> list[bool]:
        return [future.done() and not future.cancelled() and future.exception() is None for future in self._sent]

    def disown(self) -> None:
        """What fails from here on is nobody's news."""
        for future in self._sent:
            future.add_done_callback(lambda done: done.cancelled() or done.exception())


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
