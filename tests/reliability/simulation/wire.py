"""The embedded bus with everything that a bus may do to those who use it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from shared.bus import embedded_log as log
from shared.bus.embedded import EmbeddedBus
from shared.bus.embedded_subscription import EmbeddedSubscription, Hub
from shared.bus.port import BusUnavailable, Delivery, MembershipLost, Message
from tests.reliability.simulation.disk import BusFile

_AGAIN_MAX = 20


class SimulatedBus(EmbeddedBus):
    """At each call, `fault_rate` that it fails: before it did anything, in the middle, or after it did everything."""

    def __init__(self, path: Path, *, chance: random.Random, fault_rate: float, clock: object) -> None:
        super().__init__(path, clock=clock)  # type: ignore[arg-type] # a callable of the world's
        self._chance = chance
        self.fault_rate = fault_rate
        connect = partial(log.connect, path, busy_s=0)
        self._hub = Hub(
            writer=BusFile("writer", connect, begin="BEGIN IMMEDIATE", on_rollback=self._log.forget),
            reader=BusFile("reader", connect, begin="BEGIN"),
            members=_InOrder(),  # type: ignore[arg-type] # as much of a set as is used
        )

    def fails(self) -> bool:
        return self._chance.random() < self.fault_rate

    async def publish(self, messages: Sequence[Message]) -> list[bool]:
        if self.fails():
            raise BusUnavailable("simulated: not reached")
        if messages and self.fails():
            cut = self._chance.randrange(len(messages))
            if cut:
                await super().publish(messages[:cut])
            told = self._chance.randint(0, cut)
            if not told:
                raise BusUnavailable("simulated: acknowledgements lost")
            return [*[True] * told, *[False] * (len(messages) - told)]
        acknowledged = await super().publish(messages)
        if self.fails():
            raise BusUnavailable("simulated: acknowledgement lost")
        return acknowledged

    async def subscribe(self, topics: Sequence[str], *, group: str, member: str) -> EmbeddedSubscription:
        if self.fails():
            raise BusUnavailable("simulated: not reached")
        inner = await super().subscribe(topics, group=group, member=member)
        return SimulatedSubscription(inner, self)  # type: ignore[return-value] # the port is a protocol


class _InOrder(dict[EmbeddedSubscription, None]):
    """A set whose order does not depend on where its members lie in memory."""

    def add(self, member: EmbeddedSubscription) -> None:
        self[member] = None

    def discard(self, member: EmbeddedSubscription) -> None:
        self.pop(member, None)


class SimulatedSubscription:
    """Brings records again, forgets commits, loses its place in the group."""

    def __init__(self, inner: EmbeddedSubscription, bus: SimulatedBus) -> None:
        self._inner = inner
        self._bus = bus
        self._seen: dict[tuple[str, int], list[Delivery]] = {}

    async def fetch(self, *, max_messages: int, timeout_s: float) -> list[Delivery]:
        if self._bus.fails():
            raise BusUnavailable("simulated: fetching failed")
        if self._bus.fails():
            raise MembershipLost("simulated: expelled")
        fetched = await self._inner.fetch(max_messages=self._bus._chance.randint(1, max_messages), timeout_s=timeout_s)
        found: list[Delivery] = []
        for place in dict.fromkeys((d.topic, d.partition) for d in fetched):
            fresh = [d for d in fetched if (d.topic, d.partition) == place]
            seen = self._seen.setdefault(place, [])
            again = seen[-self._bus._chance.randint(1, _AGAIN_MAX) :] if self._bus.fails() else []
            found += [*again, *fresh]
            seen += fresh
        return found

    async def commit(self, next_offsets: Mapping[tuple[str, int], int]) -> None:
        if self._bus.fails():
            raise BusUnavailable("simulated: not committed")
        await self._inner.commit(next_offsets)
        if self._bus.fails():
            raise BusUnavailable("simulated: committed, and nobody said so")

    async def lag(self) -> Mapping[tuple[str, int], int]:
        return await self._inner.lag()

    async def close(self) -> None:
        await self._inner.close()
