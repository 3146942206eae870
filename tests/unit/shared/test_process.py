from __future__ import annotations

import asyncio

import pytest

from shared import process
from shared.bus.kafka_clients import quietly
from shared.kernel.errors import Unavailable
from shared.process import Loops


async def cancelled_from_within() -> None:
    """As a client does that awaits a task which it has cancelled itself."""
    sleeping = asyncio.ensure_future(asyncio.sleep(60))
    sleeping.cancel()
    await sleeping


async def test_a_loop_in_which_something_was_cancelled_is_down_and_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_RESTART_S", 0.1)
    loops, runs, again = Loops("tests"), [0], asyncio.Event()

    async def loop() -> None:
        runs[0] += 1
        if runs[0] == 1:
            await cancelled_from_within()
        again.set()
        await asyncio.sleep(60)

    loops.start("a loop", loop)
    await asyncio.sleep(0.05)
    with pytest.raises(Unavailable, match="a loop"):
        await loops.check()
    async with asyncio.timeout(5):
        await again.wait()
    await loops.check()
    await loops.stop()

    assert runs == [2]


async def test_a_close_that_awaits_what_it_cancelled_is_one_that_failed() -> None:
    assert await quietly(cancelled_from_within()) is False


async def test_who_is_cancelled_while_closing_is_cancelled() -> None:
    closing = asyncio.ensure_future(quietly(asyncio.sleep(60)))
    await asyncio.sleep(0)
    closing.cancel()

    with pytest.raises(asyncio.CancelledError):
        await closing
