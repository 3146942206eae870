from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from shared.kernel.errors import RuleViolation
from shared.kernel.ids import new_id
from shared.kernel.machine import StateMachine, Transition
from shared.kernel.time import FiscalYear

LAMP = StateMachine(
    "lamp",
    (
        Transition(action="install", sources=(None,), target="off", roles=("fitter",)),
        Transition(action="switch", sources=("off",), target="on", roles=("anyone",)),
        Transition(action="break", sources=("off", "on"), target="broken", roles=("anyone", "fitter")),
    ),
)


def test_ids_are_uuid7_and_sort_by_time() -> None:
    ids = [new_id() for _ in range(2_000)]

    assert {UUID(id).version for id in ids} == {7}
    assert len(set(ids)) == 2_000
    assert [id[:13] for id in ids] == sorted(id[:13] for id in ids)


@pytest.mark.parametrize(
    ("day", "year"),
    [(date(2019, 9, 30), 2019), (date(2019, 10, 1), 2020), (date(2020, 1, 1), 2020), (date(2020, 12, 31), 2021)],
)
def test_the_fiscal_year_starts_on_the_first_of_october(day: date, year: int) -> None:
    found = FiscalYear.of(day)

    assert found == FiscalYear(year)
    assert found.starts_on <= day <= found.ends_on


def test_a_transition_leads_where_the_table_says() -> None:
    assert LAMP.after("install", state=None) == "off"
    assert LAMP.after("break", state="on") == "broken"


def test_a_transition_that_is_not_in_the_table_is_refused_with_what_is() -> None:
    with pytest.raises(RuleViolation) as refused:
        LAMP.after("switch", state="broken")

    assert refused.value.allowed_actions == ()
    with pytest.raises(RuleViolation, match="possible now: switch, break"):
        LAMP.after("install", state="off")


def test_roles_of_an_action_are_those_of_all_its_transitions() -> None:
    assert LAMP.roles_for("break") == ("anyone", "fitter")
    assert LAMP.roles_for("fly") == ()
