"""Months held against targets."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from services.adoption.domain.sla import Sla, Trend, agreed, recorded
from shared.kernel.errors import RuleViolation


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


@pytest.mark.parametrize(
    ("target", "missing"),
    [
        (">=80%", ()),
        ("Agency-Determined", ("a target: the standard leaves it to the agency, and it is not set yet",)),
        ("In Accordance with Agency Agreement", ("a target: the standard leaves it to the agreement, and it is not set yet",)),
        ("TBD", ("a target that can be compared: the words state none",)),
    ],
)
def test_what_a_service_level_lacks_to_be_judged_is_said_and_gone_once_a_target_is_set(
    target: str, missing: tuple[str, ...]
) -> None:
    sla = an_sla(target)

    assert sla.missing == missing
    assert with_months(agreed(sla, ">=80%"), "79").missed_in_a_row == 1
    assert agreed(sla, ">=80%").missing == ()
