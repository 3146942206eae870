"""A consumer group's member on Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import (
    CommitFailedError,
    ConsumerStoppedError,
    IllegalStateError,
    KafkaError,
)

from shared.bus.kafka_clients import KafkaSettings, deadline
from shared.bus.kafka_internals import Watch
from shared.bus.port import BusUnavailable, Delivery, MembershipLost

_HEARTBEATS_PER_SESSION = 5
# Sessions that a rebalance, or a standstill with records waiting, may last before the client counts as wedged.
_PATIENCE_SESSIONS = 3

_GRACE_S = 0.1
_PROBE_S = 2.0

_logger = structlog.get_logger(component="bus")


async def join(settings: KafkaSettings, topics: Sequence[str], *, group: str, member: str) -> KafkaSubscription:
    """Raises BusUnavailable."""
    session_ms = int(settings.session_timeout_s * 1000)
    options = settings.client_options()
    # The broker answers a join when the last member has joined, or its session has ended.
    options["request_timeout_ms"] += session_ms
    consumer = AIOKafkaConsumer(
        **options,
        group_id=group,
        group_instance_id=member,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=session_ms,
        heartbeat_interval_ms=session_ms // _HEARTBEATS_PER_SESSION,
        partition_assignment_strategy=(RangePartitionAssignor,),
        fetch_max_wait_ms=min(500, session_ms // 2),
    )
    watch = Watch(consumer)
    subscription = KafkaSubscription(settings, consumer, watch)
    consumer.subscribe(list(topics), listener=watch)
    try:
        async with deadline(settings.timeout_s, f"joining {group}"):
            await consumer.start()
    except BaseException:
        await subscription.close()
        raise
    return subscription


class KafkaSubscription:
    """Once lost it stays lost. A client that wedges counts as lost, so that joining again replaces it.

    Wedges known upstream: https://github.com/aio-libs/aiokafka/issues/1154 and /1037.
    """

    def __init__(self, settings: KafkaSettings, consumer: AIOKafkaConsumer, watch: Watch) -> None:
        self._settings = settings
        self._consumer = consumer
        self._watch = watch
        self._patience_s = settings.session_timeout_s * _PATIENCE_SESSIONS
        self._ended: str | None = None
        self.closed = False
        self._probed_at = asyncio.get_running_loop().time()
        self._behind_since: float | None = None

    async def fetch(self, *, max_messages: int, timeout_s: float) -> list[Delivery]:
        self._check()
        batches = await self._poll(max_messages, timeout_s)
        self._check()
        deliveries = [delivery_of(record) for records in batches.values() for record in records]
        if deliveries:
            self._behind_since = None
        else:
            await self._probe()
        return deliveries

    async def _poll(self, max_messages: int, timeout_s: float) -> Mapping[TopicPartition, Sequence[Any]]:
        try:
            # While the group rebalances the client waits beyond the time it is given.
            async with asyncio.timeout(timeout_s + _GRACE_S):
                found = await self._consumer.getmany(timeout_ms=int(timeout_s * 1000), max_records=max_messages)
        except TimeoutError:
            return {}
        except (KafkaError, ConsumerStoppedError, OSError) as err:
            self._check()
            raise BusUnavailable(f"Kafka failed at fetching: {err}") from err
        return cast("Mapping[TopicPartition, Sequence[Any]]", found)

    async def _probe(self) -> None:
        """Tells a quiet log from one that cannot be reached, and both from a client that stands still."""
        now = asyncio.get_running_loop().time()
        if now < self._probed_at + self._settings.session_timeout_s:
            return
        self._probed_at = now
        try:
            behind = any((await self._lag(min(_PROBE_S, self._settings.timeout_s))).values())
        except BusUnavailable:
            self._note_standstill(now)
            raise
        if behind:
            self._note_standstill(now)
        else:
            self._behind_since = None

    def _note_standstill(self, now: float) -> None:
        self._behind_since = self._behind_since or now
        if now - self._behind_since > self._patience_s:
            raise self._end("the Kafka client stands still")

    async def commit(self, next_offsets: Mapping[tuple[str, int], int]) -> None:
        self._check()
        if not next_offsets:  # which the client takes for a mistake
            return
        offsets = {TopicPartition(*place): offset for place, offset in next_offsets.items()}
        async with deadline(self._settings.timeout_s, "committing"):
            try:
                await self._consumer.commit(offsets)
            except (CommitFailedError, IllegalStateError) as err:
                raise self._end("the group shared its partitions out anew, or replaced this member") from err

    async def lag(self) -> Mapping[tuple[str, int], int]:
        return await self._lag(self._settings.timeout_s)

    async def _lag(self, timeout_s: float) -> Mapping[tuple[str, int], int]:
        self._check()
        async with deadline(timeout_s, "measuring the lag"):
            assigned = self._consumer.assignment()
            ends = await self._consumer.end_offsets(assigned) if assigned else {}
            return {(at.topic, at.partition): end - await self._consumer.position(at) for at, end in ends.items()}

    async def close(self) -> None:
        """A lost member keeps its place in the group, so that joining again under its name moves no partition."""
        if not self.closed:
            self.closed = True
            await self._watch.leave(for_good=self._ended is None and not self._watch.fenced)
            self._ended = self._ended or "the subscription is closed"

    def _check(self) -> None:
        since = self._watch.rebalancing_since
        if self._ended is not None:
            raise MembershipLost(self._ended)
        if self._watch.fenced:
            raise self._end("another member has the name, or this one was silent for too long")
        if self._watch.crashed:
            raise self._end("the Kafka client's coordination has crashed")
        if since is not None and asyncio.get_running_loop().time() - since > self._patience_s:
            raise self._end("the rebalance does not end")

    def _end(self, why: str) -> MembershipLost:
        self._ended = why
        _logger.warning("bus_membership_lost", reason=why)
        return MembershipLost(why)


def delivery_of(record: Any) -> Delivery:
    """A record of the client in the terms of the port."""
    return Delivery(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=(record.key or b"").decode(errors="replace"),
        value=record.value or b"",
        headers={name: value.decode(errors="replace") for name, value in record.headers},
    )
