"""Targets as standards write them."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.target import Comparison, Target, TargetKind, Unit, kind_of, parsed
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
        ("Yes/No", a_target(Comparison.EQUAL, "1", Unit.ANSWER)),
        ("No", a_target(Comparison.EQUAL, "0", Unit.ANSWER)),
    ],
)
def test_words_of_a_target_are_understood(text: str, target: Target) -> None:
    assert parsed(text) == target


@pytest.mark.parametrize("text", ["", "TBD", "Agency-Determined", "80", "5 apples", "99.9% or 3 days", "x" * 300])
def test_words_that_state_no_target_are_left_as_text(text: str) -> None:
    assert parsed(text) is None


@given(st.text(max_size=60))
def test_any_text_is_read_or_left(text: str) -> None:
    found = parsed(text)
    assert found is None or found.value >= 0


# Words of the real files that state nothing a result could be held against: 66 of 242.
NO_TARGET = {
    "TBD": 58,
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

    assert (len(targets), sum(left.values())) == (242, 66)
    assert left == NO_TARGET
    kinds = Counter(map(kind_of, targets))
    assert kinds == {
        TargetKind.COMPARABLE: 176,
        TargetKind.SET_BY_AGREEMENT: 3,
        TargetKind.SET_BY_AGENCY: 5,
        TargetKind.TEXT: 58,
    }


@pytest.mark.parametrize("text", ["In accordance with policy", "The agreement", "Determined", "By the agency", "TBD"])
def test_only_words_that_name_who_sets_the_target_leave_it_to_them(text: str) -> None:
    assert kind_of(text) is TargetKind.TEXT
