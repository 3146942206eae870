"""The index says exactly what a look at every document says; filters are read or refused at their place."""

from __future__ import annotations

import fcntl
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.catalog.domain.content import Authorization, Content, Coverage, CoverageLevel, Hosting, Kind, Shelf
from services.catalog.domain.offering import Offering, Status
from services.catalog.domain.provider import Kind as ProviderKind
from services.catalog.domain.provider import Provider
from services.catalog.search import Filter, OfferingIndex, Sight, Sort, Wanted, folder, parse_filter
from services.catalog.search.clauses import whole
from services.catalog.search.fields import FACETS, FILTERS, IMPACT_LEVELS, document
from services.catalog.search.place import SHOWN_MAX
from shared.filtering import All, Any_, Comparison, Not
from shared.kernel.errors import Malformed

ALL = Sight(everything=True)
STATUSES = (Status.PUBLISHED, Status.DRAFT, Status.SUSPENDED)


def an_offering(id_: str = "o1", **more: Any) -> Offering:
    status = more.pop("status", Status.PUBLISHED)
    content = Content(**{"name": "Vulnerability disclosure platform", "kind": Kind.SERVICE, **more})
    return Offering(
        id=id_, version=1, code=f"code-{id_}", status=status, content=content, revision=1 if status is not Status.DRAFT else 0
    )


def documents(*offerings: Offering, providers: Mapping[str, Provider] | None = None) -> list[dict[str, Any]]:
    known = providers or {}
    return [document(o, known.get(o.content.provider_id or ""), vehicle_kinds={}, titles={}) for o in offerings]


@pytest.fixture
def index() -> Iterator[OfferingIndex]:
    made = OfferingIndex()
    yield made
    made.close()


def found(index: OfferingIndex, text: str = "", sight: Sight = ALL, **more: Any) -> list[str]:
    return list(index.search(Wanted(text=text, **more), sight).ids)


# --- words ---


@pytest.mark.parametrize(
    "text",
    [
        "vulnerabilities disclosed",  # stems
        "VDP",  # an acronym
        "vulnerabilty disclosure",  # a letter missing
        "platfrom",  # two letters changed places
        "vuln",  # the beginning of a word
        "disclosure code-o1",  # name and code
    ],
)
def test_a_question_finds_what_it_means(index: OfferingIndex, text: str) -> None:
    index.put(documents(an_offering(), an_offering("o2", name="General ledger")))

    assert found(index, text) == ["o1"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("GL", "General ledger"),
        ("general ledger", "GL system"),
        ("human services", "Human resources"),
        ("SOC", "Security operations center"),
    ],
)
def test_acronyms_and_synonyms_work_both_ways(index: OfferingIndex, text: str, name: str) -> None:
    index.put(documents(an_offering("o1", name=name), an_offering("o2", name="Something else")))

    assert found(index, text) == ["o1"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("grants", {"grant", "management", "grantmaking"}),  # "grants management" is where "grants" is, so it is not looked for
        ("grants management", {"grant", "management", "grantmaking"}),
        ("grantmaking", {"grant", "management", "grantmaking"}),
        ("contract writing", {"writing", "procurement"}),
        ("contract writing system", {"writing", "procurement"}),
        ("procurement", {"writing", "procurement"}),
    ],
)
def test_what_is_ranked_is_what_is_counted_also_where_a_synonym_holds_another(
    index: OfferingIndex, text: str, expected: set[str]
) -> None:
    names = {"grant": "Grants", "management": "Grants management", "grantmaking": "Grantmaking", "writing": "Contract writing"}
    names |= {"procurement": "Procurement", "neither": "Management of contracts"}
    index.put(documents(*(an_offering(id_, name=name) for id_, name in names.items())))

    by_relevance, by_name = (index.search(Wanted(text=text, sort=sort, facets=("kind",)), ALL) for sort in Sort)

    assert set(by_relevance.ids) == set(by_name.ids) == expected
    assert by_relevance.count == by_relevance.facets["kind"]["service"] == len(expected)


