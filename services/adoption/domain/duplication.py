"""Duplication: systems that do much the same, found by the overlap of what they cover."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from services.adoption.domain.system import Status, System
from shared.kernel.time import FiscalYear

# Two systems are duplicates when they share this much of the activities that either covers (Jaccard).
OVERLAP_LEAST = 0.5
_ACTIVITY_PARTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Systems linked by overlap, one with the next. The id is that of the first registered: it stays as others come and go.

    `overlap`: the least of any link; `yearly_cost`: US dollars of those still in service.
    """

    id: str
    systems: tuple[System, ...]
    overlap: float
    yearly_cost: Decimal

    @property
    def in_service(self) -> tuple[System, ...]:
        return tuple(system for system in self.systems if system.status is not Status.DECOMMISSIONED)

    @property
    def is_retired(self) -> bool:
        """At most one of them is left."""
        return len(self.in_service) <= 1


def activities(system: System) -> frozenset[str]:
    """FFM.010.010.011 counts for its activity FFM.010.010."""
    return frozenset(".".join(id_.split(".")[:_ACTIVITY_PARTS]) for id_ in system.facts.capabilities)


def overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """From 0 to 1."""
    return len(one & other) / len(one | other) if one or other else 0.0


def clusters(systems: Sequence[System], *, year: FiscalYear) -> list[Cluster]:
    """The dearest first. Only systems that share an activity are compared."""
    ordered = sorted(systems, key=lambda system: system.id)
    covered = [activities(system) for system in ordered]
    linked = _Links(len(ordered))
    by_activity: dict[str, list[int]] = defaultdict(list)
    for index, found in enumerate(covered):
        for other in sorted({earlier for activity in found for earlier in by_activity[activity]}):
            if (shared := overlap(found, covered[other])) >= OVERLAP_LEAST:
                linked.join(other, index, shared)
        for activity in found:
            by_activity[activity].append(index)
    found_clusters = [
        _cluster([ordered[i] for i in members], linked.least[root], year) for root, members in linked.groups().items()
    ]
    return sorted(found_clusters, key=lambda cluster: (-cluster.yearly_cost, cluster.id))


def _cluster(systems: Sequence[System], least: float, year: FiscalYear) -> Cluster:
    costs = (system.cost_in(year) for system in systems if system.status is not Status.DECOMMISSIONED)
    return Cluster(id=systems[0].id, systems=tuple(systems), overlap=least, yearly_cost=sum(costs, Decimal(0)))


class _Links:
    """Which systems are linked: the lowest index stands for all that are."""

    def __init__(self, count: int) -> None:
        self._root = list(range(count))
        self.least: dict[int, float] = {}

    def find(self, index: int) -> int:
        while self._root[index] != index:
            self._root[index] = self._root[self._root[index]]
            index = self._root[index]
        return index

    def join(self, one: int, other: int, shared: float) -> None:
        first, second = sorted((self.find(one), self.find(other)))
        self._root[second] = first
        self.least[first] = min(shared, self.least.get(first, 1.0), self.least.get(second, 1.0))

    def groups(self) -> dict[int, list[int]]:
        """Of two or more."""
        found: dict[int, list[int]] = defaultdict(list)
        for index in range(len(self._root)):
            found[self.find(index)].append(index)
        return {root: members for root, members in found.items() if len(members) > 1}
