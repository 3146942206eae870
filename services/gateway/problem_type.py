"""What a page about a type of problem says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A stable `type` of problem documents, explained."""

    status: int
    title: str
    meaning: str
    remedy: str
