"""When an adoption will go live, from how long others took: Kaplan-Meier by phase, summed over the phases ahead.

Deterministic. Whoever is still in a phase, or left it by withdrawing, counts for as long as it was watched and no longer:
leaving such spells out would make every forecast too early.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from services.adoption.domain.m3 import Phase

LOW, MIDDLE, HIGH = 0.1, 0.5, 0.9
# A focus area speaks for itself from so many ended spells on; nine are the fewest whose range holds the next in 80 % of cases.
AREA_ENOUGH = 20
ENOUGH = 9
_PARTS = 200
_EPSILON = 1e-12


@dataclass(frozen=True, slots=True)
class Spell:
    """Whole days in a phase; `ended`: by going on, not by withdrawing or because it still lasts."""

    days: int
    ended: bool


@dataclass(frozen=True, slots=True)
class Spread:
    """Chances by day, in order; what they lack to 1 lies beyond the longest spell ever seen."""

    days: tuple[int, ...]
    chances: tuple[float, ...]

    def quantile(self, share: float) -> int | None:
        """The first day by which it is `share` or more; None when that is beyond what was seen."""
        total = 0.0
        for day, chance in zip(self.days, self.chances, strict=True):
            total += chance
            if total >= share - _EPSILON:
                return day
        return None

    def by(self, day: int) -> float:
        """The chance of at most so many days."""
        return sum(self.chances[: bisect_right(self.days, day)])


@dataclass(frozen=True, slots=True)
class Curve:
    """`steps`: day → chance of lasting longer, at each day on which a spell ended."""

    steps: tuple[tuple[int, float], ...]
    n: int
    ended: int

    def lasting(self, day: int) -> float:
        """The chance of lasting longer than so many days."""
        at = bisect_right(self.steps, (day, 2.0))
        return self.steps[at - 1][1] if at else 1.0

    def remaining(self, elapsed: int) -> Spread | None:
        """Further days after `elapsed`; None when nobody is known to have ended later than that."""
        alive = self.lasting(elapsed)
        if alive <= _EPSILON:
            return None
        ahead = [(day, lasting) for day, lasting in self.steps if day > elapsed]
        before = [alive, *(lasting for _, lasting in ahead)]
        chances = tuple((earlier - lasting) / alive for earlier, (_, lasting) in zip(before, ahead, strict=False))
        return Spread(tuple(day - elapsed for day, _ in ahead), chances) if ahead else None


def curve(spells: Sequence[Spell]) -> Curve:
    """Kaplan-Meier: at each day the share of those still watched who do not end on it."""
    ends = Counter(spell.days for spell in spells if spell.ended)
    leaves = Counter(spell.days for spell in spells)
    at_risk, lasting, steps = len(spells), 1.0, []
    for day in sorted(leaves):
        if ends[day]:
            lasting *= 1 - ends[day] / at_risk
            steps.append((day, lasting))
        at_risk -= leaves[day]
    return Curve(tuple(steps), len(spells), sum(ends.values()))


def summed(one: Spread, other: Spread) -> Spread:
    """Of two independent stretches, one after the other; in 200 parts of equal chance where there are more."""
    sums: dict[int, float] = {}
    for day, chance in zip(one.days, one.chances, strict=True):
        for more, share in zip(other.days, other.chances, strict=True):
            sums[day + more] = sums.get(day + more, 0.0) + chance * share
    days = sorted(sums)
    return _coarse(Spread(tuple(days), tuple(sums[day] for day in days)))


def _coarse(spread: Spread) -> Spread:
    if len(spread.days) <= _PARTS:
        return spread
    grouped: dict[int, tuple[float, float]] = {}
    total = 0.0
    for day, chance in zip(spread.days, spread.chances, strict=True):
        part = int(min(total, 1 - _EPSILON) * _PARTS)
        weighted, chances = grouped.get(part, (0.0, 0.0))
        grouped[part] = (weighted + day * chance, chances + chance)
        total += chance
    parts = [(round(weighted / chances), chances) for weighted, chances in grouped.values() if chances > 0]
    return Spread(tuple(day for day, _ in parts), tuple(chances for _, chances in parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One phase ahead: whose spells speak for it (`area` or `all`), how many, and the days they foretell."""

    phase: Phase
    segment: str
    n: int
    ended: int
    elapsed: int
    low: int | None
    middle: int | None
    high: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Days of going live by which chances are 10, 50 and 90 %; None where that lies beyond what was ever seen.

    `missing`: why there is none at all, as sentences.
    """

    low_on: date | None
    middle_on: date | None
    high_on: date | None
    stretches: tuple[Stretch, ...]
    missing: tuple[str, ...]


Spells = Mapping[Phase, Sequence[Spell]]


def forecast(phase: Phase, *, since: date, on: date, area: Spells, everywhere: Spells) -> Forecast:
    """Of an adoption in `phase` since a day, if it goes on from `on`. `area`: spells of its focus area."""
    phases = list(Phase)
    ahead = phases[phases.index(phase) : phases.index(Phase.OPERATIONS)]
    stretches: list[Stretch] = []
    missing: list[str] = []
    whole: Spread | None = None
    for each in ahead:
        elapsed = max(0, (on - since).days) if each is phase else 0
        found = _stretch(each, elapsed, area.get(each, ()), everywhere.get(each, ()))
        if isinstance(found, str):
            missing.append(found)
            continue
        stretch, spread = found
        stretches.append(stretch)
        whole = spread if whole is None else summed(whole, spread)
    if missing or whole is None:
        return Forecast(low_on=None, middle_on=None, high_on=None, stretches=tuple(stretches), missing=tuple(missing))
    low, middle, high = (whole.quantile(share) for share in (LOW, MIDDLE, HIGH))
    return Forecast(
        low_on=_day(on, low), middle_on=_day(on, middle), high_on=_day(on, high), stretches=tuple(stretches), missing=()
    )


def _day(on: date, days: int | None) -> date | None:
    return None if days is None else on + timedelta(days)


def _stretch(phase: Phase, elapsed: int, area: Sequence[Spell], everywhere: Sequence[Spell]) -> tuple[Stretch, Spread] | str:
    """The narrowest segment that has enough and has seen anybody take longer; a sentence where there is none."""
    least = len([spell for spell in everywhere if spell.ended])
    for segment, spells, enough in (("area", area, AREA_ENOUGH), ("all", everywhere, ENOUGH)):
        made = curve(spells)
        spread = made.remaining(elapsed) if made.ended >= enough else None
        if spread is not None:
            low, middle, high = (spread.quantile(share) for share in (LOW, MIDDLE, HIGH))
            numbers = {"n": made.n, "ended": made.ended, "elapsed": elapsed}
            return Stretch(phase=phase, segment=segment, **numbers, low=low, middle=middle, high=high), spread
    if least < ENOUGH:
        return f"{ENOUGH} adoptions that have left {phase} (there are {least})"
    return f"an adoption that left {phase} after more than {elapsed} days"
