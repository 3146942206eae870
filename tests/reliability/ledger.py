"""One row per way of breaking things: what was lost, doubled or inverted, and how soon all was well again.

`python -m tests.reliability.ledger FOLDER DOCUMENT` puts the rows of a folder into the document's table.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import reduce
from itertools import chain, pairwise
from pathlib import Path
from typing import TypedDict

from shared.kernel.time import utc_now

ROWS = "QSMO_RELIABILITY_ROWS"
# Long forms that take hours run in parts, by number: their rows are added up.
PART = int(os.environ.get("QSMO_RELIABILITY_PART", "0"))
LONG = bool(os.environ.get("QSMO_RELIABILITY_LONG"))
_HEAD = (
    "| what is broken | form | how often | writes | lost | duplicated | reordered | unknown | lag max | "
    "back after p50 / p99 / max | recovery p50 / p99 / max | run on |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|\n"
)


class Judged(TypedDict):
    lost: int
    duplicated: int
    reordered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`lag_max` is None where nothing lags; `backs_s`: how long what was broken took to be there again."""

    name: str
    faults: str = ""
    counted: Mapping[str, int] = field(default_factory=dict)
    writes: int = 0
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0
    unknown: int = 0
    lag_max: int | None = None
    backs_s: Sequence[float] = ()
    recoveries_s: Sequence[float] = ()
    form: str = "long" if LONG else "short"
    day: str = ""

    @property
    def holds(self) -> bool:
        return not (self.lost or self.duplicated or self.reordered)

    @property
    def recovery_p99_s(self) -> float:
        return _quantile(sorted(self.recoveries_s), 0.99)

    def told(self) -> None:
        """Prints the row, and keeps it for the table when a folder for that is named."""
        row = replace(self, day=utc_now().date().isoformat())
        print(_row(row))
        if folder := os.environ.get(ROWS):
            Path(folder).mkdir(parents=True, exist_ok=True)
            file = Path(folder) / f"{''.join(c if c.isalnum() else '-' for c in self.name)}.{PART}.json"
            file.write_text(json.dumps(asdict(row)))


def effects_judged(wanted: dict[str, int], effects: dict[str, list[int]]) -> Judged:
    """Versions that each aggregate should have reached ↔ versions in the order in which they took effect."""
    judged = Judged(lost=0, duplicated=0, reordered=0)
    for subject in wanted.keys() | effects.keys():
        found = effects.get(subject, [])
        judged["lost"] += len(set(range(1, wanted.get(subject, 0) + 1)) - set(found))
        judged["duplicated"] += len(found) - len(set(found) & set(range(1, wanted.get(subject, 0) + 1)))
        judged["reordered"] += sum(later < earlier for earlier, later in pairwise(found))
    return judged


def added_up(one: Outcome, other: Outcome) -> Outcome:
    """Two parts of a row."""
    lags = [part.lag_max for part in (one, other) if part.lag_max is not None]
    return replace(
        other,
        counted=Counter(one.counted) + Counter(other.counted),
        lag_max=max(lags) if lags else None,
        backs_s=[*one.backs_s, *other.backs_s],
        recoveries_s=[*one.recoveries_s, *other.recoveries_s],
        day=max(one.day, other.day),
        writes=one.writes + other.writes,
        lost=one.lost + other.lost,
        duplicated=one.duplicated + other.duplicated,
        reordered=one.reordered + other.reordered,
        unknown=one.unknown + other.unknown,
    )


def _row(outcome: Outcome) -> str:
    counted = (f"{count:,} {what}" for what, count in outcome.counted.items())
    faults = ", ".join(chain(filter(None, [outcome.faults]), counted))
    writes = f"{outcome.writes:,}" if outcome.writes else "–"
    lag = "–" if outcome.lag_max is None else f"{outcome.lag_max:,}"
    counts = f"{outcome.lost} | {outcome.duplicated} | {outcome.reordered} | {outcome.unknown:,}"
    times = f"{_spread(outcome.backs_s)} | {_spread(outcome.recoveries_s)}"
    return f"| {outcome.name} | {outcome.form} | {faults} | {writes} | {counts} | {lag} | {times} | {outcome.day} |"


def _spread(times_s: Sequence[float]) -> str:
    times = sorted(times_s)
    return " / ".join(f"{_quantile(times, q):.2f}" for q in (0.5, 0.99, 1.0)) if times else "–"


def _quantile(times: Sequence[float], q: float) -> float:
    return times[min(len(times) - 1, int(q * len(times)))]


def rows(folder: Path) -> list[str]:
    parts: dict[tuple[str, str], list[Outcome]] = {}
    for file in sorted(folder.glob("*.json")):
        part = Outcome(**json.loads(file.read_text()))
        parts.setdefault((part.name, part.form), []).append(part)
    return [_row(reduce(added_up, found)) for found in parts.values()]


def document(before: str, found: Iterable[str]) -> str:
    """Rows that did not run stay as they are, each with the day it ran on; what stands around the table stays too."""
    prose, _, table = before.partition(_HEAD)
    kept = [line for line in table.splitlines() if line.startswith("|")]
    newest = {tuple(row.split(" | ", 2)[:2]): row for row in (*kept, *found)}
    return f"{prose}{_HEAD}" + "".join(f"{newest[name]}\n" for name in sorted(newest))


if __name__ == "__main__":
    place = Path(sys.argv[2])
    place.write_text(document(place.read_text() if place.exists() else "", rows(Path(sys.argv[1]))))
