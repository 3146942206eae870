"""Outbox, relay, bus and inbox against a model that is a list of writes, whatever happens between them."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from shared.bus.embedded import EmbeddedBus
from shared.bus.port import Bus, BusUnavailable, MembershipLost, Message, Subscription
from shared.contracts.envelope import Event
from shared.db import Database, Transaction
from shared.outbox import Relay
from tests.reliability.ledger import PART, Outcome, effects_judged
from tests.support import tally
from tests.support.tally import a_cause, raise_counter

EXAMPLES = int(os.environ.get("QSMO_MODEL_EXAMPLES", "25"))
STEPS = 40
SUBJECTS = ("a", "b", "c", "d")
T = TypeVar("T")


class Unreliable:
    """A bus that acknowledges a prefix per key, or nothing, of what it took."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.fault = "none"

    async def publish(self, messages: Sequence[Message]) -> list[bool]:
        match self.fault:
            case "refuses":
                raise BusUnavailable("away")
            case "answers are lost":
                await self._bus.publish(messages)
                raise BusUnavailable("no answer")
            case "takes half":
                half = len(messages) // 2
                await self._bus.publish(messages[:half])
                if not half:
                    raise BusUnavailable("nothing")
                return [n < half for n in range(len(messages))]
        return await self._bus.publish(messages)


