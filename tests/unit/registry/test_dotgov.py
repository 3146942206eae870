"""The .gov registry: agency and bureau names of both files."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.registry.importers import dotgov
from services.registry.importers.dotgov import DotgovRow
from shared.kernel.errors import Invalid
from tests.support.real_data import needs_real_data
from tests.unit.registry import real_data

DOMAINS = "Domain name,Domain type,Agency,Organization name,City,State,Security contact email"


def read(path: Path, *lines: str, end: str = "\r\n") -> list[DotgovRow]:
    file = path / "dotgov.csv"
    file.write_bytes(("\ufeff" + end.join(lines) + end).encode())
    return list(dotgov.read(file))


@pytest.mark.parametrize("written", ["(blank)", "", "  ", "Peace Corps", "The Peace Corps", "U.S. PEACE CORPS"], ids=repr)
def test_no_bureau_where_the_agency_itself_is_meant(tmp_path: Path, written: str) -> None:
    (row,) = read(tmp_path, DOMAINS, f"PEACECORPS.gov,Federal - Executive,Peace Corps,{written},Washington,DC,")

    assert row == DotgovRow(number=1, agency="Peace Corps", bureau=None, domain="peacecorps.gov")


def test_odd_spaces_become_plain_ones(tmp_path: Path) -> None:
    (row,) = read(
        tmp_path, DOMAINS, "x.gov,Federal,Administrative Office\u202fof the U.S. Courts,\u00a0US Court\u00a0 of Appeals ,W,DC,"
    )

    assert (row.agency, row.bureau) == ("Administrative Office of the U.S. Courts", "US Court of Appeals")


def test_the_file_of_agencies_and_bureaus_has_no_domains_and_an_empty_last_line(tmp_path: Path) -> None:
    rows = read(tmp_path, "Agency,Bureau", "Access Board,", "Department of Energy,Office of Science", "")

    assert rows == [
        DotgovRow(number=1, agency="Access Board", bureau=None, domain=None),
        DotgovRow(number=2, agency="Department of Energy", bureau="Office of Science", domain=None),
    ]


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    (row,) = read(tmp_path, "Stray, Bureau ,Agency", "x,Forest Service,USDA", end="\n")

    assert (row.agency, row.bureau) == ("USDA", "Forest Service")


def test_a_row_without_an_agency_is_refused(tmp_path: Path) -> None:
    rows = read(tmp_path, DOMAINS, "a.gov,Federal,,Bureau,W,DC,", "b.gov,Federal,Peace Corps,,W,DC,")

    assert [row.refusal for row in rows] == ["The row names no agency.", None]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"Domain,Owner\na,b\n", "lacks 'Agency'"),
        (b"Agency,Owner\na,b\n", "lacks 'Organization name' or 'Bureau'"),
        (b"Agency,Bureau\na\n", "cut off"),
        (b'Agency,Bureau\na,"b', "cannot be read"),
        (b"Agency,Bureau\na,\xff\n", "UTF-8"),
        (b"Agency,Bureau\na,b\x00\n", "NUL"),
    ],
    ids=["empty", "no-agency", "no-bureau", "short-row", "quote", "encoding", "nul"],
)
def test_a_file_that_is_neither_is_refused_with_the_reason(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "dotgov.csv"
    file.write_bytes(content)

    with pytest.raises(Invalid, match=said):
        list(dotgov.read(file))


@needs_real_data
def test_every_real_domain_is_read() -> None:
    rows = list(dotgov.read(real_data.FEDERAL_DOMAINS))

    assert [row.number for row in rows] == list(range(1, 1374))
    assert len({row.agency for row in rows}) == 149
    assert all(row.domain and not row.refusal for row in rows)
    assert not any("blank" in (row.bureau or "") or "\u202f" in row.agency for row in rows)


@needs_real_data
def test_every_real_agency_and_bureau_is_read() -> None:
    rows = list(dotgov.read(real_data.AGENCIES_AND_SUBS))

    assert len(rows) == 341
    assert len({row.agency for row in rows}) == 153
    assert sum(row.bureau is not None for row in rows) <= 205