def test_words_at_the_end_of_one_part_and_the_beginning_of_the_next_are_no_phrase(index: OfferingIndex) -> None:
    index.put(documents(an_offering("apart", name="General", summary="ledger"), an_offering("whole", name="General ledger")))

    assert found(index, "GL") == ["whole"]


def test_a_name_counts_more_than_a_mention(index: OfferingIndex) -> None:
    index.put(
        documents(
            an_offering("mention", name="Suite", description="Has a ledger and payroll, travel, grants, invoices and more"),
            an_offering("name", name="Ledger", description="Books"),
        )
    )

    assert found(index, "ledger") == ["name", "mention"]


def test_where_nothing_has_every_word_some_are_enough_and_it_says_so(index: OfferingIndex) -> None:
    index.put(documents(an_offering()))

    whole = index.search(Wanted(text="vulnerability platform"), ALL)
    loose = index.search(Wanted(text="vulnerability ledger"), ALL)
    nothing = index.search(Wanted(text="zzzzzz"), ALL)

    assert (whole.loosened, loose.loosened, nothing.loosened) == (False, True, False)
    assert (loose.ids, nothing.count) == (("o1",), 0)


@pytest.mark.parametrize("text", ["", "   ", "!?", '"', "a" * 300, "🙂", "name:secret AND *", "(" * 40])
def test_any_text_is_a_question(index: OfferingIndex, text: str) -> None:
    index.put(documents(an_offering()))

    index.search(Wanted(text=text), ALL)
    index.suggest(text, ALL, limit=5)
    index.marker(text)("Vulnerability")


def test_highlights_are_characters_of_the_text(index: OfferingIndex) -> None:
    text = "Éditions: Vulnerability Disclosure"

    assert [text[start:end] for start, end in index.marker("vdp")(text)] == ["Vulnerability", "Disclosure"]
    assert [text[start:end] for start, end in index.marker("editions")(text)] == ["Éditions"]
    assert index.marker("vdp")("Disclosure of vulnerability") == []  # not the words that stand for it, in their order


def test_suggestions_begin_with_what_was_typed(index: OfferingIndex) -> None:
    index.put(documents(an_offering(), an_offering("o2", name="Disclosure desk"), an_offering("o3", name="Ledger")))

    assert set(index.suggest("discl", ALL, limit=5)) == {"o1", "o2"}
    assert index.suggest("vuln plat", ALL, limit=5) == ("o1",)


def test_what_is_put_again_is_replaced_and_what_is_gone_is_gone(index: OfferingIndex) -> None:
    index.put(documents(an_offering()))
    index.put(documents(an_offering(name="Ledger")))
    assert (found(index, "vulnerability"), found(index, "ledger"), index.size) == ([], ["o1"], 1)

    index.put([], gone=["o1"])
    assert (found(index), index.size) == ([], 0)


def a_name(chance: random.Random) -> str:
    return " ".join(chance.choices(("Ledger", "payroll", "travel", "grants", "Éditions", "ledgers"), k=3))


@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize("text", ["", "ledger travel", "ledgre", "ledger zebra"])  # as it is, near misses, some of the words
def test_pages_have_what_does_not_change_once_while_all_else_does_and_replicas_take_turns(text: str, sort: Sort) -> None:
    """Each replica has its own history of segments and deletions, hence its own scores."""
    chance = random.Random(f"{text} {sort}")
    stable = documents(*(an_offering(f"s{n}", name=f"{a_name(chance)} ledger travel") for n in range(40)))
    replicas = OfferingIndex(), OfferingIndex()
    try:
        replicas[0].put(stable)
        for each in chance.sample(stable, len(stable)):
            replicas[1].put([each])
        shown: list[str] = []
        cursor: str | None = None
        while cursor is not None or not shown:
            page = chance.choice(replicas).search(Wanted(text=text, sort=sort, limit=6, cursor=cursor), ALL)
            shown += page.ids
            cursor = page.next_cursor
            words = chance.choice(("ledger", "zebra ledger", "zebra", "ledgre", "travel"))
            changed = documents(*(an_offering(f"x{chance.randrange(30)}", name=f"{a_name(chance)} {words}") for _ in range(9)))
            for replica in replicas:
                replica.put({each["id"]: each for each in changed}.values(), gone=[f"x{chance.randrange(30)}"])
    finally:
        for replica in replicas:
            replica.close()

    assert sorted(id_ for id_ in shown if id_.startswith("s")) == sorted(each["id"] for each in stable)
    assert sort is Sort.NAME or not text or len(set(shown)) == len(shown)


