"""The bus inside one machine: a durable log in a SQLite file, shared by tasks and processes."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import structlog

from shared import telemetry
from shared.bus import embedded_group as groups
from shared.bus import embedded_log as log
from shared.bus.embedded_subscription import EmbeddedSubscription, Hub
from shared.bus.embedded_thread import DatabaseThread
from shared.bus.port import PARTITIONS_DEFAULT, BusUnavailable, Delivery, Message

_HEARTBEATS_PER_EXPIRY = 5
_RETRY_S = 1.0
_RECORDS = 1_000

_logger = structlog.get_logger(component="bus")


class EmbeddedBus:
    """One per process and file; other processes may have the same file open.

    The partitions of a killed process stay unread for `expiry_s`, or until its members' names join again.
    What this process publishes is seen at once, what others publish within `poll_s`. A process that holds the
    file's write lock for longer than `busy_s` makes the bus unavailable for the others.
    """

    def __init__(
        self,
        path: Path,
        *,
        expiry_s: float = 10.0,
        poll_s: float = 0.05,
        busy_s: float = 5.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._expiry_s = expiry_s
        self._poll_s = poll_s
        self._clock = clock
        self._log = log.LogWriter()
        connect = partial(log.connect, path, busy_s=busy_s)
        self._hub = Hub(
            writer=DatabaseThread("bus-writer", connect, begin="BEGIN IMMEDIATE", on_rollback=self._log.forget),
            reader=DatabaseThread("bus-reader", connect, begin="BEGIN"),
        )
        self._loops: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Raises BusUnavailable when the file cannot be opened or is damaged."""
        await self._hub.writer.start()
        try:
            await self._hub.reader.start()
        except BusUnavailable:
            await self._hub.writer.close()
            raise
        loops = {"bus-heartbeat": self._beat, "bus-watch": self._watch}
        self._loops = [asyncio.create_task(_keep_up(name, loop), name=name) for name, loop in loops.items()]

    async def close(self) -> None:
        for member in list(self._hub.members):
            await member.close()
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        self._loops = []
        await self._hub.reader.close()
        await self._hub.writer.close()

    async def ensure_topics(self, topics: Sequence[str], *, partitions: int = PARTITIONS_DEFAULT) -> None:
        await self._hub.writer.submit(lambda connection: log.create_topics(connection, topics, partitions))

    async def publish(self, messages: Sequence[Message]) -> list[bool]:
        """Appends all or nothing, except that messages of unknown topics are left out."""
        if not messages:
            return []
        appended = self._hub.writer.submit(lambda connection: self._log.append(connection, messages))
        appended.add_done_callback(lambda _: self._hub.wake(topics={message.topic for message in messages}))
        return await asyncio.shield(appended)

    async def subscribe(self, topics: Sequence[str], *, group: str, member: str) -> EmbeddedSubscription:
        def join(connection: sqlite3.Connection) -> groups.Membership:
            groups.expire(connection, {group}, now=self._clock(), expiry_s=self._expiry_s)
            return groups.join(connection, group, member, topics=topics, now=self._clock())

        joined = self._hub.writer.submit(join)
        joined.add_done_callback(lambda _: self._hub.wake(group=group))
        return EmbeddedSubscription(self._hub, await asyncio.shield(joined), topics)

    async def records(self, topics: Sequence[str]) -> AsyncIterator[list[Delivery]]:
        wanted = await self._hub.reader.submit(lambda connection: log.whole(connection, topics))
        while rest := [cursor for cursor, end in wanted if cursor.position < end]:
            slices = await self._hub.reader.submit(partial(log.read, cursors=rest, limit=_RECORDS))
            for piece in slices:
                piece.cursor.position = piece.end
            yield [delivery for piece in slices for delivery in piece.deliveries]

    async def ping(self) -> None:
        await self._hub.reader.submit(lambda connection: connection.execute("SELECT 1 FROM stream LIMIT 1").fetchone())

    async def _watch(self) -> None:
        """Notices what other processes write; sleeps while nobody waits for news."""
        seen = -1
        # Looked at from here, not from the reader's thread: that takes 5 µs, and waking the thread 500.
        with contextlib.closing(sqlite3.connect(self._path, isolation_level=None, timeout=0)) as connection:
            while True:
                await self._hub.somebody_waits.wait()
                await asyncio.sleep(self._poll_s)
                # Changes with our own writer's commits too: a waiter then looks once in vain.
                if (version := log.version(connection)) != seen:
                    seen = version
                    self._hub.wake_all()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._expiry_s / _HEARTBEATS_PER_EXPIRY)
            if memberships := [member.membership for member in self._hub.members]:
                for group in await self._hub.writer.submit(partial(self._beat_once, memberships)):
                    self._hub.wake(group=group)

    def _beat_once(self, memberships: list[groups.Membership], connection: sqlite3.Connection) -> set[str]:
        now = self._clock()
        groups.beat(connection, memberships, now=now)
        return groups.expire(connection, {m.group for m in memberships}, now=now, expiry_s=self._expiry_s)


async def _keep_up(name: str, loop: Callable[[], Awaitable[None]]) -> None:
    gauge = telemetry.LOOP_UP.labels(service="bus", loop=name)
    gauge.set(1)
    try:
        while True:
            try:
                await loop()
            except (BusUnavailable, sqlite3.Error) as err:
                _logger.warning("bus_loop_failed", loop=name, error=str(err))
                await asyncio.sleep(_RETRY_S)
    finally:
        gauge.set(0)
