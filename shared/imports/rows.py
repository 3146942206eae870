"""What an import reads, what becomes of each row, and the counts that must add up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from shared.db import Transaction


class Result(StrEnum):
    """What became of a row."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    PARKED = "parked"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    """One row of a file: the `number`-th of its section, from 1. `data` is plain JSON."""

    section: str
    number: int
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row; a reason for everything that is not taken as it came, and what was mended to take it.

    `left`: the fields in which the row says something else, left as a person set them.
    """

    result: Result
    reason: str = ""
    pointer: str = ""
    repairs: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """The reason, the repairs and what was left as one text."""
        repaired = f"Repaired: {'; '.join(self.repairs)}." if self.repairs else ""
        left = f"Left as set here: {', '.join(self.left)}." if self.left else ""
        return " ".join(part for part in (self.reason, repaired, left) if part)


Reader = Callable[[Path], Iterator[ImportRow]]
Apply = Callable[[Transaction, Sequence[ImportRow]], Awaitable[list[Outcome]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportKind:
    """How one kind of file is read and applied.

    `read` streams rows and raises Invalid for a file that cannot be read whole. `apply` takes a run of rows of one
    section in one transaction and returns an outcome per row, in order; it must tolerate being run again.
    """

    kind: str
    roles: tuple[str, ...]
    read: Reader
    apply: Apply


@dataclass(slots=True)
class Tally:
    """Counts of one section; `read` is the sum of all the others."""

    counts: dict[Result, int] = field(default_factory=lambda: dict.fromkeys(Result, 0))

    def add(self, outcome: Outcome) -> None:
        self.counts[outcome.result] += 1

    def as_dict(self) -> dict[str, int]:
        return {"read": sum(self.counts.values()), **{result.value: n for result, n in self.counts.items()}}