def test_pages_by_relevance_end_with_a_reason_and_those_by_name_go_on(index: OfferingIndex) -> None:
    more = SHOWN_MAX + 150
    index.put(documents(*(an_offering(f"o{n:04}", name="Ledger") for n in range(more))))

    wanted = Wanted(text="ledger", limit=90)

    assert list(walked(index, replace(wanted, sort=Sort.NAME), ALL)) == [f"o{n:04}" for n in range(more)]
    best: list[str] = []
    with pytest.raises(Malformed, match="sort=name"):
        for id_ in walked(index, wanted, ALL):
            best.append(id_)  # noqa: PERF402 - those before the refusal count
    assert len(best) == len(set(best)) == SHOWN_MAX


def test_names_are_sorted_as_texts_and_by_id_where_they_are_the_same(index: OfferingIndex) -> None:
    names = ["", "a", "a", "a b", "ab", "B", "b", "Zebra", "é", "日本", "🙂", "x" * 300]
    made = [an_offering(f"o{n}", name=name) for n, name in enumerate(names)]
    index.put(documents(*reversed(made)))

    assert found(index, sort=Sort.NAME) == [o.id for o in sorted(made, key=lambda o: (o.content.name.casefold(), o.id))]


@pytest.mark.parametrize("other", [{"text": "ledger"}, {"filter": Comparison("free", "=", value=True)}, {"sort": Sort.NAME}])
def test_a_cursor_of_another_question_is_refused(index: OfferingIndex, other: dict[str, Any]) -> None:
    index.put(documents(an_offering(), an_offering("o2")))
    cursor = index.search(Wanted(text="disclosure", limit=1), ALL).next_cursor

    assert found(index, "disclosure", cursor=cursor)
    with pytest.raises(Malformed, match="cursor"):
        index.search(Wanted(**{"text": "disclosure", **other}, cursor=cursor), ALL)


# --- sight ---


def test_drafts_are_found_by_those_who_may_see_them_only(index: OfferingIndex) -> None:
    draft = an_offering("draft", status=Status.DRAFT, focus_areas=("cybersecurity",), provider_id="p")
    index.put(documents(an_offering("open"), draft))

    assert set(found(index, sight=Sight())) == {"open"}
    for sight in (ALL, Sight(areas=("cybersecurity",)), Sight(providers=("p",))):
        assert set(found(index, sight=sight)) == {"open", "draft"}
    for sight in (Sight(areas=("acquisition",)), Sight(providers=("q",))):
        assert set(found(index, sight=sight)) == {"open"}


def test_federal_only_values_are_in_no_document() -> None:
    secret = "costplusfour"
    (made,) = documents(an_offering(cost_method=secret, satisfaction=secret))

    assert secret not in repr(made)


# --- filters against a look at every document ---

