"""The agency codes CSV: every row accounted for, one tree whatever the order of rows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from services.registry.domain.organization import Code, Kind
from services.registry.importers import agency_codes
from services.registry.importers.agency_codes import AgencyCodeRecord, OrganizationRow
from shared.kernel.errors import Invalid
from tests.support.real_data import needs_real_data
from tests.unit.registry import real_data

HEADER = (
    "CGAC AGENCY CODE,AGENCY NAME,AGENCY ABBREVIATION,FREC,FREC Entity Description,FREC ABBREVIATION,SUBTIER CODE,"
    "SUBTIER NAME,SUBTIER ABBREVIATION,TOPTIER_FLAG,FREC CGAC ASSOCIATION,COMMENT"
)
IN_DHS = "070,Department of Homeland Security,DHS,7000,Department of Homeland Security,DHS"
IN_FEMA = "058,Federal Emergency Management Agency,FEMA,,,"
IN_EOP = "011,Executive Office of the President,EOP"
IN_DOD = "097,Department of Defense,DOD,DE00,Department of Defense,DOD"
IN_HHS = "075,Department of Health and Human Services,HHS,7500,Department of Health and Human Services,HHS"
DHS = f"{IN_DHS},7000,Department of Homeland Security,DHS,TRUE,TRUE,"
CISA = f"{IN_DHS},7061,Cybersecurity and Infrastructure Security Agency,,FALSE,TRUE,Added"
FEMA = f"{IN_DHS},7022,Federal Emergency Management Agency,FEMA,FALSE,TRUE,"
OLD_FEMA = f"{IN_FEMA},5800,Federal Emergency Management Agency,FEMA,FALSE,FALSE,"
OLD_FEMA_REGION = f"{IN_FEMA},585A,FEMA Region I,,FALSE,FALSE,"
EOP = f"{IN_EOP},1100,Executive Office of the President,EOP,1100,Executive Office of the President,EOP,TRUE,TRUE,"
PEACE_CORPS = f"{IN_EOP},1125,Peace Corps,PC,1145,Peace Corps,PC,TRUE,TRUE,"
DOD = f"{IN_DOD},9700,Department of Defense,DOD,TRUE,TRUE,"
NAVY = f"{IN_DOD},1700,Department of the Navy,USN,FALSE,TRUE,"
NAVY_ALONE = "017,Department of the Navy,USN,,,,,,,TRUE,FALSE,"
CIVIL_WORKS = (
    "096,Corps of Engineers - Civil Works,,DE00,Department of Defense,DOD,9600,Corps of Engineers - Civil Works,,TRUE,FALSE,"
)
HHS = f"{IN_HHS},7500,Department of Health and Human Services,HHS,TRUE,TRUE,"
OLD_SSA = f"{IN_HHS},7550,Social Security Administration,SSA,FALSE,TRUE,Removed from HHS in 1994."
SSA = (
    "028,Social Security Administration,SSA,2800,Social Security Administration,SSA,"
    "2800,Social Security Administration,SSA,TRUE,TRUE,"
)


def written(path: Path, *lines: str, header: str = HEADER, end: str = "\n", bom: bool = False) -> Path:
    file = path / "codes.csv"
    file.write_bytes(("\ufeff" * bom + end.join((header, *lines)) + end).encode())
    return file


def read(path: Path, *lines: str) -> list[AgencyCodeRecord]:
    return list(agency_codes.read(written(path, *lines)))


def all_of(records: list[AgencyCodeRecord]) -> dict[str, OrganizationRow]:
    return {found.key: found for record in records for found in record.organizations}


def codes(organization: OrganizationRow) -> set[str]:
    return {f"{code.scheme}:{code.value}" for code in organization.codes}


def test_a_row_names_its_organizations_outermost_first(tmp_path: Path) -> None:
    department, component = read(tmp_path, DHS, CISA)[1].organizations

    assert (department.key, department.kind, department.cfo_act, department.parent) == ("cgac:070", Kind.DEPARTMENT, True, None)
    assert codes(department) == {"cgac:070", "frec:7000", "subtier:7000"}
    assert component == OrganizationRow(
        key="subtier:7061",
        name="Cybersecurity and Infrastructure Security Agency",
        kind=Kind.COMPONENT,
        parent="cgac:070",
        codes=(Code(scheme="subtier", value="7061"),),
    )


def test_the_agency_is_the_same_in_every_row_whatever_comes_first(tmp_path: Path) -> None:
    forward, backward = all_of(read(tmp_path, DHS, CISA, FEMA, OLD_FEMA)), all_of(read(tmp_path, OLD_FEMA, FEMA, CISA, DHS))

    assert forward.keys() == backward.keys()
    assert {key: codes(row) for key, row in forward.items()} == {key: codes(row) for key, row in backward.items()}


def test_a_bom_crlf_odd_spaces_and_stray_columns_are_read(tmp_path: Path) -> None:
    header = "ICON," + HEADER.replace("SUBTIER NAME", " SUBTIER NAME ")
    file = written(
        tmp_path, "x," + CISA.replace("Cybersecurity and", "Cybersecurity\u00a0 and "), header=header, end="\r\n", bom=True
    )

    (record,) = agency_codes.read(file)

    assert record.organizations[-1].name == "Cybersecurity and Infrastructure Security Agency"
    assert record.comment == "Added"


def test_a_reporting_entity_of_its_own_stands_below_its_agency(tmp_path: Path) -> None:
    office, corps = read(tmp_path, EOP, PEACE_CORPS)[1].organizations

    assert (office.key, corps.key, corps.parent, corps.kind) == ("cgac:011", "frec:1125", "cgac:011", Kind.AGENCY)
    assert codes(corps) == {"frec:1125", "subtier:1145"}


def test_an_agency_with_nothing_of_its_own_is_the_component_of_that_name(tmp_path: Path) -> None:
    records = read(tmp_path, NAVY_ALONE, DOD, NAVY)

    assert [row.key for row in records[0].organizations] == ["cgac:097", "subtier:1700"]
    assert codes(records[0].organizations[-1]) == {"subtier:1700", "cgac:017"}


def test_a_former_agency_and_its_parts_move_into_the_component_it_became(tmp_path: Path) -> None:
    records = read(tmp_path, OLD_FEMA, OLD_FEMA_REGION, DHS, FEMA)

    assert [row.key for row in records[1].organizations] == ["cgac:070", "subtier:7022", "subtier:585A"]
    assert codes(records[0].organizations[-1]) == {"subtier:7022", "cgac:058", "subtier:5800"}


def test_an_old_place_of_an_agency_is_the_agency(tmp_path: Path) -> None:
    records = read(tmp_path, HHS, OLD_SSA, SSA)

    assert [row.key for row in records[1].organizations] == ["cgac:028"]
    assert "subtier:7550" in codes(records[2].organizations[-1])


def test_a_frec_of_another_agency_is_not_taken(tmp_path: Path) -> None:
    found = all_of(read(tmp_path, CIVIL_WORKS, DOD))

    assert "frec:DE00" in codes(found["cgac:097"])
    assert codes(found["cgac:096"]) == {"cgac:096", "subtier:9600"}


def test_equal_names_are_one_organization_within_an_agency_and_two_across(tmp_path: Path) -> None:
    oig, again = (
        DHS.replace("7000,Department of Homeland Security,DHS,TRUE", "7004,Office of X,,FALSE"),
        DHS.replace("7000,Department of Homeland Security,DHS,TRUE", "7099,Office  of x,OX,FALSE"),
    )
    other = HHS.replace("7500,Department of Health and Human Services,HHS,TRUE", "7504,Office of X,,FALSE")

    first, second, third = (record.organizations[-1] for record in read(tmp_path, oig, again, other))

    assert first == second
    assert codes(first) == {"subtier:7004", "subtier:7099"}
    assert (first.kind, first.abbreviation, third.key) == (Kind.OFFICE, "OX", "subtier:7504")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (DHS.replace("070,", ",", 1), "no CGAC agency code"),
        (CISA.replace("Cybersecurity and Infrastructure Security Agency", ""), "no name (7061)"),
        (CISA.replace("7061", ""), "no code"),
        (CISA.replace("7061", "7022"), "that of Federal Emergency Management Agency"),
    ],
    ids=["no-agency", "no-name", "no-code", "taken-code"],
)
def test_a_row_that_contradicts_itself_is_refused_and_the_rest_is_read(tmp_path: Path, line: str, reason: str) -> None:
    records = read(tmp_path, DHS, FEMA, line, CISA.replace("7061", "7062"))

    assert [record.number for record in records] == [1, 2, 3, 4]
    assert [record.number for record in records if record.refusal] == [3]
    assert reason in (records[2].refusal or "")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"a,b\n1,2\n", "lacks 'CGAC AGENCY CODE'"),
        (f"{HEADER}\n{DHS[:60]}".encode(), "cut off"),
        (f'{HEADER}\n{DHS}"half'.encode(), "cannot be read"),
        (f"{HEADER}\n{DHS}\x00\n".encode(), "NUL"),
        (f"{HEADER}\n".encode() + b"070,\xff\xfe", "UTF-8"),
        (b"PK\x03\x04", "ZIP"),
    ],
    ids=["empty", "header", "short-row", "quote", "nul", "encoding", "zip"],
)
def test_a_file_that_is_not_this_csv_is_refused_with_the_reason(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "codes.csv"
    file.write_bytes(content)

    with pytest.raises(Invalid, match=said):
        list(agency_codes.read(file))


@needs_real_data
def test_every_real_row_is_accounted_for() -> None:
    records = list(agency_codes.read(real_data.AGENCY_CODES))

    assert [record.number for record in records] == list(range(1, 1532))
    assert [record for record in records if record.refusal or not record.organizations] == []


@needs_real_data
def test_the_real_tree_has_one_holder_per_code_and_24_cfo_act_agencies() -> None:
    found = real_data.organizations()
    holders = Counter(code for row in found.values() for code in row.codes)

    assert holders.most_common(1)[0][1] == 1
    assert Counter(code.scheme for code in holders) == {"cgac": 190, "frec": 164, "subtier": 1490}
    assert sum(row.cfo_act for row in found.values()) == 24
    assert len(found) == 1475


@needs_real_data
def test_real_organizations_stand_where_they_are_known_to_stand() -> None:
    found = real_data.organizations()

    assert found["subtier:7022"].parent == "cgac:070"
    assert "cgac:058" in codes(found["subtier:7022"])
    assert "cgac:571" in codes(found["subtier:97CR"])
    assert codes(found["subtier:4730"]) == {"subtier:4730", "subtier:4732", "subtier:4735"}
    assert found["frec:1602"].parent == "cgac:016"
    assert "Broadcasting Board of Governors" in found["cgac:514"].aliases
