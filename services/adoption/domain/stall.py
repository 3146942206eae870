"""When an adoption stands still, and what would move it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from services.adoption.domain.adoption import Adoption, Stall, Status, Surroundings, missing_to_advance
from services.adoption.domain.gate import Side, unsigned_by
from services.adoption.domain.m3 import Phase
from shared.kernel.errors import RuleViolation

THRESHOLD_DAYS = 180
_ENOUGH = 20
_SHARE = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """What would move an adoption on, and whose turn it is."""

    what: str
    whose: Side


def thresholds(durations: Mapping[Phase, Sequence[int]]) -> dict[Phase, int]:
    """Days without progress after which an adoption counts as stalled, by phase.

    `durations`: whole days that adoptions spent in a phase they have left. With 20 or more of them it is their 90th
    percentile (nearest rank), at least one day; else 180.
    """
    return {phase: _threshold(sorted(durations.get(phase, ()))) for phase in Phase if phase is not Phase.OPERATIONS}


def _threshold(days: Sequence[int]) -> int:
    return max(1, days[math.ceil(_SHARE * len(days)) - 1]) if len(days) >= _ENOUGH else THRESHOLD_DAYS


def is_due(adoption: Adoption, *, threshold_days: int, on: date) -> bool:
    """Whether it has to be told that this one stands still."""
    moving = adoption.status is Status.ACTIVE and adoption.phase is not Phase.OPERATIONS and adoption.stall is None
    return moving and (on - adoption.progress_on).days > threshold_days


def stalled(adoption: Adoption, *, threshold_days: int, on: date) -> Adoption:
    """Raises RuleViolation when it is not due."""
    if not is_due(adoption, threshold_days=threshold_days, on=on):
        raise RuleViolation("The adoption does not stand still.", code="not-stalled")
    return replace(adoption, stall=Stall(found_on=on, progress_on=adoption.progress_on, threshold_days=threshold_days))


def moves_again(adoption: Adoption) -> bool:
    """There has been progress since it was found to stand still, and that has not been told yet."""
    return adoption.stall is not None and adoption.status is Status.ACTIVE and not adoption.is_stalled


def moving(adoption: Adoption) -> Adoption:
    """Raises RuleViolation when it still stands still."""
    if not moves_again(adoption):
        raise RuleViolation("There has been no progress.", code="stalled")
    return replace(adoption, stall=None)


def next_step(adoption: Adoption, around: Surroundings) -> NextStep | None:
    """What would move it on; None for one that is not active, or in operations."""
    if adoption.status is not Status.ACTIVE or adoption.phase is Phase.OPERATIONS:
        return None
    missing = missing_to_advance(adoption, around)
    if not missing:
        return NextStep(what="advance", whose=Side.AGENCY)
    return NextStep(what=missing[0], whose=Side.QSMO if missing[0] == unsigned_by(adoption.phase, Side.QSMO) else Side.AGENCY)
