"""Savings and duplication as pure rules."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.adoption.domain import adoption as adoptions
from services.adoption.domain import savings, system
from services.adoption.domain.adoption import Adoption
from services.adoption.domain.duplication import OVERLAP_LEAST, activities, clusters, overlap
from services.adoption.domain.m3 import Phase
from services.adoption.domain.savings import Confidence, Entry, Kind
from services.adoption.domain.system import Cost, Facts, Status, System
from shared.kernel.errors import RuleViolation
from shared.kernel.time import FiscalYear

AT = datetime(2026, 6, 1, tzinfo=UTC)
TODAY = AT.date()
YEAR = FiscalYear(2026)


def an_adoption(phase: Phase = Phase.ASSESSMENT) -> Adoption:
    begun = adoptions.start(id="a", organization_id="o", offering_id="f", offering_revision=1, on=TODAY, at=AT, by="sapoc")
    return replace(begun, steps=(replace(begun.last, phase=phase),))


def an_entry(id_: str, kind: Kind = Kind.BASELINE, cents: int = 100, **more: Any) -> Entry:
    given = {
        "id": id_,
        "version": 1,
        "adoption_id": "a",
        "organization_id": "o",
        "focus_area": "f",
        "fiscal_year": 2026,
        "kind": kind,
        "cents": cents,
        "hours": 1,
        "method": "m",
        "source": "s",
        "confidence": Confidence.HIGH,
        **more,
    }
    return Entry(**given)


def test_nothing_is_posted_before_a_baseline_and_nothing_realized_before_operations() -> None:
    with pytest.raises(RuleViolation) as refused:
        savings.check(an_entry("1", Kind.REALIZED), an_adoption(), [])

    assert refused.value.missing == ("a baseline, first", "the phase operations (it is assessment)")
    savings.check(an_entry("2", Kind.REALIZED), an_adoption(Phase.OPERATIONS), [an_entry("1")])


def test_an_entry_is_reversed_once_and_the_last_baseline_not_under_others() -> None:
    baseline, estimate = an_entry("1"), an_entry("2", Kind.ESTIMATE)
    undone = savings.reversal(estimate, id="3", reason="r", posted=[baseline, estimate])

    assert (undone.cents, undone.hours, undone.reverses) == (-100, -1, "2")
    for entry in (estimate, undone):
        with pytest.raises(RuleViolation):
            savings.reversal(entry, id="4", reason="r", posted=[baseline, estimate, undone])
    with pytest.raises(RuleViolation, match="1 entries that rest on it"):
        savings.reversal(baseline, id="4", reason="r", posted=[baseline, estimate])
    assert savings.reversal(baseline, id="4", reason="r", posted=[baseline, estimate, undone]).cents == -100


class Ledger(RuleBasedStateMachine):
    """Any postings and reversals: sums are those of what stands, and what was posted is never changed."""

    @initialize(phase=st.sampled_from(Phase))
    def begin(self, phase: Phase) -> None:
        self.adoption = an_adoption(phase)
        self.posted: list[Entry] = []
        self.seen: list[Entry] = []

    @rule(kind=st.sampled_from(Kind), cents=st.integers(1, 10**12))
    def post(self, kind: Kind, cents: int) -> None:
        entry = an_entry(str(len(self.posted)), kind, cents)
        try:
            savings.check(entry, self.adoption, self.posted)
        except RuleViolation:
            return
        self.posted.append(entry)
        self.seen.append(entry)

    @rule(which=st.integers(0, 30))
    def reverse(self, which: int) -> None:
        if which >= len(self.posted):
            return
        try:
            undone = savings.reversal(self.posted[which], id=str(len(self.posted)), reason="r", posted=self.posted)
        except RuleViolation:
            return
        self.posted.append(undone)
        self.seen.append(undone)

    @invariant()
    def sums_are_those_of_what_stands(self) -> None:
        posted = getattr(self, "posted", [])
        for kind in Kind:
            total = sum(entry.cents for entry in posted if entry.kind is kind)
            assert total == sum(entry.cents for entry in savings.standing(posted, kind)) >= 0
        assert posted == getattr(self, "seen", [])
        standing = savings.standing(posted)
        assert not standing or any(entry.kind is Kind.BASELINE for entry in standing)


TestLedger = Ledger.TestCase


def a_system(id_: str, *capabilities: str, cost: str = "100", **more: Any) -> System:
    facts = Facts(name=id_, focus_area="f", capabilities=capabilities, costs={2026: Cost(operation=Decimal(cost))})
    return System(
        **{"id": id_, "version": 1, "organization_id": "o", "number": id_, "status": Status.IN_SERVICE, "facts": facts, **more}
    )


def test_systems_that_cover_the_same_are_a_cluster_named_by_the_first_of_them() -> None:
    found = clusters(
        [
            a_system("c", "FFM.010.010", "FFM.010.020"),
            a_system("a", "FFM.010.010.011", "FFM.010.020"),
            a_system("b", "FFM.090.010"),
        ],
        year=YEAR,
    )

    assert [(each.id, [s.id for s in each.systems], each.overlap, each.yearly_cost) for each in found] == [
        ("a", ["a", "c"], 1.0, Decimal(200))
    ]


def test_a_cluster_is_retired_when_one_system_at_most_is_left() -> None:
    gone = a_system("b", "FFM.010.010", status=Status.DECOMMISSIONED)
    (found,) = clusters([a_system("a", "FFM.010.010"), gone], year=YEAR)

    assert (found.is_retired, found.yearly_cost) == (True, Decimal(100))


ids = st.sampled_from([f"FFM.010.{n:03}" for n in range(6)])
inventories = st.lists(st.frozensets(ids, max_size=4), max_size=14).map(
    lambda found: [a_system(f"s{n:02}", *sorted(covers)) for n, covers in enumerate(found)]
)


@given(inventories)
def test_clusters_are_what_comparing_every_pair_finds(systems: list[System]) -> None:
    linked = {s.id: {s.id} for s in systems}
    for one in systems:
        for other in systems:
            if overlap(activities(one), activities(other)) >= OVERLAP_LEAST and activities(one):
                merged = linked[one.id] | linked[other.id]
                for member in merged:
                    linked[member] = merged
    expected = {frozenset(group) for group in linked.values() if len(group) > 1}

    found = clusters(systems, year=YEAR)

    assert {frozenset(s.id for s in cluster.systems) for cluster in found} == expected
    assert all(cluster.id == min(s.id for s in cluster.systems) for cluster in found)
    assert max(Counter(s.id for cluster in found for s in cluster.systems).values(), default=1) == 1


def test_the_cost_of_a_year_is_the_newest_known_until_then() -> None:
    facts = Facts(
        name="n", focus_area="f", costs={2024: Cost(operation=Decimal(1), staff=Decimal(2)), 2027: Cost(development=Decimal(9))}
    )
    found = system.register(id="s", organization_id="o", number="1", facts=facts)

    assert [found.cost_in(FiscalYear(year)) for year in (2023, 2024, 2026, 2027, 2030)] == [0, 3, 3, 9, 9]


def test_a_system_ends_with_evidence_after_its_end_was_planned() -> None:
    begun = a_system("s")
    planned = system.plan_decommission(begun, planned_on=date(2026, 9, 1), adoption_id=None, on=TODAY)

    with pytest.raises(RuleViolation):
        system.decommission(begun, ended_on=TODAY, evidence="e", on=TODAY)
    with pytest.raises(RuleViolation, match="not to come"):
        system.decommission(planned, ended_on=date(2026, 6, 2), evidence="e", on=TODAY)
    with pytest.raises(RuleViolation, match="not over"):
        system.plan_decommission(begun, planned_on=date(2026, 5, 31), adoption_id=None, on=TODAY)
    gone = system.decommission(planned, ended_on=TODAY, evidence="e", on=TODAY)
    assert gone.status is Status.DECOMMISSIONED
    with pytest.raises(RuleViolation):
        system.change(gone, gone.facts)
    assert system.keep(planned, reason="r").status is Status.IN_SERVICE
