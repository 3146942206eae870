from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from services.catalog.domain import marketplace as domain
from services.catalog.domain.marketplace import Designation, Marketplace, Status

TODAY = date(2026, 6, 1)


def a_designation(status: str, **more: Any) -> Designation:
    given = {
        "id": status,
        "focus_area": "cybersecurity",
        "service": "dns-resolver",
        "organization_id": "cisa",
        "status": status,
        "effective_on": date(2020, 4, 27),
        "designated_on": None if status == "pre_designated" else date(2020, 4, 27),
        **more,
    }
    return Designation(**given)


def a_marketplace(status: str) -> Marketplace | None:
    return None if status == "none" else Marketplace(id="cybersecurity", version=1, status=Status(status))


@pytest.mark.parametrize(
    ("current", "designations", "action"),
    [
        ("none", [], None),
        ("none", ["research"], None),
        ("none", ["ended"], None),
        ("none", ["pre_designated"], "plan"),
        ("none", ["designated"], "plan"),
        ("planned", ["pre_designated"], None),
        ("planned", ["ended"], None),
        ("planned", ["designated"], "open"),
        ("planned", ["designated", "pre_designated"], "open"),
        ("open", ["designated"], None),
        ("open", ["ended", "pre_designated"], None),  # the area fell back a state: it goes on offering
        ("open", ["suspended", "designated"], None),
        ("open", ["suspended", "pre_designated"], "suspend"),
        ("open", ["ended"], "close"),
        ("suspended", ["suspended"], None),
        ("suspended", ["designated"], "open"),
        ("suspended", ["ended"], "close"),
        ("closed", ["ended"], None),
        ("closed", ["pre_designated"], "plan"),
        ("closed", ["designated"], "open"),
    ],
)
def test_designations_call_for_one_action(current: str, designations: list[str], action: str | None) -> None:
    told = [a_designation(status) for status in designations]

    assert domain.due(a_marketplace(current), told, opens_on=None, today=TODAY) == action


def test_a_marketplace_waits_for_its_day_and_for_the_designation_to_take_effect() -> None:
    planned = a_marketplace("planned")
    designated = [a_designation("designated")]

    assert domain.due(planned, designated, opens_on=date(2026, 6, 2), today=TODAY) is None
    assert domain.due(planned, designated, opens_on=TODAY, today=TODAY) == "open"
    later = [a_designation("designated", effective_on=date(2026, 6, 2))]
    assert domain.due(planned, later, opens_on=None, today=TODAY) is None


def test_it_opened_on_the_later_of_first_designation_and_planned_day() -> None:
    planned = a_marketplace("planned")
    designations = [a_designation("ended", designated_on=date(2020, 6, 29)), a_designation("designated")]

    def opened_on(opens_on: date | None) -> date | None:
        return domain.after("open", planned, designations, area="cybersecurity", opens_on=opens_on).opened_on

    assert opened_on(None) == date(2020, 4, 27)
    assert opened_on(date(2024, 5, 14)) == date(2024, 5, 14)
    assert opened_on(date(2019, 1, 1)) == date(2020, 4, 27)


def test_reopening_keeps_the_first_day() -> None:
    suspended = Marketplace(id="cybersecurity", version=3, status=Status.SUSPENDED, opened_on=date(2021, 1, 1))

    again = domain.after("open", suspended, [a_designation("designated")], area="cybersecurity", opens_on=None)

    assert again.opened_on == date(2021, 1, 1)
