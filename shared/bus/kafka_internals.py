"""What the bus needs of aiokafka (0.14) and aiokafka offers no way to do."""

# ruff: noqa: SLF001 - that is what this module is for; tests/contract/test_bus_kafka.py notices what changes

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import ProducerClosed

from shared.bus.kafka_clients import quietly

_PAUSE_S = 0.1


class Watch(ConsumerRebalanceListener):  # type: ignore[misc] # untyped base
    """Follows the client's membership, and keeps it from taking back what it lost.

    A client whose member id the broker has dropped would join again under its name and throw out the one
    that replaced it, which would then do the same, for ever.
    """

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._joined_once = False
        self.fenced = False
        self.rebalancing_since: float | None = None

    async def on_partitions_revoked(self, revoked: object) -> None:  # noqa: ARG002 - the library's signature
        self.rebalancing_since = asyncio.get_running_loop().time()
        if self._joined_once and not self._consumer._coordinator.member_id:
            self.fenced = True
            await asyncio.Event().wait()  # until `leave` cancels the coordination, which waits for this

    async def on_partitions_assigned(self, assigned: object) -> None:  # noqa: ARG002 - the library's signature
        self._joined_once = True
        self.rebalancing_since = None

    @property
    def crashed(self) -> bool:
        return bool(self._consumer._coordinator._coordination_task.done())

    async def leave(self, *, for_good: bool) -> None:
        """Static members never leave by themselves; without `for_good` the name keeps its partitions."""
        consumer, coordinator = self._consumer, self._consumer._coordinator
        if coordinator is None:
            await quietly(consumer.stop())
            return
        if for_good:
            coordinator._group_instance_id = None
        else:
            coordinator._coordination_task.cancel()
            await asyncio.wait((coordinator._coordination_task,))
        if not await quietly(consumer.stop()):
            coordinator._coordination_task.cancel()
            await quietly(consumer._fetcher.close())
            await quietly(consumer._client.close())


def paced(client: AIOKafkaClient) -> None:
    """A producer whose broker is gone asks for it without a pause: 600 times a second, and says so in the log each time."""
    update = client._metadata_update

    async def after_a_pause(*arguments: Any) -> bool:
        updated: bool = await update(*arguments)
        if not updated:
            await asyncio.sleep(_PAUSE_S)
        return updated

    client._metadata_update = after_a_pause


async def abandon(producer: AIOKafkaProducer) -> None:
    """Ends it without the broker's help; `stop` alone would wait for it, for ever if need be.

    https://github.com/aio-libs/aiokafka/issues/1101
    """
    sending = [task for task in asyncio.all_tasks() if _belongs_to(task, producer._sender)]
    for task in sending:
        task.cancel()
    await asyncio.gather(*sending, return_exceptions=True)
    # Tells those who still wait; while something is being sent it would crash the sender.
    accumulator = producer._message_accumulator
    waiting = [batch._drain_waiter for batches in accumulator._batches.values() for batch in batches]
    accumulator.fail_all(ProducerClosed())
    for drained in waiting:
        drained.exception()  # or asyncio complains that nobody asked
    await quietly(producer.stop())
    await quietly(producer.client.close())


def _belongs_to(task: asyncio.Task[Any], sender: object) -> bool:
    """The client keeps the tasks of its requests in a local variable."""
    frame = getattr(task.get_coro(), "cr_frame", None)
    return frame is not None and frame.f_locals.get("self") is sender
