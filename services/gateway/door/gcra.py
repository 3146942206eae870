"""GCRA: as many requests a second as agreed, some at once, in one number per caller."""

from __future__ import annotations

import math
from dataclasses import dataclass

_KEYS_MAX = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """`rate_per_s` in the long run, `burst` at once. No rate, no limit."""

    rate_per_s: float
    burst: int

    @property
    def policy(self) -> bytes:
        """As the RateLimit-Policy field has it: so many in a window of so many seconds."""
        return b'"default";q=%d;w=%d' % (self.burst, math.ceil(self.burst / self.rate_per_s))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`remaining` units now; `full_in_s` until all are back; `retry_after_s` is 0 when admitted."""

    remaining: int
    full_in_s: int
    retry_after_s: float = 0.0

    @property
    def admitted(self) -> bool:
        return not self.retry_after_s

    @property
    def field(self) -> bytes:
        """As the RateLimit field has it."""
        return b'"default";r=%d;t=%d' % (self.remaining, self.full_in_s)


class Limiter:
    """The theoretical arrival time of each caller's next request; callers who have all of their quota are forgotten."""

    def __init__(self, *, keys_max: int = _KEYS_MAX) -> None:
        self._arrivals: dict[str, float] = {}
        self._keys_max = keys_max

    def admit(self, key: str, quota: Quota, *, now: float, cost: int = 1) -> Verdict:
        """A refused request costs nothing. A request dearer than the burst costs the burst."""
        interval = 1 / quota.rate_per_s
        window = quota.burst * interval
        arrival = max(self._arrivals.get(key, 0.0), now)
        wanted = arrival + min(cost, quota.burst) * interval
        if (excess := wanted - now - window) > 1e-9:
            return _verdict(arrival - now, window, interval, retry_after_s=excess)
        if key not in self._arrivals and len(self._arrivals) >= self._keys_max:
            self._forget(now)
        self._arrivals[key] = wanted
        return _verdict(wanted - now, window, interval)

    def _forget(self, now: float) -> None:
        """Callers with a full quota; if that is nobody, the longest known, so that memory stays bounded."""
        self._arrivals = {key: arrival for key, arrival in self._arrivals.items() if arrival > now}
        while len(self._arrivals) >= self._keys_max:
            del self._arrivals[next(iter(self._arrivals))]


def _verdict(used_s: float, window_s: float, interval_s: float, *, retry_after_s: float = 0.0) -> Verdict:
    remaining = max(0, math.floor((window_s - used_s) / interval_s + 1e-9))
    return Verdict(remaining=remaining, full_in_s=math.ceil(max(0.0, used_s)), retry_after_s=retry_after_s)
