"""What a load needs in replicas, partitions and database cores: Erlang's formula over measured service times."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable
from dataclasses import dataclass

BUSY_MAX = 0.7


def waits(offered: float, servers: int) -> float:
    """Erlang C: the chance that who comes finds every server taken. `offered` is in servers' worth of work."""
    if offered >= servers:
        return 1.0
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = offered * blocked / (n + offered * blocked)
    return blocked / (1 - offered / servers * (1 - blocked))


def mean_wait_s(*, per_s: float, service_s: float, servers: int) -> float:
    """Before being served (M/M/c); infinite where more comes than can be served."""
    offered = per_s * service_s
    return math.inf if offered >= servers else waits(offered, servers) * service_s / (servers - offered)


def simulated_wait_s(*, per_s: float, service_s: Callable[[], float], servers: int, requests: int = 200_000) -> float:
    """The same by events, one after another: who comes takes the server that is free first, for as long as told."""
    chance, free, now, waited = random.Random(5), [0.0] * servers, 0.0, 0.0
    for _ in range(requests):
        now += chance.expovariate(per_s)
        begins = max(now, heapq.heappop(free))
        waited += begins - now
        heapq.heappush(free, begins + service_s())
    return waited / requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """`service_s`: of a core, for one; `is_divisible`: whether more servers help."""

    name: str
    service_s: float
    per_write: float = 0.0
    per_read: float = 0.0
    is_divisible: bool = True

    def asked(self, *, reads_per_s: float, writes_per_s: float) -> float:
        return reads_per_s * self.per_read + writes_per_s * self.per_write

    def servers(self, *, reads_per_s: float, writes_per_s: float) -> int:
        """So many that each is busy for no more than BUSY_MAX of the time."""
        asked = self.asked(reads_per_s=reads_per_s, writes_per_s=writes_per_s)
        return max(1, math.ceil(asked * self.service_s / BUSY_MAX))
