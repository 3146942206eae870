"""Whether a purchase outside a marketplace needs an investment action plan, and which of the two kinds.

Source: M-19-16 (solicitations from pre-designation on; note 18: thresholds per QSMO); Investment Planning Guidance, March 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Kind(StrEnum):
    """`comprehensive` when any trigger is met, else `streamlined`."""

    STREAMLINED = "streamlined"
    COMPREHENSIVE = "comprehensive"


class Trigger(StrEnum):
    """What makes a plan comprehensive."""

    NEW_SYSTEM = "new_or_replacement_system"
    SEVERAL_QSMOS = "several_qsmos"
    OUTSIDE_MARKETPLACE = "outside_operational_marketplace"
    WARRANTED = "circumstances_warrant"


class Ground(StrEnum):
    """Why a plan is needed, or why not."""

    NOT_PRE_DESIGNATED = "not_pre_designated"
    NOT_CFO_ACT = "not_cfo_act"
    MARKETPLACE_SOLUTION = "marketplace_solution"
    WITHIN_THRESHOLD = "within_threshold"
    ABOVE_THRESHOLD = "above_threshold"
    NO_THRESHOLD = "no_threshold"


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaStanding:
    """`regulated`: a service of the area is pre-designated or designated; `threshold`: US dollars, None where none was set."""

    focus_area: str
    regulated: bool
    marketplace_open: bool
    threshold: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """`taken`: the marketplace solution that is taken, if one is; `warranted`: so says a QSMO."""

    amount: Decimal
    new_system: bool
    in_marketplace: bool
    warranted: bool = False
    taken: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """`kind` and `triggers` only where a plan is needed."""

    needed: bool
    ground: Ground
    why: str
    kind: Kind | None = None
    triggers: tuple[Trigger, ...] = ()


def need(purchase: Purchase, areas: Sequence[AreaStanding], *, cfo_act: bool) -> Need:
    """`areas`: all that the purchase touches; the lowest threshold of those regulated decides."""
    regulated = [area for area in areas if area.regulated]
    if not regulated:
        return _none(Ground.NOT_PRE_DESIGNATED, "No service of these areas is pre-designated or designated (M-19-16).")
    if not cfo_act:
        return _none(Ground.NOT_CFO_ACT, "The agency is not one of the CFO Act agencies (Investment Planning Guidance).")
    if purchase.taken is not None:
        return _none(Ground.MARKETPLACE_SOLUTION, f"The agency takes {purchase.taken}, a solution of the marketplace.")
    thresholds = [area.threshold for area in regulated if area.threshold is not None]
    lowest = min(thresholds) if len(thresholds) == len(regulated) else None
    if lowest is not None and purchase.amount <= lowest:
        return _none(Ground.WITHIN_THRESHOLD, f"{purchase.amount} dollars are within the threshold of {lowest} (note 18).")
    found = triggers(purchase, areas)
    kind = Kind.COMPREHENSIVE if found else Kind.STREAMLINED
    if lowest is None:
        why = "A QSMO of these areas has set no threshold: every amount counts."
        return Need(needed=True, ground=Ground.NO_THRESHOLD, why=why, kind=kind, triggers=found)
    why = f"{purchase.amount} dollars are above the threshold of {lowest} (note 18)."
    return Need(needed=True, ground=Ground.ABOVE_THRESHOLD, why=why, kind=kind, triggers=found)


def triggers(purchase: Purchase, areas: Sequence[AreaStanding]) -> tuple[Trigger, ...]:
    """Any of them makes the plan comprehensive."""
    regulated = [area for area in areas if area.regulated]
    told = {
        Trigger.NEW_SYSTEM: purchase.new_system,
        Trigger.SEVERAL_QSMOS: len(regulated) > 1,
        Trigger.OUTSIDE_MARKETPLACE: not purchase.in_marketplace and any(area.marketplace_open for area in areas),
        Trigger.WARRANTED: purchase.warranted,
    }
    return tuple(trigger for trigger, is_met in told.items() if is_met)


def _none(ground: Ground, why: str) -> Need:
    return Need(needed=False, ground=ground, why=why)
