"""FIBF and OSCAL files are read as they are, every row accounted for."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.catalog.domain.standard import Flow, ItemKind, Kind
from services.catalog.importers import fibf, oscal, standards
from shared.kernel.errors import Invalid
from tests.support.real_data import REAL_DATA, needs_real_data


def a_lifecycle(*capabilities: dict[str, str], **more: Any) -> dict[str, Any]:
    data = [{"Identifier": "FFM.010.010", "Activity": "Budget Setup", "Description": "Set up"}]
    return {
        "Business-Standards": "Financial Management Standards",
        "Business_Lifecycle": [{"type": "ffm-010", "data": data}],
        "Business_Capabilities": list(capabilities),
        **more,
    }


def a_capability(id_: str = "FFM.010.010.011", **more: str) -> dict[str, str]:
    return {
        "Capability ID": id_,
        "Function": "FFM.010 Budget Execution",
        "Activity Name": "FFM.010.010 Budget Setup",
        "Input/Output/Process": "I",
        "Business Capability Statement": "Provide attributes",
        **more,
    }


@pytest.mark.parametrize(
    "header",
    [
        "Input/Output/Process",
        "(I)nput, (P)rocess, (O)utput",
        "(I)input\n(P)process\n(O)output",
        "(I)input/(P)process/(O)output",
    ],
)
def test_every_spelling_of_the_flow_column_is_one(header: str) -> None:
    assert fibf.named({header: "I"}) == {"flow": "I"}


def test_headers_with_odd_blanks_and_other_words_are_known_and_the_rest_is_kept() -> None:
    row = {"Measure  ID ": "T.1", "Authoritative\nSource": "CSF", "Function Name": "F", "Unheard of": "x", "Empty": ""}

    assert fibf.named(row) == {"id": "T.1", "reference": "CSF", "function": "F", "unheard_of": "x"}


def test_numbers_of_a_row_are_kept_as_they_are_written() -> None:
    row = {"Measure Target": 0.999, "Max Length": 8, "Empty": None, "Flag": True}

    assert fibf.named(row) == {"target": "0.999", "max_length": "8"}


# What one family of files calls a column, others call by another name of the same line.
CALLED = {
    "Capability ID": ("Capability ID", "Measure ID", "Service Measure ID", "Identifier", "ID"),
    "Function": ("Function", "Function Name", "Service Function ID and Name"),
    "Activity Name": ("Activity Name", "Activity", "Service Activity", "Service Activity ID and Name"),
    "Input/Output/Process": ("Input/Output/Process", "(I)nput, (P)rocess, (O)utput", "(I)input\n(P)process\n(O)output"),
    "Business Capability Statement": ("Business Capability Statement", "Description", "Definition"),
    "Authoritative Reference": ("Authoritative Reference", "Authoritative Source", "Authoritative and Other Reference(s)"),
}


def disguised(header: str, chance: random.Random) -> str:
    """The same words in another case, with other blanks and line breaks between them, and marks around them."""
    words = chance.choice(CALLED.get(header, (header,))).split(" ")
    blanks = (" ", "  ", "\n", " \n ", "\r\n", "\u00a0", "_", "-", "\t")
    joined = "".join(word + chance.choice(blanks) for word in words)
    cased = chance.choice((str.upper, str.lower, str.title, str))(joined.strip("_-") if chance.random() < 0.5 else joined)
    return chance.choice(("", " ", "\ufeff")) + cased + chance.choice(("", " ", ":", "\n", "*"))


@pytest.mark.parametrize("seed", range(200))
def test_files_of_a_family_with_other_headers_say_the_same(seed: int) -> None:
    chance = random.Random(seed)
    rows = [
        a_capability(f"FFM.010.010.0{n}", **{"Input/Output/Process": "IPO"[n % 3], "Authoritative Reference": f"Title {n}"})
        for n in range(11, 17)
    ]
    headers = {header: disguised(header, chance) for header in rows[0]}
    columns = list(headers)
    chance.shuffle(columns)
    others = [{headers[name]: row[name] + chance.choice(("", " ", "\u00a0")) for name in columns} for row in rows]
    coming: object = chance.choice(("coming soon", ["coming soon"], [], {}, None))

    expected, found = fibf.read(a_lifecycle(*rows)), fibf.read(a_lifecycle(*others, Business_Use_Cases=coming))

    assert found == expected
    items = [each.item for each in found.sections["capabilities"] if each.item]
    assert [item.flow for item in items] == [[Flow.INPUT, Flow.PROCESS, Flow.OUTPUT][n % 3] for n in range(11, 17)]
    assert [item.reference for item in items] == [f"Title {n}" for n in range(11, 17)]


@pytest.mark.parametrize("word", ["P", "Process", " process"])
def test_a_flow_may_be_a_letter_or_a_word(word: str) -> None:
    row = a_capability(**{"Input/Output/Process": word})
    (found,) = fibf.read(a_lifecycle(row)).sections["capabilities"]

    assert found.item is not None
    assert (found.item.flow, found.item.parent_id) == (Flow.PROCESS, "FFM.010.010")


def test_a_function_takes_its_title_from_the_capabilities() -> None:
    (found,) = fibf.read(a_lifecycle(a_capability())).sections["functions"]

    assert found.item is not None
    assert (found.item.id, found.item.title) == ("FFM.010", "Budget Execution")


def test_a_function_without_activities_takes_its_id_from_the_type() -> None:
    document = a_lifecycle(a_capability())
    document["Business_Lifecycle"].append({"type": "ffm-050"})
    found = fibf.read(document).sections["functions"][1].item

    assert found is not None
    assert found.id == "FFM.050"


def test_an_id_that_comes_again_names_the_row_before() -> None:
    same, other = a_capability(), a_capability(**{"Business Capability Statement": "Another"})
    found = fibf.read(a_lifecycle(a_capability(), same, other)).sections["capabilities"]

    assert [each.earlier for each in found] == [None, 1, 1]
    assert found[1].item == found[0].item != found[2].item


@pytest.mark.parametrize(
    ("row", "says"),
    [({}, "empty"), ({"Capability ID": " ", "Function": "F"}, "id"), ("text", "no object"), (None, "no object")],
)
def test_a_row_that_is_no_item_says_why(row: Any, says: str) -> None:
    found = fibf.read(a_lifecycle(a_capability(), row)).sections["capabilities"][1]

    assert found.item is None
    assert says in found.fault


@pytest.mark.parametrize("coming", ["coming soon", ["Service measures coming soon"], None])
def test_what_is_coming_soon_is_nothing(coming: Any) -> None:
    file = fibf.read(a_lifecycle(a_capability(), Business_Use_Cases=coming, Service_Measures=coming))

    assert set(file.sections) == {"functions", "activities", "capabilities"}


@pytest.mark.parametrize("document", [{}, [], "text", 3, {"Business_Lifecycle": "soon"}, [{"a": "b"}], [1]])
def test_what_is_no_fibf_file_is_refused(document: Any) -> None:
    with pytest.raises(Invalid):
        fibf.read(document)


@pytest.mark.parametrize(
    "content", [b"{}", b"[]", b"3", b"{", b"<a/>", b"<a", b'{"catalog": {"metadata": {}}}', b'{"profile": []}']
)
def test_what_is_no_oscal_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid):
        oscal.read(content)


def test_an_entity_bomb_is_refused() -> None:
    bomb = b'<!DOCTYPE c [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><catalog><metadata><title>&b;</title></metadata></catalog>'

    with pytest.raises(Invalid):
        oscal.read(bomb)


def test_parameters_of_a_control_are_filled_with_their_labels() -> None:
    statement = {
        "name": "statement",
        "parts": [
            {"name": "item", "props": [{"name": "label", "value": "a."}], "prose": "Lock for {{ insert: param, p1 }}; and"},
            {"name": "item", "props": [{"name": "label", "value": "b."}], "prose": "{{ insert: param, p2 }}."},
        ],
    }
    parameters = [{"id": "p1", "label": "time"}, {"id": "p2", "select": {"choice": ["wait {{ insert: param, p1 }}", "stop"]}}]
    control = {"id": "ac-7", "title": "Logon", "params": parameters, "parts": [statement]}
    group = {"id": "ac", "title": "Access", "controls": [control]}
    file = oscal.read(orjson.dumps({"catalog": {"metadata": {"title": "T", "version": "1"}, "groups": [group]}}))
    (found,) = file.sections["controls"]

    assert found.item is not None
    assert found.item.statement == "a. Lock for [time]; and\nb. [wait [time] or stop]."
    assert found.item.parent_id == "ac"


# Section → rows, as `data/README.md` counts them.
LIFECYCLES = {
    "fm": (11, 51, 89),
    "grants": (6, 16, 750),
    "soc": (10, 29, 305),
    "cvd": (1, 1, 54),
    "acq": (5, 23, 109),
    "erm": (4, 16, 51),
    "its": (14, 63, 0),
    "trt": (1, 10, 408),
    "mom": (4, 10, 132),
    "eeo": (12, 43, 348),
    "hr_acquisition": (6, 17, 165),
    "hr_benefits": (4, 19, 236),
    "hr_epm": (3, 12, 188),
    "hr_hca": (5, 20, 219),
    "hr_td": (3, 15, 223),
}
LISTS = {
    "data-elements/fm-standard-data-elements": 738,
    "service-measures/travel-service-measures": 94,
    "service-measures/hcm-a4-service-measures": 36,
    "service-measures/hcm-a6-service-measures": 21,
    "service-measures/hcm-a9-service-measures": 91,
}


def rows_of(file: str) -> Counter[str]:
    return Counter(row.section for row in standards.read_fibf(REAL_DATA / "fibf" / f"{file}.json"))


@needs_real_data
@pytest.mark.parametrize(("file", "counts"), LIFECYCLES.items(), ids=list(LIFECYCLES))
def test_real_life_cycles_have_as_many_rows_as_they_say(file: str, counts: tuple[int, int, int]) -> None:
    found = rows_of(file)

    assert (found["functions"], found["activities"], found["capabilities"]) == counts


@needs_real_data
@pytest.mark.parametrize(("file", "count"), LISTS.items(), ids=list(LISTS))
def test_real_lists_have_as_many_rows_as_they_say(file: str, count: int) -> None:
    found = rows_of(file)

    assert found["data_elements"] + found["measures"] == count


@needs_real_data
def test_every_real_row_but_two_empty_ones_is_an_item() -> None:
    files = sorted((REAL_DATA / "fibf").rglob("*.json"))
    faults = [(path.stem, row.data["fault"]) for path in files for row in standards.read_fibf(path) if row.data.get("fault")]

    assert len(files) == len(LIFECYCLES) + len(LISTS)
    assert faults == [("cvd", "The row is empty in every column.")] * 2


@needs_real_data
def test_real_duplicates_are_the_same_word_for_word_but_one() -> None:
    found = Counter(
        (path.stem, row.data["same"])
        for path in (REAL_DATA / "fibf").rglob("*.json")
        for row in standards.read_fibf(path)
        if row.data.get("earlier") is not None
    )

    assert found == {("eeo", True): 19, ("hr_benefits", False): 1}


@needs_real_data
def test_real_capabilities_have_a_statement_and_activities_a_title() -> None:
    items = [
        found.item
        for path in (REAL_DATA / "fibf").rglob("*.json")
        for section in fibf.read(orjson.loads(path.read_bytes())).sections.values()
        for found in section
        if found.item
    ]

    assert all(item.statement for item in items if item.kind is ItemKind.CAPABILITY)
    assert all(item.title for item in items if item.kind in {ItemKind.ACTIVITY, ItemKind.FUNCTION})


@needs_real_data
@pytest.mark.parametrize(
    ("file", "kind", "counts"),
    [
        ("csf-v2.0-catalog.xml", Kind.CONTROL_CATALOG, {"groups": 6, "controls": 219}),
        ("sp800-53-rev5-low-resolved-catalog.min.json", Kind.CONTROL_CATALOG, {"groups": 18, "controls": 149}),
        ("sp800-53-rev5-low-profile.json", Kind.CONTROL_BASELINE, {"references": 149}),
        ("sp800-53-rev5-moderate-profile.json", Kind.CONTROL_BASELINE, {"references": 287}),
        ("sp800-53-rev5-high-profile.json", Kind.CONTROL_BASELINE, {"references": 370}),
    ],
)
def test_real_controls_have_as_many_rows_as_they_say(file: str, kind: Kind, counts: dict[str, int]) -> None:
    found = oscal.read((REAL_DATA / "nist" / file).read_bytes())

    assert found.header.kind is kind
    assert {name: len(section) for name, section in found.sections.items()} == counts
    assert all("{{" not in each.item.statement for section in found.sections.values() for each in section if each.item)


def test_a_file_too_large_to_be_read_whole_is_refused(tmp_path: Path) -> None:
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.write(b"[")
        file.truncate((64 << 20) + 1)

    with pytest.raises(Invalid, match="at most"):
        list(standards.read_fibf(large))
