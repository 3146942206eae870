"""Instants, effective dates and the US federal fiscal year."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

Clock = Callable[[], datetime]

_FISCAL_YEAR_START_MONTH = 10


def utc_now() -> datetime:
    """The wall clock, aware; the only place that reads it."""
    return datetime.now(UTC)


def days_after(day: date, days: int) -> date:
    return day + timedelta(days=days)


@dataclass(frozen=True, slots=True, order=True)
class FiscalYear:
    """A US federal fiscal year, named by the calendar year in which it ends (starts 1 October)."""

    year: int

    @classmethod
    def of(cls, day: date) -> FiscalYear:
        return cls(day.year + (day.month >= _FISCAL_YEAR_START_MONTH))

    @property
    def starts_on(self) -> date:
        return date(self.year - 1, _FISCAL_YEAR_START_MONTH, 1)

    @property
    def ends_on(self) -> date:
        return date(self.year, _FISCAL_YEAR_START_MONTH - 1, 30)
