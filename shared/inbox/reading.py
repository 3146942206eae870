"""A consumer's place in its topics, told to the bus a moment later and for several batches at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress

from shared.bus.port import Delivery, Subscription
from shared.kernel.errors import Unavailable

_FETCH_TIMEOUT_S = 5.0
_COMMIT_EVERY_S = 0.2
_LAST_COMMIT_S = 1.0


class Reading:
    """A subscription whose offsets lag behind what is applied: what is read again after a crash, the ledger knows.

    An offset of its own for each batch costs more than applying a batch of a trickle.
    """

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription
        self._ahead: dict[tuple[str, int], int] = {}
        self._commit_at = float("inf")

    async def fetch(self, *, max_messages: int) -> list[Delivery]:
        """Raises Unavailable."""
        if time.monotonic() >= self._commit_at:
            await self._commit()
        timeout_s = min(_FETCH_TIMEOUT_S, self._commit_at - time.monotonic())
        return await self.subscription.fetch(max_messages=max_messages, timeout_s=max(0.0, timeout_s))

    def applied(self, deliveries: Sequence[Delivery]) -> None:
        """These need not be read again."""
        if not self._ahead:
            self._commit_at = time.monotonic() + _COMMIT_EVERY_S
        self._ahead.update({(d.topic, d.partition): d.offset + 1 for d in deliveries})

    async def _commit(self) -> None:
        ahead, self._ahead, self._commit_at = self._ahead, {}, float("inf")
        await self.subscription.commit(ahead)

    async def close(self) -> None:
        """Leaves the group; tells it of its place if that is to be had soon."""
        try:
            with suppress(Unavailable, OSError, TimeoutError):
                async with asyncio.timeout(_LAST_COMMIT_S):
                    if self._ahead:
                        await self._commit()
        finally:
            await self.subscription.close()
