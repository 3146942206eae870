"""One row per figure, beside its limit measured in the same run; `make bench` puts them into docs/benchmarks.md."""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROWS = "QSMO_BENCH_ROWS"
_HEAD = """| what | ours | beside it | its figure | share | goal | | run on |
|---|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`goal` is the least share of a rate, the greatest of a cost; None for what only informs."""

    what: str
    ours: float
    unit: str
    beside: str
    limit: float
    share: float
    goal: float | None = None
    is_cost: bool = False
    day: str = field(default_factory=lambda: time.strftime("%Y-%m-%d"))

    @property
    def is_met(self) -> bool:
        return self.goal is None or (self.share <= self.goal if self.is_cost else self.share >= self.goal)

    def told(self) -> None:
        """Prints the row, and keeps it for the table when a folder for that is named."""
        print(f"\n{_row(self)}")
        if folder := os.environ.get(ROWS):
            Path(folder).mkdir(parents=True, exist_ok=True)
            file = Path(folder) / f"{''.join(c if c.isalnum() else '-' for c in self.what)}.json"
            file.write_text(json.dumps(asdict(self)))


def rates(
    what: str, pairs: Sequence[tuple[float, float]], *, unit: str, beside: str, goal: float | None = None, is_cost: bool = False
) -> Figure:
    """Of (ours, limit) per round: the medians, and the median of the rounds' shares."""
    ours, limit = (statistics.median(side) for side in zip(*pairs, strict=True))
    share = statistics.median(mine / other for mine, other in pairs)
    return Figure(what=what, ours=ours, unit=unit, beside=beside, limit=limit, share=share, goal=goal, is_cost=is_cost)


def by_the_clock(what: str, ours: float, *, unit: str, goal: float) -> Figure:
    """A goal in numbers of its own, which a slower machine misses."""
    return Figure(
        what=f"{what}, by the clock", ours=ours, unit=unit, beside="what is asked", limit=goal, share=ours / goal, goal=1.0
    )


async def in_turns(
    ours: Callable[[], Awaitable[float]], limit: Callable[[], Awaitable[float]], *, rounds: int
) -> list[tuple[float, float]]:
    """One round unmeasured, for both to warm up."""
    return [(await ours(), await limit()) for _ in range(rounds + 1)][1:]


def _row(figure: Figure) -> str:
    ours, limit = (f"{_number(value)} {figure.unit}" for value in (figure.ours, figure.limit))
    goal = "–" if figure.goal is None else f"{'≤' if figure.is_cost else '≥'} {figure.goal:g}"
    missed = "" if figure.is_met else "missed"
    return f"| {figure.what} | {ours} | {figure.beside} | {limit} | {figure.share:.2f} | {goal} | {missed} | {figure.day} |"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def rows(folder: Path) -> list[str]:
    return [_row(Figure(**json.loads(file.read_text()))) for file in folder.glob("*.json")]


def document(before: str, found: Iterable[str]) -> str:
    """Rows that did not run stay as they are, each with the day it ran on; what stands around the table stays too."""
    prose, _, rest = before.partition(_HEAD)
    table, _, after = rest.partition("\n\n")
    kept = [line for line in table.splitlines() if line.startswith("|")]
    newest = {row.split(" | ", 1)[0]: row for row in (*kept, *found)}
    return f"{prose}{_HEAD}" + "\n".join(newest[name] for name in sorted(newest)) + f"\n\n{after}"


if __name__ == "__main__":
    place = Path(sys.argv[2])
    place.write_text(document(place.read_text(), rows(Path(sys.argv[1]))))
