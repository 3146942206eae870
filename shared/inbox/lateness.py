"""For how long facts wait to be read, where a consumer is told only how many wait in each partition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

Place = tuple[str, int]


@dataclass(slots=True)
class Lateness:
    """A partition is read in order: what waits there is no older than what was read there last, nor than when nothing waited.

    Of one that was neither read nor empty yet, it is known since when it was seen.
    """

    _read: dict[Place, str] = field(default_factory=dict)
    _empty: dict[Place, datetime] = field(default_factory=dict)
    _seen: dict[Place, datetime] = field(default_factory=dict)

    def read(self, place: Place, recorded_at: str) -> None:
        """`recorded_at`: of the fact, in ISO 8601."""
        self._read[place] = recorded_at

    def seconds(self, waiting: Mapping[Place, int], *, now: datetime) -> float:
        """Of the fact that has waited longest; `waiting` names every partition that is this member's."""
        self._read = {place: at for place, at in self._read.items() if place in waiting}
        self._seen = {place: self._seen.get(place, now) for place in waiting}
        self._empty = {place: at for place, at in self._empty.items() if place in waiting}
        self._empty |= {place: now for place, count in waiting.items() if not count}
        return max(((now - self._since(place)).total_seconds() for place, count in waiting.items() if count), default=0.0)

    def _since(self, place: Place) -> datetime:
        known = [self._empty[place]] if place in self._empty else []
        if place in self._read:
            known.append(datetime.fromisoformat(self._read[place]))
        return max(known, default=self._seen[place])
