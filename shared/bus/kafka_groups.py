"""How far a consumer group has come, seen from outside of it."""

from __future__ import annotations

from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient

from shared.bus.kafka_clients import KafkaSettings, deadline, quietly
from shared.bus.kafka_records import ends_of
from shared.bus.port import Standing


async def standing(settings: KafkaSettings, topics: Sequence[str], *, group: str) -> Standing:
    """Raises BusUnavailable, also when a topic does not exist."""
    admin = AIOKafkaAdminClient(**settings.client_options())
    consumer = AIOKafkaConsumer(*topics, **settings.client_options(), enable_auto_commit=False)
    try:
        async with deadline(settings.timeout_s, f"asking how far {group} has come"):
            await admin.start()
            await consumer.start()
            ends = await ends_of(consumer, topics)
            begins = await consumer.beginning_offsets(list(ends))
            told = await admin.list_consumer_group_offsets(group, partitions=list(ends))
    finally:
        await quietly(consumer.stop())
        await quietly(admin.close())
    # -1: nothing was read yet. What retention has dropped is not waited for.
    at = {place: max(told[place].offset, begins[place]) for place in ends}
    return Standing(read=sum(at.values()), waiting=sum(ends[place] - at[place] for place in ends))
