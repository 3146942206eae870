"""GCRA: as many requests a second as agreed, some at once, in one number per caller."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

_KEYS_MAX = 100_000
_ROUNDING_S = 1e-9


@dataclass(frozen=True, kw_only=True)
class Quota:
    """`rate_per_s` in the long run, `burst` at once. No rate, no limit."""

    rate_per_s: float
    burst: int

    @cached_property
    def interval_s(self) -> float:
        return 1 / self.rate_per_s

    @cached_property
    def window_s(self) -> float:
        return self.burst * self.interval_s

    @cached_property
    def policy(self) -> bytes:
        """As the RateLimit-Policy field has it: so many in a window of so many seconds."""
        return b'"default";q=%d;w=%d' % (self.burst, math.ceil(self.burst / self.rate_per_s))


@dataclass(slots=True)
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
        interval = quota.interval_s
        window = quota.window_s
        arrival = self._arrivals.get(key)
        if arrival is None or arrival < now:
            if arrival is None and len(self._arrivals) >= self._keys_max:
                self._forget(now)
            arrival = now
        wanted = arrival + min(cost, quota.burst) * interval
        if (excess := wanted - now - window) > _ROUNDING_S:
            return _verdict(arrival - now, window, interval, retry_after_s=excess)
        self._arrivals[key] = wanted
        return _verdict(wanted - now, window, interval)

    def _forget(self, now: float) -> None:
        """Callers with a full quota; if that is nobody, the longest known, so that memory stays bounded."""
        self._arrivals = {key: arrival for key, arrival in self._arrivals.items() if arrival > now}
        while len(self._arrivals) >= self._keys_max:
            del self._arrivals[next(iter(self._arrivals))]


def _verdict(used_s: float, window_s: float, interval_s: float, *, retry_after_s: float = 0.0) -> Verdict:
    remaining = math.floor((window_s - used_s) / interval_s + _ROUNDING_S)
    return Verdict(max(0, remaining), math.ceil(used_s) if used_s > 0 else 0, retry_after_s)
