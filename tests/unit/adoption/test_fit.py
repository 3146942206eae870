"""Fit: scores that are the same however one asks, that only rise with what is met, and suggestions that do what they say."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.adoption.domain.candidate import Candidate, Cover, Vehicle, by_activity, yearly_cost
from services.adoption.domain.fit import Outcome, Question, Verdict, evaluate, order
from services.adoption.domain.fit_catalog import Catalog
from services.adoption.domain.fit_changes import Kind, applied, what_would_change_it
from services.adoption.domain.needs import Constraint, Limit, Need, Priority, Scale
from services.adoption.domain.pinning import differences, pin, unpinned

ON = date(2026, 6, 1)
ACTIVITIES = [f"FFM.010.{n:03}" for n in range(10, 90, 10)]
PRICE = {"unit": "user", "setup": "0", "tiers": [{"up_to": 100, "amount": "1000", "per": "year"}]}


def a_candidate(code: str = "a", **more: Any) -> Candidate:
    return Candidate(
        **{
            "offering_id": f"o-{code}",
            "code": code,
            "name": code,
            "revision": 1,
            "kind": "service",
            "status": "published",
            **more,
        }
    )


def a_need(id_: str = ACTIVITIES[0], **more: Any) -> Need:
    return Need(**{"fibf_id": id_, "scale": Scale.SYSTEM, **more})


def must(limit: Limit, value: str = "") -> Constraint:
    return Constraint(limit=limit, priority=Priority.MUST, value=value)


def a_question(*needs: Need, **more: Any) -> Question:
    return Question(**{"needs": needs or (a_need(),), "on": ON, **more})


@pytest.mark.parametrize(
    ("cover", "score", "outcome"),
    [
        (Cover.YES, 10_000, Outcome.MET),
        (Cover.YES_BY_GO_LIVE, 7_000, Outcome.BY_GO_LIVE),
        (Cover.NO, 0, Outcome.GAP),
        (None, 0, Outcome.UNKNOWN),
    ],
)
def test_each_answer_has_its_points(cover: Cover | None, score: int, outcome: Outcome) -> None:
    fit = evaluate(a_candidate(coverage={ACTIVITIES[0]: cover} if cover else {}), a_question())

    assert (fit.score, fit.outcomes[0][1]) == (score, outcome)


def test_a_mission_critical_need_weighs_three_times_another() -> None:
    question = a_question(a_need(ACTIVITIES[0], mission_critical=True), a_need(ACTIVITIES[1]))

    assert evaluate(a_candidate(coverage={ACTIVITIES[0]: Cover.YES}), question).score == 7_500
    assert evaluate(a_candidate(coverage={ACTIVITIES[1]: Cover.YES}), question).score == 2_500


@pytest.mark.parametrize(
    ("constraint", "passing", "failing", "silent"),
    [
        (must(Limit.IMPACT_LEVEL_AT_LEAST, "moderate"), {"impact_level": "high"}, {"impact_level": "li_saas"}, {}),
        (must(Limit.AUTHORIZED), {"authorization_status": "authorized"}, {"authorization_status": "ready"}, {}),
        (must(Limit.FEDERAL_HOSTING), {"hosting": "federal"}, {"hosting": "commercial"}, {}),
        (must(Limit.TRANSACTIONS_PER_YEAR, "10"), {"transactions_per_year": 10}, {"transactions_per_year": 9}, {}),
        (must(Limit.ONBOARDING_DAYS_AT_MOST, "90"), {"onboarding_days": 90}, {"onboarding_days": 91}, {}),
        (
            must(Limit.BUDGET_PER_YEAR, "1000.00"),
            {"price": PRICE},
            {"price": {**PRICE, "tiers": [{"up_to": None, "amount": "11", "per": "unit"}]}},
            {},
        ),
    ],
)
def test_a_must_keeps_out_what_fails_it_and_what_does_not_say(
    constraint: Constraint, passing: dict[str, Any], failing: dict[str, Any], silent: dict[str, Any]
) -> None:
    question = a_question(constraints=(constraint,), size={"user": 100})

    found = [evaluate(a_candidate(**more), question) for more in (passing, failing, silent)]

    assert [fit.verdicts[0][1] for fit in found] == [Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN]
    assert [bool(fit.hindrances) for fit in found] == [False, True, True]


def test_what_should_be_counts_and_keeps_nothing_out() -> None:
    wish = Constraint(limit=Limit.IN_PRODUCTION, priority=Priority.SHOULD)
    question = a_question(constraints=(wish,))

    without, with_it = (evaluate(a_candidate(in_production=there), question) for there in (False, True))

    assert (without.score, with_it.score, without.hindrances) == (0, 5_000, ())


def test_one_level_of_readiness_is_a_gap_and_two_keep_out() -> None:
    candidate = a_candidate(suits={"technology": 4})

    one, two, unknown = (
        evaluate(candidate, a_question(readiness=known)) for known in ({"technology": 3}, {"technology": 2}, {})
    )

    assert [bool(fit.gaps) for fit in (one, two, unknown)] == [True] * 3
    assert [bool(fit.hindrances) for fit in (one, two, unknown)] == [False, True, False]


@pytest.mark.parametrize(
    ("vehicle", "hinders"),
    [
        (Vehicle(number="V", status="active"), False),
        (Vehicle(number="V", status="active", ordering_to=date(2026, 5, 31)), True),
        (Vehicle(number="V", status="active", ordering_from=date(2026, 6, 2)), True),
        (Vehicle(number="V", status="expired"), True),
        (Vehicle(number="V", status="active", full=True), True),
        (Vehicle(number="V", status="active", eligible=("other",)), True),
        (Vehicle(number="V", status="active", eligible=("own",)), False),
    ],
)
def test_a_product_needs_a_vehicle_that_this_agency_can_order_under(vehicle: Vehicle, hinders: bool) -> None:
    candidate = a_candidate(kind="commercial_product", vehicles=("V",))
    question = a_question(vehicles={"V": vehicle}, agency=frozenset({"own"}))

    assert bool(evaluate(candidate, question).hindrances) is hinders
    assert evaluate(replace(candidate, is_free=True), question).hindrances == ()


def test_capabilities_answer_for_their_activity_by_the_worst_of_them() -> None:
    found = by_activity({"A.1.2.1": "yes", "A.1.2.2": "yes_by_go_live", "A.1.3.1": "no", "A.1.4": "yes", "A.1.4.1": "no"})

    assert found == {"A.1.2": Cover.YES_BY_GO_LIVE, "A.1.3": Cover.NO, "A.1.4": Cover.YES}


def test_the_price_is_that_of_the_agency_s_size() -> None:
    assert str(yearly_cost(a_candidate(price=PRICE), {"user": 100})) == "1000.00"
    assert yearly_cost(a_candidate(price=PRICE), {"user": 101}) is None
    assert yearly_cost(a_candidate(price=PRICE), {}) is None
    assert str(yearly_cost(a_candidate(is_free=True), {})) == "0.00"


# --- for any catalog and any question ---

covers = st.dictionaries(st.sampled_from(ACTIVITIES), st.sampled_from(Cover), max_size=8)
candidates = st.lists(
    st.builds(
        Candidate,
        offering_id=st.just(""),
        code=st.just(""),
        name=st.just("n"),
        revision=st.just(1),
        kind=st.sampled_from(("service", "commercial_product")),
        status=st.just("published"),
        coverage=covers,
        impact_level=st.sampled_from((None, "low", "moderate", "high")),
        hosting=st.sampled_from((None, "federal", "commercial")),
        in_production=st.booleans(),
        onboarding_days=st.sampled_from((None, 30, 400)),
        interfaces=st.sampled_from(((), ("Treasury PPS",))),
        suits=st.dictionaries(st.sampled_from(("technology", "finance")), st.integers(1, 5), max_size=2),
        price=st.sampled_from((None, PRICE)),
        is_free=st.booleans(),
        vehicles=st.sampled_from(((), ("V",), ("V", "W"))),
    ),
    min_size=1,
    max_size=12,
).map(lambda found: [replace(c, offering_id=f"o-{n}", code=f"c-{n:02}") for n, c in enumerate(found)])
limits = st.sampled_from(
    (
        (Limit.IMPACT_LEVEL_AT_LEAST, "moderate"),
        (Limit.FEDERAL_HOSTING, ""),
        (Limit.IN_PRODUCTION, ""),
        (Limit.INTERFACE, "treasury pps"),
        (Limit.BUDGET_PER_YEAR, "900"),
        (Limit.ONBOARDING_DAYS_AT_MOST, "90"),
    )
)
constraints = st.lists(
    st.builds(
        lambda limit, priority: Constraint(limit=limit[0], priority=priority, value=limit[1]), limits, st.sampled_from(Priority)
    ),
    max_size=4,
)
needs = st.lists(st.sampled_from(ACTIVITIES), min_size=1, max_size=8, unique=True).flatmap(
    lambda ids: st.lists(st.booleans(), min_size=len(ids), max_size=len(ids)).map(
        lambda critical: tuple(a_need(id_, mission_critical=c) for id_, c in zip(ids, critical, strict=True))
    )
)
questions = st.builds(
    Question,
    needs=needs,
    constraints=constraints.map(tuple),
    readiness=st.dictionaries(st.sampled_from(("technology", "finance")), st.integers(1, 5), max_size=2),
    size=st.sampled_from(({}, {"user": 50})),
    agency=st.just(frozenset({"own"})),
    on=st.just(ON),
    vehicles=st.sampled_from(
        (
            {},
            {"V": Vehicle(number="V", status="active")},
            {"V": Vehicle(number="V", status="expired"), "W": Vehicle(number="W", status="active", eligible=("x",))},
        )
    ),
)


@given(candidates, questions)
def test_the_quick_ranking_says_what_each_fit_says(found: list[Candidate], question: Question) -> None:
    catalog = Catalog(found)
    ranking, inside = catalog.ranking(question, limit=len(found))

    assert catalog.orders(question) == [order(evaluate(candidate, question)) for candidate in found]
    assert [order(fit) for fit in ranking] == sorted(order(fit) for fit in ranking)
    assert inside == sum(not fit.hindrances for fit in ranking)


@given(candidates, questions, st.integers())
def test_neither_the_order_of_offerings_nor_of_needs_matters(found: list[Candidate], question: Question, seed: int) -> None:
    shuffled, mixed = list(found), list(question.needs)
    random.Random(seed).shuffle(shuffled)
    random.Random(seed).shuffle(mixed)
    again = replace(question, needs=tuple(mixed))

    first, second = (Catalog(c).ranking(q, limit=99)[0] for c, q in ((found, question), (shuffled, again)))

    assert [(fit.candidate.code, fit.score) for fit in first] == [(fit.candidate.code, fit.score) for fit in second]


@given(candidates, questions, st.sampled_from(ACTIVITIES), st.booleans())
def test_meeting_one_more_need_never_lowers_a_score(
    found: list[Candidate], question: Question, id_: str, critical: bool
) -> None:
    candidate = found[0]
    without = replace(question, needs=tuple(need for need in question.needs if need.fibf_id != id_))
    asked = replace(without, needs=(*without.needs, a_need(id_, mission_critical=critical)))
    covering = replace(candidate, coverage={**candidate.coverage, id_: Cover.YES})

    assert evaluate(covering, asked).score >= evaluate(covering, without).score
    assert evaluate(covering, asked).score >= evaluate(candidate, asked).score


@given(candidates, questions)
def test_what_is_pinned_scores_the_same_again_and_only_then(found: list[Candidate], question: Question) -> None:
    fits = [evaluate(candidate, question) for candidate in found]
    pinned = pin(question, shortlisted=fits, others=(), considered=len(found), unserved=())

    asked, again = unpinned(pinned)

    assert differences(pinned) == []
    assert [evaluate(candidate, asked).score for candidate, _ in again] == [fit.score for fit in fits]
    document = json.loads(pinned)
    document["shortlisted"][0]["score"] += 1
    assert differences(json.dumps(document)) == [f"{found[0].code}: score"]


@settings(max_examples=300)
@given(candidates, questions, st.integers(0, 11))
def test_each_suggestion_does_what_it_says(found: list[Candidate], question: Question, which: int) -> None:
    target = found[which % len(found)]
    catalog = Catalog(found)
    before, _ = catalog.ranking(question, limit=99)
    stood = [fit.candidate.code for fit in before].index(target.code) + 1
    was_out = bool(evaluate(target, question).hindrances)

    for effect in what_would_change_it(question, catalog, target.offering_id):
        then, changed = applied(effect.change, question, target)
        after, _ = Catalog(changed if c.code == target.code else c for c in found).ranking(then, limit=99)
        place = [fit.candidate.code for fit in after].index(target.code) + 1
        own = next(fit for fit in after if fit.candidate.code == target.code)
        assert (place, own.score) == (effect.rank, effect.score)
        assert not own.hindrances
        assert was_out or place < stood


def test_what_has_one_hindrance_is_told_its_removal_and_what_has_two_is_told_none() -> None:
    question = a_question(constraints=(must(Limit.IN_PRODUCTION), must(Limit.FEDERAL_HOSTING)), readiness={"finance": 1})
    one = a_candidate("one", in_production=True, hosting="commercial")
    ready = a_candidate("ready", in_production=True, hosting="federal", suits={"finance": 5})
    two = a_candidate("two")
    catalog = Catalog([one, ready, two])

    told = {c.code: what_would_change_it(question, catalog, c.offering_id) for c in catalog.candidates}

    assert [(e.change.kind, e.change.ref) for e in told["one"]] == [(Kind.DROP_CONSTRAINT, "1")]
    assert [(e.change.kind, e.change.level) for e in told["ready"]] == [(Kind.RAISE_READINESS, 4)]
    assert told["two"] == []


def test_who_is_first_is_told_nothing() -> None:
    catalog = Catalog([a_candidate("a", coverage={ACTIVITIES[0]: Cover.YES_BY_GO_LIVE}), a_candidate("b")])

    assert what_would_change_it(a_question(), catalog, "o-a") == []
    with pytest.raises(KeyError):
        what_would_change_it(a_question(), catalog, "nobody")
