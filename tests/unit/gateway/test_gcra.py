from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.door.gcra import Limiter, Quota

QUOTA = Quota(rate_per_s=10, burst=20)


def test_a_burst_is_admitted_at_once_and_then_as_many_a_second_as_agreed() -> None:
    limiter = Limiter()
    at_once = [limiter.admit("a", QUOTA, now=100.0).admitted for _ in range(25)]
    later = [limiter.admit("a", QUOTA, now=101.0).admitted for _ in range(15)]

    assert (at_once.count(True), at_once[:20]) == (20, [True] * 20)
    assert later.count(True) == 10


def test_remaining_counts_down_and_retry_after_is_when_it_is_admitted() -> None:
    limiter = Limiter()
    remaining = [limiter.admit("a", QUOTA, now=5.0).remaining for _ in range(20)]
    refused = limiter.admit("a", QUOTA, now=5.0)

    assert remaining == list(range(19, -1, -1))
    assert not refused.admitted
    assert not limiter.admit("a", QUOTA, now=5.0 + refused.retry_after_s - 0.01).admitted
    assert limiter.admit("a", QUOTA, now=5.0 + refused.retry_after_s).admitted
    assert QUOTA.policy == b'"default";q=20;w=2'


def test_callers_do_not_share_and_costs_weigh() -> None:
    limiter = Limiter()
    assert limiter.admit("a", QUOTA, now=0.0, cost=20).admitted
    assert not limiter.admit("a", QUOTA, now=0.0).admitted
    assert limiter.admit("b", QUOTA, now=0.0).admitted
    assert limiter.admit("c", QUOTA, now=0.0, cost=500).remaining == 0


@given(seed=st.integers(), rate=st.integers(1, 50), burst=st.integers(1, 50))
def test_in_any_window_no_more_than_burst_and_rate_allow(seed: int, rate: int, burst: int) -> None:
    chance, limiter, quota = random.Random(seed), Limiter(), Quota(rate_per_s=rate, burst=burst)
    now, admitted = 0.0, []
    for _ in range(300):
        now += chance.random() * chance.choice((0.0, 0.01, 0.5))
        if limiter.admit("a", quota, now=now).admitted:
            admitted.append(now)

    for n, start in enumerate(admitted):
        in_a_second = sum(1 for at in admitted[n:] if at <= start + 1)
        assert in_a_second <= burst + rate + 1


def test_memory_is_bounded_and_those_with_a_full_quota_go_first() -> None:
    limiter = Limiter(keys_max=100)
    limiter.admit("busy", QUOTA, now=0.0, cost=20)
    for n in range(1_000):
        limiter.admit(f"caller {n}", QUOTA, now=n * 0.001)

    assert len(limiter._arrivals) <= 100
