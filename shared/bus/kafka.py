"""The bus on Apache Kafka, or any cluster that speaks its protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import NoError, TopicAlreadyExistsError, for_code

from shared.bus import kafka_groups, kafka_records, kafka_subscription
from shared.bus.kafka_clients import KafkaSecurity, KafkaSettings, deadline, quietly
from shared.bus.kafka_producer import KafkaPublisher
from shared.bus.kafka_subscription import KafkaSubscription
from shared.bus.port import PARTITIONS_DEFAULT, BusUnavailable, Delivery, Message, Standing

__all__ = ["KafkaBus", "KafkaSecurity", "KafkaSettings"]

_METADATA_POLL_S = 0.05


class KafkaBus:
    """Connects when first used, so that services start in any order."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._publisher = KafkaPublisher(settings)
        self._subscriptions: list[KafkaSubscription] = []

    async def start(self) -> None:
        """Nothing to do: see the class."""

    async def close(self) -> None:
        for subscription in self._subscriptions:
            await subscription.close()
        self._subscriptions = []
        await self._publisher.close()

    async def ensure_topics(self, topics: Sequence[str], *, partitions: int = PARTITIONS_DEFAULT) -> None:
        async with self._admin("creating topics") as admin:
            missing = set(topics) - set(await admin.list_topics())
            if missing:
                await self._create(admin, missing, partitions)
            while not await _have_leaders(admin, list(topics)):
                await asyncio.sleep(_METADATA_POLL_S)

    async def _create(self, admin: AIOKafkaAdminClient, topics: set[str], partitions: int) -> None:
        factor = self._settings.replication_factor
        # An empty assignment passes a check of the client that knows no "default of the broker" (-1).
        wanted = [NewTopic(topic, partitions, factor, {} if factor == -1 else None) for topic in sorted(topics)]
        response = await admin.create_topics(wanted)
        for topic, code, *_ in response.topic_errors:
            if (error := for_code(code)) not in {NoError, TopicAlreadyExistsError}:
                raise BusUnavailable(f"Kafka does not create {topic}: {error.__name__}")

    async def publish(self, messages: Sequence[Message]) -> list[bool]:
        return await self._publisher.publish(messages) if messages else []

    async def subscribe(self, topics: Sequence[str], *, group: str, member: str) -> KafkaSubscription:
        subscription = await kafka_subscription.join(self._settings, topics, group=group, member=member)
        self._subscriptions = [*(other for other in self._subscriptions if not other.closed), subscription]
        return subscription

    def records(self, topics: Sequence[str]) -> AsyncIterator[list[Delivery]]:
        return kafka_records.read(self._settings, topics)

    async def standing(self, topics: Sequence[str], *, group: str) -> Standing:
        """How far a group has come, without joining it. Raises BusUnavailable, also when a topic does not exist."""
        return await kafka_groups.standing(self._settings, topics, group=group)

    async def ping(self) -> None:
        async with self._admin("ping") as admin:
            await admin.describe_cluster()

    @asynccontextmanager
    async def _admin(self, doing: str) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(**self._settings.client_options())
        try:
            async with deadline(self._settings.timeout_s, doing):
                await admin.start()
                yield admin
        finally:
            await quietly(admin.close())


async def _have_leaders(admin: AIOKafkaAdminClient, topics: list[str]) -> bool:
    found = await admin.describe_topics(topics)
    return all(
        topic["error_code"] == 0 and topic["partitions"] and all(part["leader"] >= 0 for part in topic["partitions"])
        for topic in found
    )
