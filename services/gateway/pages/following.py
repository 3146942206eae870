"""What is kept of services' answers is good only while this process hears of facts, also of those that others append."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

from services.gateway.feed.live import Live


class Following:
    """Of the feed, from `begin` to `end`."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._stack = ExitStack()
        self._is_on = False

    def begin(self) -> None:
        if not self._is_on:
            self._is_on = True
            self._stack.enter_context(self._live.waiting(asyncio.Event()))

    def end(self) -> None:
        if self._is_on:
            self._is_on = False
            self._stack.close()
