"""Delivers the feed to subscriptions: one leader, one event at a time per subscription, in order, at least once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from opentelemetry.trace import SpanKind
from sqlalchemy import text

from services.gateway.feed.entry import Entry
from services.gateway.feed.live import Live
from services.gateway.feed.reading import FeedReader
from services.gateway.keyring import Keyring
from services.gateway.webhooks.ledger import Attempt, Ledger, LostLead, Work
from services.gateway.webhooks.sending import Outcome, Sender
from services.gateway.webhooks.signing import Signer
from services.gateway.webhooks.subscription import Subscription
from shared import telemetry, tracing
from shared.db import Database, Transaction
from shared.kernel.errors import Unavailable
from shared.kernel.ids import new_id
from shared.kernel.time import utc_now

_STANDBY_S = 1.0
_SILENT_POLLS = 3  # after which a leader has stopped, and another may lead
_PAGE = 100
# A stretch without anything for a subscription is passed in memory, and written down when it has grown long.
_SKIPPED_EVENTS = 500
_FORGET_EVERY_S = 3_600.0
_PING = b'{"specversion":"1.0","id":"%b","source":"/gateway","type":"qsmo.gateway.webhook.pinged.v1","subject":"%b","data":{}}'


class Deliveries:
    """Runs for as long as the process lives; delivers while it leads."""

    def __init__(
        self,
        *,
        db: Database,
        reader: FeedReader,
        live: Live,
        ledger: Ledger,
        sender: Sender,
        keyring: Keyring,
        concurrency: int,
        poll_s: float,
        log_kept: timedelta,
    ) -> None:
        self._db = db
        self._reader = reader
        self._live = live
        self._ledger = ledger
        self._sender = sender
        self._keyring = keyring
        self._poll_s = poll_s
        self._log_kept = log_kept
        self._slots = asyncio.Semaphore(concurrency)
        self._wake = asyncio.Event()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._passed: dict[str, tuple[int, int]] = {}  # subscription → (its version, seq known to hold nothing for it)
        self._log = telemetry.logger("webhooks")

    def wake(self) -> None:
        """A subscription or replay was made or changed here: look at once."""
        self._wake.set()

    async def run(self) -> None:
        """Lead when nobody else does, until cancelled."""
        while True:
            try:
                if self._db.is_sqlite:  # the one process that opened the file
                    await self._lead(None)
                async with self._db.session_lock("webhooks", silence_s=_SILENT_POLLS * max(self._poll_s, 1.0)) as leader:
                    if leader is not None:
                        await self._lead(leader)
            except (Unavailable, LostLead) as error:
                self._log.warning("webhooks_wait", reason=str(error) or "another process leads")
            finally:
                await self._abandon()
            await asyncio.sleep(_STANDBY_S)

    async def _lead(self, leader: Transaction | None) -> None:
        """Raises Unavailable when the lock's connection is lost, LostLead."""
        now = asyncio.get_running_loop().time
        forget_at = now()
        while True:
            self._wake.clear()
            if leader is not None:
                await leader.execute(text("SELECT 1"))  # the lock lives as long as its connection
            if now() >= forget_at:
                forget_at = now() + _FORGET_EVERY_S
                await self._ledger.forget(older_than=self._log_kept)
            await self._wait(active=await self._begin_what_is_due())

    async def _wait(self, *, active: bool) -> None:
        """Until something is appended (if anybody listens), changed here, or the poll is due."""
        try:
            async with asyncio.timeout(self._poll_s):
                if active:
                    with self._live.waiting(self._wake):
                        await self._wake.wait()
                else:
                    await self._wake.wait()
        except TimeoutError:
            return

    async def _begin_what_is_due(self) -> bool:
        """Whether there is any subscription to wake up for. Raises LostLead, Unavailable."""
        self._reap()
        due = await self._ledger.due()
        for work in due:
            if self._position(work) < self._live.last:
                self._begin(work.subscription.id, self._follow(work.subscription.id))
        telemetry.WEBHOOK_FAILING.set(await self._ledger.failing_s())
        for replay, _ in await self._ledger.due_replays():
            self._begin(replay, self._replay(replay))
        return bool(due)

    def _begin(self, id: str, work: Coroutine[Any, Any, None]) -> None:
        if id in self._running:
            work.close()
            return
        self._running[id] = asyncio.create_task(self._in_turn(work), name=f"webhook {id}")

    async def _in_turn(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            async with self._slots:
                await work
        finally:
            work.close()
            self._wake.set()

    def _reap(self) -> None:
        """Raises what a finished delivery raised: LostLead, Unavailable, or a fault of ours."""
        for id, task in list(self._running.items()):
            if task.done():
                del self._running[id]
                task.result()

    async def _abandon(self) -> None:
        """What is under way was not recorded, and will be sent again."""
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        self._running.clear()

    def _position(self, work: Work) -> int:
        version, seq = self._passed.get(work.subscription.id, (0, 0))
        return max(seq, work.cursor.seq) if version == work.subscription.version else work.cursor.seq

    async def _follow(self, id: str) -> None:
        """Everything there is for one subscription, until the head or a failure. Raises LostLead."""
        work = await self._ledger.work(id)
        while work is not None:
            page = await self._reader.page(work.subscription.view, after=self._position(work), limit=_PAGE)
            for entry in page.entries:
                work = await self._deliver(work, entry)
                if work is None:
                    break
            else:
                work = await self._pass_over(work, page.next_after)
                if page.next_after >= page.head:
                    return
                continue
            work = await self._ledger.work(id)
            if work is not None and work.cursor.attempt:
                return

    async def _pass_over(self, work: Work, seq: int) -> Work:
        if seq - work.cursor.seq >= _SKIPPED_EVENTS:
            work = await self._ledger.skipped(work, seq)
        self._passed[work.subscription.id] = (work.subscription.version, seq)
        return work

    async def _deliver(self, work: Work, entry: Entry) -> Work | None:
        """None when it failed, or when the subscription has to be read again. Raises LostLead."""
        subscription = work.subscription
        message_id = entry.id
        with tracing.span("webhook", kind=SpanKind.CLIENT, parent=entry.traceparent, seq=entry.seq):
            outcome = await self._send(subscription, message_id, entry.structured)
        attempt = Attempt(message_id=message_id, cause="event", outcome=outcome, number=work.cursor.attempt + 1, seq=entry.seq)
        if outcome.delivered:
            return await self._ledger.delivered(work, attempt)
        await self._ledger.failed(work, attempt)
        return None

    async def _replay(self, id: str) -> None:
        """A stretch of the feed once more, as the subscription sees it now."""
        while (row := await self._ledger.replay(id)) is not None:
            work = await self._ledger.work(row["webhook_id"])
            if work is None:
                return
            page = await self._reader.page(work.subscription.view, after=row["done_seq"], limit=1)
            entry = page.entries[0] if page.entries and page.entries[0].seq <= row["to_seq"] else None
            if entry is None:
                await self._ledger.replayed(row, None, up_to=min(page.next_after, row["to_seq"]))
                continue
            outcome = await self._send(work.subscription, entry.id, entry.structured)
            attempt = Attempt(message_id=entry.id, cause="replay", outcome=outcome, number=row["attempt"] + 1, seq=entry.seq)
            if not await self._ledger.replayed(row, attempt, up_to=entry.seq):
                return

    async def ping(self, subscription: Subscription) -> Attempt:
        """One message outside the feed, whatever the subscription's state; not tried again."""
        message_id = new_id()
        body = _PING % (message_id.encode(), subscription.id.encode())
        outcome = await self._send(subscription, message_id, body)
        attempt = Attempt(message_id=message_id, cause="ping", outcome=outcome)
        await self._ledger.pinged(subscription.id, attempt)
        return attempt

    async def _send(self, subscription: Subscription, message_id: str, body: bytes) -> Outcome:
        at = utc_now()  # the receiver's time, also where ours is a test's
        try:
            headers = self._signer(subscription).headers(message_id, at=at, body=body)
        except Unavailable as error:
            return Outcome(status=None, error=error.detail, duration_ms=0)
        return await self._sender.post(subscription.url, headers=headers, body=body, at=at)

    def _signer(self, subscription: Subscription) -> Signer:
        about = subscription.id
        live = subscription.live_secrets(self._db.clock())
        private = Ed25519PrivateKey.from_private_bytes(self._keyring.open(subscription.sealed_key, about=about))
        return Signer([self._keyring.open(secret.sealed, about=about) for secret in live], private)

    async def close(self) -> None:
        await self._sender.close()
