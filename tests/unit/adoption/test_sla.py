"""Targets as standards write them, and months held against them."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.adoption.domain.sla import Sla, Trend, agreed, recorded
from services.adoption.domain.sla_target import Comparison, Target, Unit, parsed
from shared.kernel.errors import RuleViolation
from tests.support.real_data import REAL_DATA, needs_real_data


def a_target(comparison: Comparison, value: str, unit: Unit) -> Target:
    return Target(comparison=comparison, value=Decimal(value), unit=unit)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        (">=80%", a_target(Comparison.AT_LEAST, "80", Unit.PERCENT)),
        ("<=3%", a_target(Comparison.AT_MOST, "3", Unit.PERCENT)),
        ("Less than or equal to 10%", a_target(Comparison.AT_MOST, "10", Unit.PERCENT)),
        ("75% Positive", a_target(Comparison.AT_LEAST, "75", Unit.PERCENT)),
        ("75% positive*\n\n*Includes all", a_target(Comparison.AT_LEAST, "75", Unit.PERCENT)),
        ("0.999", a_target(Comparison.AT_LEAST, "99.9", Unit.PERCENT)),
        ("1", a_target(Comparison.AT_LEAST, "100", Unit.PERCENT)),
        ("0", a_target(Comparison.AT_MOST, "0", Unit.PERCENT)),
        ("within 5 business days", a_target(Comparison.AT_MOST, "5", Unit.BUSINESS_DAYS)),
        ("1.5 Business Days", a_target(Comparison.AT_MOST, "1.5", Unit.BUSINESS_DAYS)),
        ("Less than 60 seconds", a_target(Comparison.BELOW, "60", Unit.SECONDS)),
        ("<60 sec", a_target(Comparison.BELOW, "60", Unit.SECONDS)),
        ("≤13 minutes", a_target(Comparison.AT_MOST, "13", Unit.MINUTES)),
        ("more than 2 weeks", a_target(Comparison.ABOVE, "2", Unit.WEEKS)),
        ("5-Strongly Agree", a_target(Comparison.AT_LEAST, "5", Unit.RATING)),
        ("Yes", a_target(Comparison.EQUAL, "1", Unit.ANSWER)),
        ("No", a_target(Comparison.EQUAL, "0", Unit.ANSWER)),
    ],
)
def test_words_of_a_target_are_understood(text: str, target: Target) -> None:
    assert parsed(text) == target


@pytest.mark.parametrize("text", ["", "TBD", "Yes/No", "Agency-Determined", "80", "5 apples", "99.9% or 3 days", "x" * 300])
def test_words_that_state_no_target_are_left_as_text(text: str) -> None:
    assert parsed(text) is None


@given(st.text(max_size=60))
def test_any_text_is_read_or_left(text: str) -> None:
    found = parsed(text)
    assert found is None or found.value >= 0


def an_sla(target: str = ">=80%") -> Sla:
    return Sla(
        id="s",
        version=1,
        adoption_id="a",
        organization_id="cisa",
        offering_id="dns",
        focus_area="cybersecurity",
        measure_id="M.1",
        target=target,
    )


def with_months(sla: Sla, *values: str, year: int = 2026) -> Sla:
    for number, value in enumerate(values, start=1):
        sla = recorded(sla, month=f"{year}-{number:02}", value=Decimal(value), comment="", by="p", on=date(2027, 1, 5))
    return sla


@pytest.mark.parametrize(
    ("target", "values", "trend"),
    [
        (">=80%", ("70", "70", "70", "90", "90", "90"), Trend.BETTER),
        ("<=3%", ("1", "1", "1", "4", "4", "4"), Trend.WORSE),
        (">=80%", ("90", "80", "70", "70", "80", "90"), Trend.STEADY),
        (">=80%", ("90", "90"), Trend.UNKNOWN),
        ("TBD", ("1", "2", "3", "4", "5", "6"), Trend.UNKNOWN),
    ],
)
def test_the_trend_knows_which_way_is_better(target: str, values: tuple[str, ...], trend: Trend) -> None:
    assert with_months(an_sla(target), *values).trend is trend


def test_a_month_told_again_replaces_itself_and_keeps_the_order() -> None:
    sla = with_months(an_sla(), "85", "70", "60")
    corrected = recorded(sla, month="2026-02", value=Decimal(81), comment="", by="p", on=date(2027, 1, 5))

    assert (sla.missed_in_a_row, corrected.missed_in_a_row) == (2, 1)
    assert [each.month for each in corrected.results] == ["2026-01", "2026-02", "2026-03"]


def test_another_target_leaves_the_months_on_record_as_they_were() -> None:
    sla = agreed(with_months(an_sla(), "85"), ">=90%")
    later = recorded(sla, month="2026-02", value=Decimal(85), comment="", by="p", on=date(2027, 1, 5))

    assert [(each.target, each.met) for each in later.results] == [(">=80%", True), (">=90%", False)]


def test_a_month_that_is_not_over_has_no_result() -> None:
    with pytest.raises(RuleViolation, match="a month that is over"):
        recorded(an_sla(), month="2027-01", value=Decimal(1), comment="", by="p", on=date(2027, 1, 31))


# Words of the real files that state nothing a result could be held against: 71 of 242.
NO_TARGET = {
    "TBD": 58,
    "Yes/No": 5,
    "Agency-Determined": 3,
    "Agency-Determined (e.g. number of records affected, cost of credit monitoring, reputational cost)": 2,
    "In accordance with targets established in the formal service agreement (e.g., SLA, MOU)": 2,
    "In Accordance with Agency Agreement": 1,
}


@needs_real_data
def test_every_target_that_the_real_measures_state_is_understood() -> None:
    files = sorted((REAL_DATA / "fibf" / "service-measures").glob("*.json"))
    rows = [row for file in files for row in json.loads(file.read_text())]
    targets = [str(value) for row in rows for name, value in row.items() if "target" in name.lower()]

    left = Counter(text for text in targets if parsed(text) is None)

    assert (len(targets), sum(left.values())) == (242, 71)
    assert left == NO_TARGET
