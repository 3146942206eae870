"""Names as outsiders write them: equal forms, no wrong match, useful guesses."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.domain.names import NameIndex, candidates, normalize
from tests.support.real_data import needs_real_data
from tests.unit.registry import real_data

WORDS = [
    "the",
    "U.S.",
    "u",
    "s",
    "a",
    "United",
    "States",
    "Department",
    "of",
    "Dept.",
    ",",
    "(OPM)",
    "&",
    "-",
    "Añez",
    "\u00a0",
    "D.C.",
]
PSEUDO_AGENCIES = {"", "JAB Authorization", "Legacy JAB Authorization", "Other Executive Branch Agency", "Other Federal Entity"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("U.S. Department of Agriculture", "Department of Agriculture"),
        ("Agriculture, Department of", "Department of Agriculture"),
        ("Treasury, Department of the", "Department of the Treasury"),
        ("Veterans Affairs, U.S. Dept. of (VA)", "Department of Veterans Affairs"),
        ("Administrative Office\u202fof the U.S. Courts", "Administrative Office of the United States Courts"),
        ("Office\u00a0of Personnel  Management (OPM)", "OFFICE OF PERSONNEL MANAGEMENT"),
        ("Corporation for National & Community Service", "Corporation for National and Community Service"),
        (
            "Commission for the Preservation of America’s Heritage Abroad",
            "commission for preservation of Americas heritage abroad",
        ),
        ("Japan-US Friendship Commission", "Japan–United States Friendship Commission"),
        ("Harry S. Truman Foundation", "Harry S Truman Foundation"),
        ("D.C. Courts", "DC Courts"),
        ("Zero\u200bWidth Office", "ZeroWidth Office"),
    ],
    ids=str,
)
def test_spellings_of_one_name_have_one_form(written: str, meant: str) -> None:
    assert normalize(written) == normalize(meant)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Office of the Assistant Secretary (Management)", "Office of the Assistant Secretary (Tax Policy)"),
        ("DHS - Office of Inspector General", "Office of Inspector General"),
        ("Department of Defense", "Department of Education"),
        ("Forest Service", "Foreign Service"),
        ("Federal Executive Board-Boston, MA", "Federal Executive Board-Dallas, TX"),
    ],
    ids=str,
)
def test_what_tells_organizations_apart_stays_in_the_form(one: str, other: str) -> None:
    assert normalize(one) != normalize(other)


@pytest.mark.parametrize("name", ["The", "U.S.", "(OPM)", "United States"], ids=str)
def test_a_name_of_dropped_words_only_still_has_a_form(name: str) -> None:
    assert normalize(name) or name == "(OPM)"


@given(st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join) | st.text(max_size=60))
def test_the_normal_form_is_its_own_normal_form(name: str) -> None:
    form = normalize(name)

    assert normalize(form) == form


def test_a_name_that_two_organizations_have_matches_neither_alone() -> None:
    index = NameIndex([("a", "Office of the Inspector General"), ("b", "Office of Inspector General"), ("c", "Peace Corps")])

    assert index.exact("office of the inspector general") == ("a", "b")
    assert index.exact("Office of Inspector General", among={"b"}) == ("b",)
    assert index.exact("The Peace Corps") == ("c",)
    assert index.exact("Peace Corp") == ()


def test_candidates_are_ordered_scored_and_limited() -> None:
    known = [
        ("fs", "Forest Service"),
        ("fas", "Foreign Agricultural Service"),
        ("ars", "Agricultural Research Service"),
        ("pc", "Peace Corps"),
    ]

    found = candidates("USDA - U.S. Forest Service", known, limit=2)

    assert [candidate.organization_id for candidate in found] == ["fs", "ars"]
    assert found[0].score == 1.0
    assert 0 < found[1].score < 1


def test_an_organization_is_one_candidate_under_its_best_name() -> None:
    index = NameIndex(
        [("csb", "United States Chemical Safety Board"), ("csb", "Chemical Safety and Hazard Investigation Board")]
    )

    found = index.candidates("Chemical Safety & Hazzard Investigation Board")

    assert [(candidate.organization_id, candidate.name) for candidate in found] == [
        ("csb", "Chemical Safety and Hazard Investigation Board")
    ]


def test_the_order_of_what_is_known_does_not_matter() -> None:
    known = [("a", "Office of Budget"), ("b", "Office of Finance"), ("c", "Office of Budgets")]

    assert NameIndex(known).candidates("Office of Budgeting") == NameIndex(reversed(known)).candidates("Office of Budgeting")


def test_initials_and_abbreviations_are_guesses_and_never_match() -> None:
    known = [("x", "National Institute of Standards and Technology"), ("y", "National Railroad Passenger Corporation")]
    index = NameIndex(known, abbreviations=[("y", "AMTRAK"), ("unknown", "ZZ")])

    assert [(found.organization_id, found.score) for found in index.candidates("NIST")] == [("x", 0.6)]
    assert [(found.organization_id, found.score) for found in index.candidates("Amtrak")] == [("y", 0.8)]
    assert index.exact("NIST") == index.exact("AMTRAK") == index.exact("ZZ") == ()


@pytest.mark.parametrize("name", ["", "   ", "!!!", "(OPM)", "\x00", "x" * 10_000], ids=lambda name: repr(name[:5]))
def test_odd_names_match_nothing(name: str) -> None:
    index = NameIndex([("y", "Peace Corps"), ("z", "---")])

    assert index.candidates(name) == ()
    assert "y" not in index.exact(name)


def test_the_shape_of_a_name_that_is_only_punctuation_is_not_a_match() -> None:
    assert NameIndex([("z", "---")]).exact("!!!") == ()


@needs_real_data
@pytest.mark.parametrize(
    ("source", "total", "at_least"), [("fedramp", 90, 83), ("dotgov", 149, 125)], ids=["fedramp", "dotgov"]
)
def test_real_agencies_match_automatically_and_never_wrongly(source: str, total: int, at_least: int) -> None:
    index, truth = real_data.index(with_starter=True), real_data.truth(source)

    automatic = {name: found[0] for name in truth if len(found := index.exact(name)) == 1}

    assert len(truth) == total
    assert {name: key for name, key in automatic.items() if truth[name] != key} == {}
    assert len(automatic) >= at_least


@needs_real_data
def test_eighty_of_the_87_parents_of_the_latest_fedramp_file_match() -> None:
    agencies = json.loads(real_data.FEDRAMP[2].read_bytes())["data"]["Agencies"]
    parents = {agency["parent"] for agency in agencies} - PSEUDO_AGENCIES
    index, truth = real_data.index(with_starter=True), real_data.truth("fedramp")

    automatic = [name for name in parents if len(index.exact(name)) == 1]

    assert len(parents) == 87
    assert parents <= truth.keys()
    assert len(automatic) >= 80


@needs_real_data
def test_pseudo_agencies_match_nothing() -> None:
    index = real_data.index(with_starter=True)

    assert [name for name in PSEUDO_AGENCIES if index.exact(name)] == []


@needs_real_data
def test_what_waits_has_its_organization_among_the_first_three_candidates() -> None:
    """Without the starter's aliases, on names that no normal form settles."""
    index, waiting = real_data.index(with_starter=False), real_data.truth("candidates")

    found = 0
    for item in waiting:
        among = real_data.below(index.exact(item["parent"])[0]) if item["parent"] else None
        assert item["code"] in real_data.organizations()
        assert index.exact(item["name"], among=among) == ()
        found += item["code"] in [c.organization_id for c in index.candidates(item["name"], among=among, limit=3)]

    assert found / len(waiting) >= 0.9


@needs_real_data
def test_misspelt_names_find_their_organization_first() -> None:
    """One letter doubled in the longest word of every name with at least two words that one organization has."""
    index = real_data.index(with_starter=False)
    names = [row for row in organizations_by_unique_name(index) if len(row[1].split()) > 1]

    right = sum(index.candidates(misspelt(name), limit=3)[0].organization_id == key for key, name in names[::7])

    assert right / len(names[::7]) >= 0.95


@needs_real_data
def test_ranking_all_real_names_takes_less_than_20_ms() -> None:
    index = real_data.index(with_starter=True)
    slowest = 0.0
    for item in real_data.truth("candidates"):
        times = []
        for _ in range(3):
            begun = time.perf_counter()
            index.candidates(item["name"])
            times.append(time.perf_counter() - begun)
        slowest = max(slowest, min(times))

    assert slowest < 0.020


def organizations_by_unique_name(index: NameIndex) -> list[tuple[str, str]]:
    rows = real_data.organizations().values()
    return [(row.key, row.name) for row in rows if index.exact(row.name) == (row.key,)]


def misspelt(name: str) -> str:
    longest = max(name.split(), key=len)
    return name.replace(longest, longest[:2] + longest[1:], 1)
