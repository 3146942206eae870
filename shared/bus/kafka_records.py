"""Reading topics from their beginning to where they end now, without a group and its rights."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.bus.kafka_clients import KafkaSettings, deadline, quietly
from shared.bus.kafka_subscription import delivery_of
from shared.bus.port import BusUnavailable, Delivery

_RECORDS = 1_000
_POLL_MS = 500


async def read(settings: KafkaSettings, topics: Sequence[str]) -> AsyncIterator[list[Delivery]]:
    """Raises BusUnavailable, also when nothing comes for as long as a call may take."""
    consumer = AIOKafkaConsumer(*topics, **settings.client_options(), auto_offset_reset="earliest", enable_auto_commit=False)
    try:
        async with deadline(settings.timeout_s, "reading whole topics"):
            await consumer.start()
            ends = await ends_of(consumer, topics)
        while ends:
            async with deadline(settings.timeout_s, "reading whole topics"):
                found = await _some(consumer, ends)
            if found:
                yield found
    finally:
        await quietly(consumer.stop())


async def ends_of(consumer: AIOKafkaConsumer, topics: Sequence[str]) -> dict[TopicPartition, int]:
    places = consumer.assignment()
    if missing := set(topics) - {place.topic for place in places}:
        raise BusUnavailable(f"no such topic: {', '.join(sorted(missing))}")
    return dict(await consumer.end_offsets(places))


async def _some(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> list[Delivery]:
    """The next records; takes partitions out of `ends` that are read. Empty only when there are no more."""
    while ends:
        batches = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_RECORDS)
        for place in list(ends):
            if await consumer.position(place) >= ends[place]:
                del ends[place]
        if batches:
            return [delivery_of(record) for records in batches.values() for record in records]
    return []
