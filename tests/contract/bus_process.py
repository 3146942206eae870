"""Another process on the same log, which does one thing, says so, and waits to be killed.

publish TOPIC COUNT SIZE_BYTES | hold TOPIC GROUP MEMBER COMMITTED
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable

from shared.bus.port import Bus, Message
from tests.contract.bus_brokers import BROKERS, opened


async def publish(bus: Bus, topic: str, count: str, size_bytes: str) -> None:
    """One acknowledged call per message."""
    for number in range(int(count)):
        value = str(number).encode().ljust(int(size_bytes), b".")
        await bus.publish([Message(topic=topic, key="other process", value=value, headers={})])
    print("published", flush=True)
    await asyncio.Event().wait()


async def hold(bus: Bus, topic: str, group: str, member: str, committed: str) -> None:
    """Reads something, commits the first `committed` records, and never goes on."""
    subscription = await bus.subscribe([topic], group=group, member=member)
    read = await subscription.fetch(max_messages=100, timeout_s=10)
    next_offsets = {(delivery.topic, delivery.partition): delivery.offset + 1 for delivery in read[: int(committed)]}
    await subscription.commit(next_offsets)
    print("holding", len(read), flush=True)
    while True:
        await subscription.fetch(max_messages=100, timeout_s=1)


ACTIONS: dict[str, Callable[..., Awaitable[None]]] = {"publish": publish, "hold": hold}


async def main(broker: str, place: str, expiry_s: str, action: str, *arguments: str) -> None:
    async with opened(BROKERS[broker](place, float(expiry_s))) as bus:
        await ACTIONS[action](bus, *arguments)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
