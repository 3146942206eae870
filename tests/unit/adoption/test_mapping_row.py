from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from services.adoption.domain.letter import LetterKind
from services.adoption.importers import mapping_row
from shared.imports.rows import ImportRow
from shared.kernel.errors import Invalid


def a_row(section: str = "reuses", **changes: Any) -> ImportRow:
    data = {
        "id": "FR1",
        "agency_id": "22-011",
        "sub_id": "",
        "ato_date": "2021-03-01T20:00:00.000Z",
        "auth_date": "",
        "exp_date": "",
        **changes,
    }
    return ImportRow(section=section, number=1, data=data)


def refused(row: ImportRow) -> tuple[str, str]:
    with pytest.raises(Invalid) as fault:
        mapping_row.read(row)
    return fault.value.errors[0].pointer if fault.value.errors else "", fault.value.detail


def test_the_agency_is_the_component_if_there_is_one() -> None:
    assert mapping_row.read(a_row(sub_id="22-011-04")).agency == "22-011-04"
    assert mapping_row.read(a_row()).agency == "22-011"


@pytest.mark.parametrize(("section", "kind"), [("authorizations", LetterKind.INITIAL), ("reuses", LetterKind.REUSE)], ids=str)
def test_the_section_tells_the_kind_of_letter(section: str, kind: LetterKind) -> None:
    assert mapping_row.read(a_row(section)).letter.kind is kind


def test_instants_are_plain_days_and_absent_dates_stay_absent() -> None:
    letter = mapping_row.read(a_row(exp_date="2030-12-31", auth_date="N/A")).letter

    assert (letter.ato_on, letter.expires_on, letter.authorized_on) == (date(2021, 3, 1), date(2030, 12, 31), None)


def test_an_ato_date_in_the_future_is_taken() -> None:
    assert mapping_row.read(a_row(ato_date="2099-09-25T20:00:00.000Z")).letter.ato_on == date(2099, 9, 25)


def test_odd_spaces_make_no_difference() -> None:
    spaced = mapping_row.read(a_row(id=" FR1\N{NO-BREAK SPACE}", agency_id="22-011 \n"))

    assert spaced == mapping_row.read(a_row())
    assert spaced.key == mapping_row.read(a_row()).key


@pytest.mark.parametrize(
    "text", ["7/72023", "9//27/2022", "3/3/1/2020", "0202-04-26T04:56:02.000Z", "2021-02-30", "2021-03-011"], ids=str
)
def test_a_date_that_is_none_is_refused_with_its_place(text: str) -> None:
    assert refused(a_row(ato_date=text))[0] == "/ato_date"
    assert refused(a_row(exp_date=text)) == ("/exp_date", f"exp_date {text!r} is no date (YYYY-MM-DD, from 1990 on).")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"id": ""}, "/id"),
        ({"id": None}, "/id"),
        ({"agency_id": ""}, "/agency_id"),
        ({"ato_date": ""}, "/ato_date"),
        ({"id": 7}, "/id"),
        ({"id": {}}, "/id"),
        ({"sub_id": "22\x00"}, "/sub_id"),
        ({"parent": "x" * 181}, "/parent"),
    ],
    ids=str,
)
def test_what_is_missing_or_no_text_is_refused_with_its_place(changes: dict[str, Any], pointer: str) -> None:
    assert refused(a_row(**changes))[0] == pointer


@pytest.mark.parametrize(
    "changes",
    [
        {"agency_id": "22-001"},
        {"agency_id": "22-055", "sub_id": "22-055-01"},
        {"agency_id": "99-999", "parent": "Legacy JAB Authorization"},
        {"agency_id": "99-999", "parent": "Other Federal Entity"},
    ],
    ids=str,
)
def test_pseudo_agencies_are_refused_by_id_and_by_name(changes: dict[str, Any]) -> None:
    pointer, detail = refused(a_row(**changes))

    assert pointer == "/agency_id"
    assert "Legacy JAB Authorization" in detail or "Other Federal Entity" in detail


def test_an_unknown_section_is_refused_naming_those_there_are() -> None:
    assert refused(a_row("products")) == ("", "There is no section 'products' here; there are: authorizations, reuses.")


def test_rows_that_say_something_else_have_another_key() -> None:
    changes: list[dict[str, Any]] = [
        {}, {"id": "FR2"}, {"agency_id": "22-012"}, {"ato_date": "2021-03-02"}, {"exp_date": "2024-01-01"},
        {"auth_date": "2024-01-01"}, {"assessment_date": "02/24"},
    ]  # fmt: skip
    keys = {mapping_row.read(a_row(section, **change)).key for change in changes for section in mapping_row.KINDS}

    assert len(keys) == 2 * len(changes)
