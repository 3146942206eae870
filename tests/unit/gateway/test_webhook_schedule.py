from __future__ import annotations

from datetime import timedelta

from services.gateway.webhooks.schedule import DELAYS_S, wait_after

# Long enough for any jitter.
LONGEST_S = [delay * 1.11 for delay in DELAYS_S]


def test_retries_reach_over_75_hours_and_then_come_daily() -> None:
    assert timedelta(hours=75) < timedelta(seconds=sum(DELAYS_S)) < timedelta(hours=77)
    assert timedelta(hours=21) < wait_after(50) < timedelta(hours=27)


def test_waits_are_jittered_within_a_tenth() -> None:
    waits = {wait_after(3) for _ in range(200)}

    assert len(waits) > 100
    assert min(waits) >= timedelta(minutes=27)
    assert max(waits) <= timedelta(minutes=33)


def test_a_receiver_that_asks_for_more_gets_more_and_never_less() -> None:
    assert wait_after(1, retry_after_s=600) == timedelta(seconds=600)
    assert wait_after(3, retry_after_s=1) >= timedelta(minutes=27)
