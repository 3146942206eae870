"""A register kept by hand: what is forgiven, and what is not."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.importers.broken_json import _Scanner, objects_of
from services.registry.importers.sapoc_register import read
from shared.kernel.errors import Invalid
from tests.support.real_data import REAL_DATA, needs_real_data

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def a_file(folder: Path, text: str) -> Path:
    path = folder / "register.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_trailing_commas_are_forgiven_and_told_of_the_row(tmp_path: Path) -> None:
    text = '{"title": "x, ]", "agencies": [ {"agency": "A, }", "sapoc": "N",}, {"agency": "B", "sapoc": "M"}, ], "more": [1,2]}'

    first, second = read(a_file(tmp_path, text))

    assert (first.agency, first.holder, first.repairs) == ("A, }", "N", ("a trailing comma",))
    assert (second.agency, second.repairs) == ("B", ("a trailing comma",))


@pytest.mark.parametrize(
    ("row", "holder", "title", "repairs"),
    [
        (
            '{"agency": "A", "sapoc": "Ann Lee 3", "title": "CFO"}',
            "Ann Lee",
            "CFO",
            ("stray digits in the name",),
        ),
        ('{"agency": "A", "sapoc": "Ann Lee", "title": " "}', "Ann Lee", None, ("the title is ''",)),
        ('{"agency": "A", "sapoc": "TBD", "title": "TBD"}', None, None, ()),
        ('{"agency": "A", "sapoc": "Ann\\u00a0 Lee", "title": "CFO"}', "Ann Lee", "CFO", ("odd spaces in sapoc",)),
        ('{"agency": "A"}', None, None, ()),
    ],
)
def test_what_a_row_says(tmp_path: Path, row: str, holder: str | None, title: str | None, repairs: tuple[str, ...]) -> None:
    (found,) = read(a_file(tmp_path, f'{{"agencies": [{row}]}}'))

    assert (found.refusal, found.holder, found.title, found.repairs) == (None, holder, title, repairs)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ('{"agency": "", "sapoc": "X"}', "names no agency"),
        ('{"agency": 7, "sapoc": "X"}', "agency must be text"),
        ('{"agency" "A"}', "no JSON object"),
        ('{"agency": "' + "a" * 301 + '"}', "more than 300"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused_and_the_others_go_on(tmp_path: Path, row: str, says: str) -> None:
    bad, good = read(a_file(tmp_path, f'{{"agencies": [{row}, {{"agency": "B", "sapoc": "N"}}]}}'))

    assert says in (bad.refusal or "")
    assert (good.number, good.refusal, good.holder) == (2, None, "N")


def test_the_same_row_again_is_a_duplicate_and_another_holder_a_contradiction(tmp_path: Path) -> None:
    rows = ['{"agency": "Department of A", "sapoc": "N"}', '{"agency": "Department of  A", "sapoc": "N"}',
            '{"agency": "department of a", "sapoc": "M"}']  # fmt: skip

    first, same, other = read(a_file(tmp_path, f'{{"agencies": [{", ".join(rows)}]}}'))

    assert (first.duplicate_of, same.duplicate_of, other.duplicate_of) == (None, 1, None)
    assert "another holder" in (other.refusal or "")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("[]", "list 'agencies'"),
        ('{"agency": []}', "list 'agencies'"),
        ('{"agencies": [{"agency": "A"}', "cut off"),
        ('{"agencies": [{"agency": "A', "cut off"),
        ('{"agencies": []}}', "more brackets"),
        ('{"agencies": [{"agency": "' + "a" * 70_000 + '"}]}', "more than 65536"),
    ],
    ids=["empty", "no object", "no list", "cut", "cut in text", "too many brackets", "too long"],
)
def test_a_file_that_cannot_be_read_whole_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        list(read(a_file(tmp_path, text)))


@given(st.lists(st.dictionaries(TEXTS, VALUES, max_size=4), max_size=4), st.integers(1, 7), st.booleans())
def test_valid_json_comes_through_whole_however_it_is_cut_into_chunks(
    rows: list[dict[str, object]], size: int, trailing: bool
) -> None:
    text = orjson.dumps({"title": ["}"], "agencies": rows}).decode()
    if trailing and rows:
        text = text.removesuffix("]}") + ",]}"
    scanner = _Scanner("agencies")

    found = [item for start in range(0, len(text), size) for item in scanner.take(text[start : start + size])]
    found += scanner.end()

    assert [orjson.loads(item.text) for item in found] == rows
    assert [item.repairs for item in found if item.repairs] == ([["a trailing comma"]] if trailing and rows else [])


@needs_real_data
def test_the_real_register_has_25_rows_with_each_fault_told_of_its_row() -> None:
    path = REAL_DATA / "ussm" / "sapoc.json"
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(path.read_bytes())

    rows = list(read(path))

    assert len(rows) == 25
    assert sum(row.holder is None and row.duplicate_of is None for row in rows) == 11
    assert [row.number for row in rows if row.duplicate_of] == [5]
    assert {row.number: row.repairs for row in rows if row.repairs} == {
        1: ("stray digits in the name",),
        7: ("stray digits in the name", "the title is ''"),
        18: ("a trailing comma",),
        19: ("a trailing comma",),
    }
    assert len(list(objects_of(path, key="agencies"))) == 25
