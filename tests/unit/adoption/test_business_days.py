"""The calendar of federal business days, year by year as the Office of Personnel Management publishes it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from services.adoption.domain.business_days import business_days_after, is_business_day

# Weekdays off in the calendar year, as observed; month-day.
DAYS_OFF = {
    2019: "01-01 01-21 02-18 05-27 07-04 09-02 10-14 11-11 11-28 12-25",
    2020: "01-01 01-20 02-17 05-25 07-03 09-07 10-12 11-11 11-26 12-25",
    2021: "01-01 01-18 02-15 05-31 06-18 07-05 09-06 10-11 11-11 11-25 12-24 12-31",
    2022: "01-17 02-21 05-30 06-20 07-04 09-05 10-10 11-11 11-24 12-26",
    2023: "01-02 01-16 02-20 05-29 06-19 07-04 09-04 10-09 11-10 11-23 12-25",
    2024: "01-01 01-15 02-19 05-27 06-19 07-04 09-02 10-14 11-11 11-28 12-25",
    2025: "01-01 01-20 02-17 05-26 06-19 07-04 09-01 10-13 11-11 11-27 12-25",
    2026: "01-01 01-19 02-16 05-25 06-19 07-03 09-07 10-12 11-11 11-26 12-25",
    2027: "01-01 01-18 02-15 05-31 06-18 07-05 09-06 10-11 11-11 11-25 12-24 12-31",
    2028: "01-17 02-21 05-29 06-19 07-04 09-04 10-09 11-10 11-23 12-25",
    2029: "01-01 01-15 02-19 05-28 06-19 07-04 09-03 10-08 11-12 11-22 12-25",
    2030: "01-01 01-21 02-18 05-27 06-19 07-04 09-02 10-14 11-11 11-28 12-25",
}


@pytest.mark.parametrize("year", DAYS_OFF)
def test_the_weekdays_off_of_a_year_are_those_published(year: int) -> None:
    days = (date(year, 1, 1) + timedelta(days=n) for n in range((date(year + 1, 1, 1) - date(year, 1, 1)).days))
    off = [day for day in days if day.weekday() < 5 and not is_business_day(day)]

    assert " ".join(f"{day:%m-%d}" for day in off) == DAYS_OFF[year]


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        ("2019-12-18", "2020-01-03"),  # Christmas, New Year's Day
        ("2020-06-26", "2020-07-13"),  # 4 July on a Saturday: off on the Friday
        ("2020-12-24", "2021-01-11"),
        ("2021-06-10", "2021-06-25"),  # the first Juneteenth, on a Saturday
        ("2021-12-17", "2022-01-04"),  # 24 and 31 December stand for Saturdays, the second of the year after
        ("2022-12-16", "2023-01-03"),  # both holidays on Sundays
        ("2023-11-09", "2023-11-27"),
        ("2024-08-31", "2024-09-16"),  # asked on a Saturday
        ("2025-01-17", "2025-02-03"),
        ("2026-06-19", "2026-07-06"),  # asked on a holiday
        ("2027-12-23", "2028-01-10"),
        ("2028-11-09", "2028-11-27"),
        ("2029-11-09", "2029-11-27"),
        ("2030-12-20", "2031-01-07"),
    ],
)
def test_ten_business_days_end_where_a_calendar_says(asked: str, due: str) -> None:
    assert business_days_after(date.fromisoformat(asked), 10) == date.fromisoformat(due)


@pytest.mark.parametrize("year", range(2019, 2031))
def test_between_asking_and_the_due_day_lie_ten_days_that_are_not_off(year: int) -> None:
    off = {date.fromisoformat(f"{y}-{text}") for y, days in DAYS_OFF.items() for text in days.split()}
    for n in range(340):
        asked = date(year, 1, 1) + timedelta(days=n)
        due = business_days_after(asked, 10)
        between = [asked + timedelta(days=k) for k in range(1, (due - asked).days + 1)]
        counted = [day for day in between if day.weekday() < 5 and day not in off]
        assert (len(counted), counted[-1]) == (10, due)
