"""From which amount on a purchase outside the marketplace needs an investment action plan.

Source: M-19-16 note 18 (each QSMO sets the threshold of its area).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """`amount`: US dollars; purchases above it need a plan."""

    id: str
    version: int
    focus_area: str
    amount: Decimal
    reason: str
    by: str


def threshold_id(focus_area: str) -> str:
    return f"iap-threshold:{focus_area}"
