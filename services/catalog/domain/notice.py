"""Notices of an end that comes near: 180, 90 and 30 days ahead, each given once."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

AHEAD_DAYS = (180, 90, 30)


def due_notice(ends_on: date | None, *, told: Collection[str], on: date) -> int | None:
    """The days of the notice to give now: after a pause only the nearest of those that were missed. None: none."""
    if ends_on is None or ends_on < on:
        return None
    reached = [days for days in AHEAD_DAYS if (ends_on - on).days <= days]
    return reached[-1] if reached and _key(ends_on, reached[-1]) not in told else None


def noticed(ends_on: date | None, days: int) -> tuple[str, ...]:
    """What is told once this notice is given: it and those before it, for this end."""
    return tuple(_key(ends_on, each) for each in AHEAD_DAYS if each >= days)


def _key(ends_on: date | None, days: int) -> str:
    return f"{ends_on}/{days}"