AREAS = ("cybersecurity", "acquisition", "grants-management")
offerings = st.lists(
    st.builds(
        lambda **given: given,
        kind=st.sampled_from(Kind),
        focus_areas=st.lists(st.sampled_from(AREAS), max_size=2, unique=True).map(tuple),
        shelf=st.sampled_from((None, *Shelf)),
        hosting=st.sampled_from((None, *Hosting)),
        is_free=st.booleans(),
        onboarding_days=st.sampled_from((None, 1, 30, 365)),
        fibf_coverage=st.lists(
            st.builds(
                Coverage,
                fibf_id=st.sampled_from(("FFM.010.010", "FFM.010.020.011", "CYB.060.030")),
                coverage=st.sampled_from(CoverageLevel),
            ),
            max_size=2,
            unique_by=lambda c: c.fibf_id,
        ).map(tuple),
        authorization=st.sampled_from(
            (
                None,
                Authorization(
                    status="authorized", impact_level="moderate", service_models=("saas", "paas"), expires_on=date(2027, 1, 31)
                ),
                Authorization(status="ready", impact_level="low", service_models=("iaas",)),
                Authorization(status="authorized", impact_level="high", expires_on=date(2026, 6, 30)),
            )
        ),
        status=st.sampled_from((Status.PUBLISHED, Status.DRAFT, Status.RETIRED)),
        provider_id=st.sampled_from((None, "p", "q")),
    ),
    max_size=15,
)
PROVIDERS = {
    "p": Provider(id="p", version=1, key="p", name="P", kind=ProviderKind.FEDERAL),
    "q": Provider(id="q", version=1, key="q", name="Q", kind=ProviderKind.COMMERCIAL, small_business=True),
}
comparisons = st.one_of(
    st.builds(Comparison, st.just("area"), st.just("="), st.sampled_from((*AREAS, "nowhere"))),
    st.builds(Comparison, st.just("kind"), st.just("="), st.sampled_from([kind.value for kind in Kind])),
    st.builds(Comparison, st.just("shelf"), st.just("="), st.sampled_from([shelf.value for shelf in Shelf])),
    st.builds(Comparison, st.just("covers"), st.just("="), st.sampled_from(("FFM", "FFM.010", "FFM.010.020", "CYB.060.030"))),
    st.builds(Comparison, st.just("provider_kind"), st.just("="), st.sampled_from(("federal", "commercial"))),
    st.builds(Comparison, st.just("service_model"), st.just("="), st.sampled_from(("saas", "iaas"))),
    st.builds(Comparison, st.just("free"), st.just("="), st.booleans()),
    st.builds(Comparison, st.just("small_business"), st.just("="), st.booleans()),
    st.builds(Comparison, st.just("impact"), st.sampled_from(("=", "<", "<=", ">", ">=")), st.integers(0, 3)),
    st.builds(
        Comparison,
        st.just("onboarding_days"),
        st.sampled_from(("=", "<", "<=", ">", ">=")),
        st.sampled_from((0, 1, 30, 31, 365)),
    ),
    st.builds(
        Comparison, st.just("authorized_until"), st.sampled_from(("=", "<", ">=")), st.sampled_from((20_000, 20_634, 20_849))
    ),
)
filters: st.SearchStrategy[Filter] = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(All, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Any_, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)
sights = st.sampled_from(
    (ALL, Sight(), Sight(areas=("cybersecurity",)), Sight(providers=("p",)), Sight(areas=("acquisition",), providers=("q",)))
)
OPERATORS: Mapping[str, Any] = {
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def holds(wanted: Filter, made: Mapping[str, Any]) -> bool:
    match wanted:
        case Comparison(field, operator, value):
            values = [IMPACT_LEVELS.index(level) for level in made["impact_word"]] if field == "impact" else made.get(field, [])
            said = values if isinstance(values, list) else [values]
            return any(OPERATORS[operator](each, value) for each in said)
        case Not(inner):
            return not holds(inner, made)
        case All(inner):
            return all(holds(each, made) for each in inner)
        case Any_(inner):
            return any(holds(each, made) for each in inner)


def seen(made: Mapping[str, Any], sight: Sight) -> bool:
    own = made.get("own_provider") in sight.providers or bool(set(made["area"]) & set(sight.areas))
    return sight.everything or made["public"] or own


def walked(index: OfferingIndex, wanted: Wanted, sight: Sight) -> Iterator[str]:
    """The ids of all pages."""
    page = index.search(wanted, sight)
    yield from page.ids
    while page.next_cursor is not None:
        page = index.search(replace(wanted, cursor=page.next_cursor), sight)
        yield from page.ids


def test_a_settled_index_has_its_parts_merged_and_goes_on(index: OfferingIndex) -> None:
    for number in range(8):  # so many are merged, behind the back of whoever reads
        index.put(documents(an_offering(f"o{number}", name=f"Payroll {number}")))
    index.settle()

    assert index.parts == 1
    assert index.search(Wanted(text="payroll"), ALL).count == 8
    index.put(documents(an_offering("o8", name="Payroll 8")))
    assert index.search(Wanted(text="payroll"), ALL).count == 9


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(offerings, offerings, filters, sights)
def test_hits_counts_and_pages_are_those_of_a_look_at_every_document(
    first: list[dict[str, Any]], second: list[dict[str, Any]], wanted: Filter, sight: Sight
) -> None:
    """Also after some documents changed."""
    index = OfferingIndex()
    try:
        now: dict[str, dict[str, Any]] = {}
        for batch in (first, second):
            made = documents(
                *(an_offering(f"o{n}", name=f"Name {n}", **dict(g)) for n, g in enumerate(batch)), providers=PROVIDERS
            )
            index.put(made)
            now |= {each["id"]: each for each in made}
        expected = [each for each in now.values() if seen(each, sight) and holds(wanted, each)]
        whole = index.search(Wanted(filter=wanted, facets=FACETS, limit=100), sight)
        pages = list(walked(index, Wanted(filter=wanted, limit=4), sight))

        assert set(whole.ids) == {each["id"] for each in expected}
        assert whole.count == len(expected)
        assert pages == list(whole.ids)
        for name in FACETS:
            of = "impact_word" if name == "impact" else name
            counted = Counter(value for each in expected for value in each[of])
            assert {value: n for value, n in whole.facets[name].items() if n} == counted, name
    finally:
        index.close()


def test_offerings_that_are_asked_for_together_lie_together(index: OfferingIndex) -> None:
    """Whatever order they come in: an area is read without the others, in it the high ones without the low ones."""
    chance = random.Random(1)
    kinds = [(area, level, status) for area in ("a", "b", "c") for level in ("low", "high") for status in STATUSES] * 5
    chance.shuffle(kinds)
    made = [
        an_offering(
            f"o{n}", focus_areas=(area,), status=status, authorization=Authorization(status="authorized", impact_level=level)
        )
        for n, (area, level, status) in enumerate(kinds)
    ]
    index.put(documents(*made))

    for asked in ("area = a", "area = b and impact = high", "area = c and impact = low and status = suspended"):
        places = lying(index, parse_filter(asked))
        assert places == list(range(places[0], places[0] + len(places))), asked


def lying(index: OfferingIndex, wanted: Filter) -> list[int]:
    """Where in the index what everybody may see of it is."""
    query = whole([*index._clauses.filtered(wanted), *index._clauses.seen(Sight())])
    return sorted(address.doc for _, address in index._searcher.search(query, 1_000).hits)


def test_what_is_put_twice_before_it_is_shown_is_there_once_as_it_was_put_last(index: OfferingIndex) -> None:
    chance = random.Random(2)
    for round_ in range(4):
        ids = chance.sample(range(40), 40)
        made = [an_offering(f"o{n}", name=f"Round {round_}", focus_areas=(chance.choice("abc"),)) for n in ids]
        index.put(documents(*made), show=round_ == 3)

    assert index.search(Wanted(text=f"{round_}"), ALL).count == index.size == 40
    assert index.search(Wanted(filter=parse_filter("area in (a, b, c)")), ALL).count == 40


def test_a_facet_keeps_the_value_that_was_chosen_when_nothing_is_left_of_it(index: OfferingIndex) -> None:
    index.put(documents(an_offering(focus_areas=("cybersecurity",))))
    wanted = parse_filter("area = cybersecurity and shelf = mandated and impact = high")

    facets = index.search(Wanted(filter=wanted, facets=("area", "shelf", "impact")), ALL).facets

    assert facets == {"area": {"cybersecurity": 0}, "shelf": {"mandated": 0}, "impact": {"high": 0}}


# --- the grammar ---


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("shelf = mandated", Comparison("shelf", "=", "mandated")),
        ('AREA="cybersecurity"', Comparison("area", "=", "cybersecurity")),
        ("impact >= moderate", Comparison("impact", ">=", 2)),
        ("free = yes", Comparison("free", "=", value=True)),
        ("kind != tool", Not(Comparison("kind", "=", "tool"))),
        ("shelf in (mandated, optional)", Any_((Comparison("shelf", "=", "mandated"), Comparison("shelf", "=", "optional")))),
        (
            "free = no or free = yes and not revision > 3",
            Any_(
                (
                    Comparison("free", "=", value=False),
                    All((Comparison("free", "=", value=True), Not(Comparison("revision", ">", 3)))),
                )
            ),
        ),
        (
            "(free = no or free = yes) and revision <= 3",
            All(
                (
                    Any_((Comparison("free", "=", value=False), Comparison("free", "=", value=True))),
                    Comparison("revision", "<=", 3),
                )
            ),
        ),
        ("authorized_until < 1970-01-03", Comparison("authorized_until", "<", 2)),
    ],
)
def test_filters_are_read(text: str, wanted: Filter) -> None:
    assert parse_filter(text) == wanted


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", 1),
        ("shelf", 6),
        ("shelf = ", 8),
        ("shelf = mandated and", 21),
        ("(shelf = mandated", 18),
        ("colour = red", 1),
        ("free = yes or colour = red", 15),
        ("impact >= extreme", 11),
        ("shelf > mandated", 1),
        ("revision = many", 12),
        ("authorized_until < tomorrow", 20),
        ("free = yes; drop table offerings", 11),
        ("not", 4),
    ],
)
def test_what_is_no_filter_is_refused_at_its_place(text: str, place: int) -> None:
    with pytest.raises(Malformed) as refused:
        parse_filter(text)

    (error,) = refused.value.errors
    assert error.pointer == "query:filter"
    assert re.match(rf"At character {place}: ", error.detail), error.detail


