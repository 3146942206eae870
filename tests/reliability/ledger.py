"""One row per way of breaking things: what was lost, doubled or inverted, and how soon all was well again."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

ROWS = "QSMO_RELIABILITY_ROWS"
_TITLE = "# Reliability\n\nWritten by `make reliability`; each row is a test below `tests/reliability`, which also checks it.\n"
_GOAL = (
    "Goal: 0 lost, 0 duplicated effects, 0 reordered per aggregate, everywhere; no API write fails while the broker is away.\n"
    "*Unknown* are attempts whose answer was lost or not a success: each was tried again under its idempotency key and took\n"
    "effect once. *Lag* is the most facts that were recorded and not yet on the feed or applied. *Recovery* is from the fault\n"
    "to all of it having arrived, or as the row says; times of the simulation are virtual.\n"
)
_HEAD = (
    "| what is broken | how often | writes | lost | duplicated | reordered | unknown | lag max | recovery p50 / p99 / max |\n"
    "|---|---|---|---|---|---|---|---|---|\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`lag_max` is None where nothing lags."""

    name: str
    faults: str
    writes: int
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0
    unknown: int = 0
    lag_max: int | None = None
    recoveries_s: Sequence[float] = ()

    @property
    def holds(self) -> bool:
        return not (self.lost or self.duplicated or self.reordered)

    def told(self) -> None:
        """Prints the row, and keeps it for the table when a folder for that is named."""
        print(_row(self))
        if folder := os.environ.get(ROWS):
            Path(folder).mkdir(parents=True, exist_ok=True)
            file = Path(folder) / f"{''.join(c if c.isalnum() else '-' for c in self.name)}.json"
            file.write_text(json.dumps(asdict(self)))


def effects_judged(wanted: dict[str, int], effects: dict[str, list[int]]) -> dict[str, int]:
    """Versions that each aggregate should have reached ↔ versions in the order in which they took effect."""
    judged = {"lost": 0, "duplicated": 0, "reordered": 0}
    for subject in wanted.keys() | effects.keys():
        found = effects.get(subject, [])
        judged["lost"] += len(set(range(1, wanted.get(subject, 0) + 1)) - set(found))
        judged["duplicated"] += len(found) - len(set(found) & set(range(1, wanted.get(subject, 0) + 1)))
        judged["reordered"] += sum(later < earlier for earlier, later in pairwise(found))
    return judged


def _row(outcome: Outcome) -> str:
    times = sorted(outcome.recoveries_s)
    spread = " / ".join(f"{_quantile(times, q):.2f}" for q in (0.5, 0.99, 1.0)) if times else "–"
    lag = "–" if outcome.lag_max is None else f"{outcome.lag_max:,}"
    counts = f"{outcome.lost} | {outcome.duplicated} | {outcome.reordered} | {outcome.unknown:,}"
    return f"| {outcome.name} | {outcome.faults} | {outcome.writes:,} | {counts} | {lag} | {spread} |"


def _quantile(times: Sequence[float], q: float) -> float:
    return times[min(len(times) - 1, int(q * len(times)))]


def table(folder: Path) -> str:
    found = sorted((Outcome(**json.loads(file.read_text())) for file in folder.glob("*.json")), key=lambda row: row.name)
    return f"{_TITLE}\n{_GOAL}\n{_HEAD}" + "".join(_row(outcome) + "\n" for outcome in found)


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(table(Path(sys.argv[1])))
