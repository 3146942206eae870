"""When to try again: over about 75 hours, then once a day."""

from __future__ import annotations

import random
from datetime import timedelta

_S, _M, _H = 1, 60, 3_600
# Source: Standard Webhooks, "Deliverability and reliability".
DELAYS_S = (5 * _S, 5 * _M, 30 * _M, 2 * _H, 5 * _H, 10 * _H, 14 * _H, 20 * _H, 24 * _H)
_JITTER = 0.1


def wait_after(failures: int, *, retry_after_s: float | None = None) -> timedelta:
    """After so many failures in a row; a receiver that asks for more time gets it."""
    planned = DELAYS_S[min(failures, len(DELAYS_S)) - 1]
    jittered = planned * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - spreads load, hides nothing
    return timedelta(seconds=max(jittered, retry_after_s or 0.0))