class Model(RuleBasedStateMachine):
    """What was committed must take effect once and in order; what was rolled back, never."""

    runs = steps_taken = 0

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
        self.loop = asyncio.new_event_loop()
        self.committed: dict[str, int] = {}
        self.poison: set[tuple[str, int]] = set()
        self.members: dict[str, Subscription] = {}
        self._run(self._opened())
        Model.runs += 1

    async def _opened(self) -> None:
        self.bus = EmbeddedBus(self.folder / "events.db")
        await self.bus.start()
        await self.bus.ensure_topics([tally.TOPIC, f"{tally.TOPIC}.dlq"], partitions=2)
        self.db = Database(f"sqlite+aiosqlite:///{self.folder}/tally.db")
        async with self.db.transaction(a_cause()) as tx:
            await tx.connection.run_sync(tally.metadata.create_all)
        self.wire = Unreliable(self.bus)
        self.relay = Relay(service="tests", db=self.db, outbox=tally.outbox, bus=self.wire)  # type: ignore[arg-type] # publishes only
        self.consumer = tally.a_consumer(self.db, self.bus, otherwise=self._apply)
        await self._join("m0")

    def _run(self, doing: Awaitable[T]) -> T:
        Model.steps_taken += 1
        return self.loop.run_until_complete(asyncio.wait_for(doing, 20))

    async def _apply(self, tx: Transaction, events: Sequence[Event]) -> None:
        for event in events:
            if (event.subject, event.aggregate_version) in self.poison:
                raise ValueError("poison")
        await tally.record_effects(tx, events)

    @rule(subjects=st.lists(st.sampled_from(SUBJECTS), min_size=1, max_size=5), commits=st.booleans())
    def write(self, subjects: list[str], commits: bool) -> None:
        self._run(self._write(subjects, commits=commits))

    async def _write(self, subjects: list[str], *, commits: bool) -> None:
        try:
            async with self.db.transaction(a_cause()) as tx:
                for subject in subjects:
                    await raise_counter(tx, subject)
                if not commits:
                    raise RuntimeError
        except RuntimeError:
            return
        for subject in subjects:
            self.committed[subject] = self.committed.get(subject, 0) + 1

    @rule(fault=st.sampled_from(["none", "none", "refuses", "answers are lost", "takes half"]))
    def relay_once(self, fault: str) -> None:
        self._run(self._relay(fault))

    async def _relay(self, fault: str) -> int:
        self.wire.fault = fault
        try:
            async with self.db.session_lock("relay:tests") as leader:
                assert leader is not None
                return await self.relay.drain_batch(leader)
        except BusUnavailable:
            assert fault != "none"
            return 0

    @rule(member=st.sampled_from(["m0", "m1"]), limit=st.integers(1, 9), then=st.sampled_from(["commits", "commits", "dies"]))
    def consume(self, member: str, limit: int, then: str) -> None:
        self._run(self._consume(member, limit=limit, then=then))

    async def _consume(self, member: str, *, limit: int, then: str) -> int:
        if member not in self.members:
            return 0
        subscription = self.members[member]
        try:
            found = await subscription.fetch(max_messages=limit, timeout_s=0)
            if found:
                await self.consumer.process(found)
            if then == "commits":
                await subscription.commit({(d.topic, d.partition): d.offset + 1 for d in found})
            else:
                await self._join(member)
        except MembershipLost:
            await self._join(member)
            return 1
        return len(found)

    @rule(member=st.sampled_from(["m0", "m1"]))
    def join(self, member: str) -> None:
        """Also under a name that is taken: who had it is fenced."""
        self._run(self._join(member))

    async def _join(self, member: str) -> None:
        self.members[member] = await self.bus.subscribe([tally.TOPIC], group="g", member=member)

    @precondition(lambda self: len(self.members) > 1)
    @rule(member=st.sampled_from(["m0", "m1"]))
    def leave(self, member: str) -> None:
        self._run(self.members.pop(member).close())

    @rule(subject=st.sampled_from(SUBJECTS), ahead=st.integers(1, 3))
    def poison_one(self, subject: str, ahead: int) -> None:
        self.poison.add((subject, self.committed.get(subject, 0) + ahead))

    @rule(subject=st.sampled_from(SUBJECTS))
    def mend(self, subject: str) -> None:
        """What an operator does: cure the cause, and retry."""
        self.poison = {one for one in self.poison if one[0] != subject}
        self._run(self._retry(subject))

    async def _retry(self, subject: str) -> None:
        async with self.db.transaction(a_cause()) as tx:
            await self.consumer.retry_parked(tx, tally.TOPIC, subject)

    @rule()
    def restart(self) -> None:
        self._run(self._restart())

    async def _restart(self) -> None:
        await self._closed()
        await self._opened()

    async def _closed(self) -> None:
        await self.bus.close()
        await self.db.close()
        self.members = {}

    @invariant()
    def effects_are_a_prefix(self) -> None:
        if hasattr(self, "db"):
            for subject, versions in self._run(tally.effects_by_subject(self.db)).items():
                assert versions == list(range(1, len(versions) + 1)), (subject, versions)
                assert len(versions) <= self.committed.get(subject, 0), subject

    def teardown(self) -> None:
        if not hasattr(self, "db"):
            return
        try:
            self._run(self._finish())
            effects = self._run(tally.effects_by_subject(self.db))
            judged = effects_judged(self.committed, effects)
            assert judged == {"lost": 0, "duplicated": 0, "reordered": 0}, (self.committed, effects)
        finally:
            self._run(self._closed())
            self.loop.close()
            shutil.rmtree(self.folder)

    async def _finish(self) -> None:
        """Everything is mended, and runs until nothing is left to do."""
        self.poison = set()
        while await self._relay("none"):
            pass
        while sum([await self._consume(member, limit=100, then="commits") for member in list(self.members)]):
            pass
        for subject in SUBJECTS:
            await self._retry(subject)


@pytest.mark.timeout(7200)
def test_whatever_happens_what_was_committed_takes_effect_once_and_in_order() -> None:
    limits = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )

    # Each part has histories of its own.
    run_state_machine_as_test(seed(PART)(Model) if PART else Model, settings=limits)

    Outcome(
        name="a model of outbox, relay, bus and inbox: refusals, lost answers, deaths, fencing, poison, restarts",
        counted={f"histories of up to {STEPS} steps": Model.runs},
        writes=Model.steps_taken,
    ).told()