@pytest.mark.parametrize("text", ["(" * 21 + "free = yes" + ")" * 21, " or ".join(["free = yes"] * 101), "x" * 2_001])
def test_filters_have_limits_with_numbers(text: str) -> None:
    with pytest.raises(Malformed, match="at most"):
        parse_filter(text)


PIECES = [
    *FILTERS,
    "=",
    "!=",
    ">",
    "<=",
    "in",
    "and",
    "or",
    "not",
    "(",
    ")",
    ",",
    '"',
    "yes",
    "moderate",
    "7",
    "2026-01-31",
    "é",
    "\t",
    "x",
]


@settings(max_examples=10_000, deadline=None)
@given(st.one_of(st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join), st.text(max_size=60)))
def test_any_text_is_a_filter_or_refused_with_a_place(text: str) -> None:
    try:
        parse_filter(text)
    except Malformed as refused:
        (error,) = refused.errors
        assert error.pointer == "query:filter"


def test_every_document_has_only_fields_of_the_schema() -> None:
    (made,) = documents(replace(an_offering(), source="fedramp"))

    assert set(made) >= {name for name, kind in FILTERS.items() if kind.value == "word"} - {"impact"}


def test_what_a_killed_process_left_is_taken_away_and_what_is_held_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = "import signal, os, tempfile; from services.catalog.search import OfferingIndex; OfferingIndex().put([])"
    command = [sys.executable, "-c", f"{made}; os.kill(os.getpid(), signal.SIGKILL)"]
    killed = subprocess.run(command, env={**os.environ, "TMPDIR": str(tmp_path)}, check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()

    held, another = OfferingIndex(), OfferingIndex()
    folders = set(tmp_path.iterdir())
    another.close()

    assert left not in folders
    assert len(folders) == 2
    assert len(list(tmp_path.iterdir())) == 1
    held.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_being_made_is_not_taken_away_by_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    lock = fcntl.flock

    def after_another_tidied(file: Any, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        folder._tidy(tmp_path)
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", after_another_tidied)
    made = folder.IndexFolder()
    folder._tidy(tmp_path)

    assert list(tmp_path.iterdir()) == [made.path]
    made.remove()
