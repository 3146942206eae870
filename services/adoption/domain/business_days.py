"""Business days of the federal government: neither Saturday, Sunday nor a legal public holiday.

Source: 5 U.S.C. 6103(a) and (b); Executive Order 11582 (a holiday on Sunday is observed on Monday). Inauguration Day is a
holiday of the capital's area alone, and days off by executive order are not known ahead: both count as business days.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

_JUNETEENTH_SINCE = 2021
_MONDAY, _THURSDAY, _SATURDAY = 0, 3, 5


def is_business_day(day: date) -> bool:
    return day.weekday() < _SATURDAY and day not in _observed_in(day.year)


def business_days_after(day: date, count: int) -> date:
    """The `count`-th business day after `day`, which does not count itself; `count` from 1 on."""
    for _ in range(count):
        day += timedelta(days=1)
        while not is_business_day(day):
            day += timedelta(days=1)
    return day


def observed_holidays(year: int) -> tuple[date, ...]:
    """Of the holidays of the calendar year, the days off; New Year's Day may be observed in the year before."""
    return tuple(_observed(day) for day in _holidays(year))


@cache
def _observed_in(year: int) -> frozenset[date]:
    return frozenset(day for each in (year, year + 1) for day in observed_holidays(each) if day.year == year)


def _observed(day: date) -> date:
    match day.weekday():
        case 5:
            return day - timedelta(days=1)
        case 6:
            return day + timedelta(days=1)
        case _:
            return day


def _holidays(year: int) -> list[date]:
    juneteenth = [date(year, 6, 19)] if year >= _JUNETEENTH_SINCE else []
    return [
        date(year, 1, 1),
        _nth(year, 1, _MONDAY, 3),
        _nth(year, 2, _MONDAY, 3),
        _last_monday_of_may(year),
        *juneteenth,
        date(year, 7, 4),
        _nth(year, 9, _MONDAY, 1),
        _nth(year, 10, _MONDAY, 2),
        date(year, 11, 11),
        _nth(year, 11, _THURSDAY, 4),
        date(year, 12, 25),
    ]


def _nth(year: int, month: int, weekday: int, count: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (count - 1))


def _last_monday_of_may(year: int) -> date:
    last = date(year, 5, 31)
    return last - timedelta(days=last.weekday())
