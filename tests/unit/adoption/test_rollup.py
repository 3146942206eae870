"""The official adoption states: of one organization, and rolled up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.adoption.domain import adoption as domain
from services.adoption.domain.adoption import Adoption
from services.adoption.domain.adoption import Status as AdoptionStatus
from services.adoption.domain.m3 import Phase
from services.adoption.domain.rollup import Evidence, State, rolled_up, state_of
from services.adoption.domain.shortlist import Decision, Outcome, Shortlist, Status

AT = datetime(2026, 6, 1, tzinfo=UTC)
DAY = date(2026, 6, 1)


def an_adoption(phase: Phase = Phase.ASSESSMENT, status: AdoptionStatus = AdoptionStatus.ACTIVE) -> Adoption:
    begun = domain.start(id="a", organization_id="o", offering_id="f", offering_revision=1, on=DAY, at=AT, by="s")
    return replace(begun, steps=(replace(begun.last, phase=phase, status=status),))


def a_shortlist(outcome: Outcome | None = None) -> Shortlist:
    decision = Decision(outcome=outcome, reason="r", on=DAY, by="s") if outcome else None
    given: dict[str, Any] = {"organization_id": "o", "focus_area": "f", "needs_id": "n", "fiscal_year": 2027, "pinned": "{}"}
    return Shortlist(
        id="s", version=1, status=Status.LOCKED, digest="", locked_by="s", locked_on=DAY, decision=decision, **given
    )


LIVE, BEGUN, STARTED = an_adoption(Phase.OPERATIONS), an_adoption(Phase.MIGRATION), an_adoption()
DONE = an_adoption(Phase.OPERATIONS, AdoptionStatus.COMPLETED)
GONE = an_adoption(Phase.MIGRATION, AdoptionStatus.WITHDRAWN)


@pytest.mark.parametrize(
    ("evidence", "state"),
    [
        (Evidence(), State.UNKNOWN),
        (Evidence(stated=True), State.NOT_STARTED_IN_TALKS),
        (Evidence(shortlist=a_shortlist()), State.NOT_STARTED_IN_TALKS),
        (Evidence(shortlist=a_shortlist(Outcome.SELECTED)), State.NOT_STARTED_IN_TALKS),
        (Evidence(shortlist=a_shortlist(Outcome.NONE_SUITABLE), stated=True), State.NOT_PLANNING),
        (Evidence(adoptions=(STARTED,)), State.NOT_STARTED_IN_TALKS),
        (Evidence(adoptions=(BEGUN,)), State.PARTIAL_OR_IN_PROGRESS),
        (Evidence(adoptions=(LIVE, STARTED)), State.PARTIAL_OR_IN_PROGRESS),
        (Evidence(adoptions=(LIVE, DONE)), State.COMPLETE_OPTIMIZING),
        (Evidence(adoptions=(LIVE, GONE)), State.COMPLETE_OPTIMIZING),
        (Evidence(adoptions=(GONE,)), State.UNKNOWN),
        (Evidence(adoptions=(GONE,), shortlist=a_shortlist(Outcome.NONE_SUITABLE)), State.NOT_PLANNING),
    ],
    ids=range(12),
)
def test_what_is_on_record_is_one_of_the_official_states(evidence: Evidence, state: State) -> None:
    assert state_of(evidence) is state


@given(st.lists(st.sampled_from(State)))
def test_an_agency_is_complete_when_all_it_is_known_of_are_and_never_better_than_its_best(states: list[State]) -> None:
    known = [state for state in states if state is not State.UNKNOWN]
    found = rolled_up(states)

    assert (found is State.UNKNOWN) == (not known)
    assert (found is State.COMPLETE_OPTIMIZING) == (bool(known) and set(known) == {State.COMPLETE_OPTIMIZING})
    assert found is not State.PARTIAL_OR_IN_PROGRESS or set(known) & {State.COMPLETE_OPTIMIZING, State.PARTIAL_OR_IN_PROGRESS}
    assert rolled_up(reversed(states)) is found
