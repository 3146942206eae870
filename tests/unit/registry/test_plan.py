"""The rules of plans, without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from services.registry.domain import plan as domain
from services.registry.domain.plan import Grounds, Plan, PlanYear, Sections, Surroundings
from services.registry.domain.plan_criteria import BY_ID, ELEMENTS, Assessment, Criterion, Group, progress, unassessed
from services.registry.domain.plan_progress import (
    Milestone,
    MilestoneMove,
    MilestoneStatus,
    Obligation,
    ObligationKind,
    ObligationStatus,
    move_milestone,
    move_obligation,
)
from services.registry.domain.plan_review import Board, BoardSeat, Check, Choice, Question, Vote, check_vote
from services.registry.domain.plan_states import State
from shared.kernel.errors import Conflict, Forbidden, RuleViolation

AT = datetime(2019, 9, 1, tzinfo=UTC)
DAY = AT.date()
ALL_SECTIONS = Sections(offerings="a", acquisition_strategy="b", governance="c", funding_mechanism="d", organization="e")
MILESTONE = Milestone(id="m1", title="First customer", due_on=date(2021, 9, 30))


def a_draft(**changes: Any) -> Plan:
    drafted = domain.draft(
        id="p1",
        focus_area="cybersecurity",
        host="dhs",
        number=1,
        first_fiscal_year=2020,
        on=DAY,
        at=AT,
        by="author",
    )
    return replace(drafted, **changes)


def a_complete_draft(**changes: Any) -> Plan:
    years = tuple(PlanYear(fiscal_year=y, capacity="c", skills="s", funds=Decimal(1)) for y in range(2020, 2025))
    content: dict[str, Any] = {
        "lead_office_id": "cisa",
        "services": ("dns-resolver",),
        "sections": ALL_SECTIONS,
        "years": years,
        "milestones": (MILESTONE,),
    }
    return a_draft(**{**content, **changes})


def moved(plan: Plan, action: str, *, by: str = "someone", around: Surroundings | None = None, **grounds: Any) -> Plan:
    given = Grounds(**{"on": DAY, "reason": "a reason", "policy": "m-19-16", "clause": "I", **grounds})
    return domain.move(plan, action, grounds=given, around=around or Surroundings(), at=AT, by=by)


def a_board(*holders: str, vacant: int = 0, recused: tuple[str, ...] = ()) -> Board:
    seats = [BoardSeat(id=f"seat-{h}", version=1, title=h, subject=h) for h in holders]
    seats += [BoardSeat(id=f"vacant-{n}", version=1, title="vacant") for n in range(vacant)]
    return Board(seats=tuple(seats), recused=recused)


def a_vote(holder: str, choice: Choice = Choice.FOR) -> Vote:
    return Vote(seat=f"seat-{holder}", choice=choice, by=holder, at=AT)


def test_a_new_plan_has_every_element_of_the_six_groups_unmet() -> None:
    criteria = a_draft().criteria

    assert [c.element for c in criteria] == [e.id for e in ELEMENTS]
    assert {c.status for c in criteria} == {Assessment.UNMET}
    assert {group: total for group, (_, total) in progress(criteria).items()} == {
        Group.OVERARCHING: 3,
        Group.FINANCIAL: 2,
        Group.ORGANIZATION: 3,
        Group.OPERATIONS: 6,
        Group.PROGRAM_MANAGEMENT: 3,
        Group.TECHNOLOGY: 9,
    }


def test_every_element_names_what_it_is_tested_by() -> None:
    assert all(element.tests for element in ELEMENTS)
    assert len(BY_ID) == len(ELEMENTS)
    everything = " ".join(test for element in ELEMENTS for test in element.tests)
    for number in ("SSAE-18", "99.9 %", "ISO 9001", "800-37", "800-47", "800-53A", "FIPS 199", "FIPS 200", "M3"):
        assert number in everything


def test_the_horizon_is_five_fiscal_years() -> None:
    assert a_draft().horizon == (2020, 2021, 2022, 2023, 2024)


def test_submitting_an_empty_plan_lists_everything_it_lacks() -> None:
    with pytest.raises(RuleViolation) as refused:
        moved(a_draft(), "submit")

    sections = ["offerings", "acquisition_strategy", "governance", "funding_mechanism", "organization"]
    years = [f"{part} of fiscal year {y}" for y in range(2020, 2025) for part in ("capacity", "skills", "funds")]
    assert list(refused.value.missing) == [
        "lead office",
        "services covered",
        *(f"section {name}" for name in sections),
        *years,
        "milestones",
    ]


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"sections": replace(ALL_SECTIONS, governance=" \n")}, ("section governance",)),
        ({"services": ()}, ("services covered",)),
        ({"milestones": ()}, ("milestones",)),
        ({"lead_office_id": None}, ("lead office",)),
    ],
    ids=["blank section", "no service", "no milestone", "no lead office"],
)
def test_one_empty_part_is_enough_to_refuse(changes: dict[str, Any], missing: tuple[str, ...]) -> None:
    with pytest.raises(RuleViolation) as refused:
        moved(a_complete_draft(**changes), "submit")

    assert refused.value.missing == missing


def test_funds_of_zero_are_stated_funds() -> None:
    years = tuple(PlanYear(fiscal_year=y, capacity="c", skills="s", funds=Decimal(0)) for y in range(2020, 2025))

    assert moved(a_complete_draft(years=years), "submit").state is State.SUBMITTED


def test_a_new_review_forgets_the_votes_of_the_one_before() -> None:
    submitted = moved(a_complete_draft(), "submit", by="author")
    voted = replace(submitted, votes=(a_vote("a"),), check=Check(complete=True, note="", by="c", at=AT))

    assert (moved(voted, "start-review").votes, moved(voted, "start-review").check) == ((), None)


@pytest.mark.parametrize("action", ["start-review", "return"])
def test_who_submitted_decides_nothing_about_it(action: str) -> None:
    submitted = moved(a_complete_draft(), "submit", by="author")

    with pytest.raises(Forbidden) as refused:
        moved(submitted, action, by="author")

    assert refused.value.code == "separation-of-duties"
    assert moved(submitted, action, by="another").last.by == "another"


def test_whoever_ever_submitted_it_stays_excluded_after_another_submitted_again() -> None:
    returned = moved(moved(a_complete_draft(), "submit", by="author"), "return")
    again = moved(moved(returned, "redraft"), "submit", by="colleague")

    for person in ("author", "colleague"):
        with pytest.raises(Forbidden):
            moved(again, "start-review", by=person)


def test_an_approval_lists_each_criterion_that_is_neither_met_nor_waived() -> None:
    statuses = {"leadership": Assessment.WAIVED, "cloud": Assessment.PARTIALLY_MET, "quality": Assessment.UNMET}
    criteria = tuple(Criterion(element=c.element, status=statuses.get(c.element, Assessment.MET)) for c in unassessed())
    last = replace(a_draft().last, state=State.RECOMMENDED)
    plan = a_complete_draft(criteria=criteria, turns=(last,))

    with pytest.raises(RuleViolation) as refused:
        moved(plan, "approve", policy=None)

    assert refused.value.missing == (
        "criterion quality met or waived (it is unmet)",
        "criterion cloud met or waived (it is partially_met)",
        "policy clause",
    )


def test_a_turn_cannot_take_effect_before_the_one_before_it() -> None:
    with pytest.raises(RuleViolation) as refused:
        moved(a_complete_draft(), "submit", on=date(2019, 8, 31))

    assert refused.value.code == "effective-date-order"


def test_a_plan_is_complete_when_nothing_of_it_is_open() -> None:
    owed = Obligation(id="o1", kind=ObligationKind.CONDITION, title="t", owner="x", due_on=DAY)
    active = a_complete_draft(turns=(replace(a_draft().last, state=State.ACTIVE),), obligations=(owed,))

    assert domain.missing_for(active, "complete", Surroundings()) == ("milestone m1 settled", "condition o1 verified")
    done = replace(
        active,
        milestones=(replace(MILESTONE, status=MilestoneStatus.NOT_MET),),
        obligations=(replace(owed, status=ObligationStatus.VERIFIED),),
    )
    assert moved(done, "complete").state is State.COMPLETED


@pytest.mark.parametrize(("filled", "quorum"), [(1, 1), (2, 2), (3, 2), (4, 3), (9, 5)])
def test_the_quorum_is_a_majority_of_the_filled_seats(filled: int, quorum: int) -> None:
    assert a_board(*(f"h{n}" for n in range(filled)), vacant=7).quorum == quorum


def test_a_seat_votes_once_by_its_holder_unless_vacant_or_the_hosts() -> None:
    board = a_board("a", "b", vacant=1, recused=("seat-b",))
    seat_a, seat_b, vacant = board.seats

    check_vote((), seat_a, board=board, by="a", on=DAY)
    with pytest.raises(Conflict):
        check_vote((a_vote("a"),), seat_a, board=board, by="a", on=DAY)
    with pytest.raises(Forbidden):
        check_vote((), seat_a, board=board, by="b", on=DAY)
    with pytest.raises(RuleViolation) as recused:
        check_vote((), seat_b, board=board, by="b", on=DAY)
    with pytest.raises(RuleViolation) as empty:
        check_vote((), vacant, board=board, by="a", on=DAY)
    assert (recused.value.code, empty.value.missing) == ("recused", ("a holder of the seat vacant-0, or a delegation",))


@pytest.mark.parametrize(
    ("votes", "missing"),
    [
        ([], "quorum: 2 votes of 3 filled seats (0 cast)"),
        ([("a", Choice.FOR)], "quorum: 2 votes of 3 filled seats (1 cast)"),
        ([("a", Choice.FOR), ("b", Choice.AGAINST)], "a majority for or against (the vote is tied)"),
        ([("a", Choice.ABSTAIN), ("b", Choice.ABSTAIN)], "a majority for or against (the vote is tied)"),
        ([("a", Choice.FOR), ("b", Choice.ABSTAIN)], None),
        ([("a", Choice.AGAINST), ("b", Choice.AGAINST)], None),
    ],
    ids=["none", "one", "tie", "abstained", "for", "against"],
)
def test_a_recommendation_takes_a_quorum_and_a_majority(votes: list[tuple[str, Choice]], missing: str | None) -> None:
    plan = a_complete_draft(
        turns=(replace(a_draft().last, state=State.IN_REVIEW),),
        check=Check(complete=True, note="", by="c", at=AT),
        votes=tuple(a_vote(*vote) for vote in votes),
    )

    lacks = domain.missing_for(plan, "recommend", Surroundings(board=a_board("a", "b", "c")))

    assert lacks == ((missing,) if missing else ())


def test_a_recommendation_waits_for_the_check_the_answers_and_a_filled_seat() -> None:
    question = Question(id="q1", text="How many?", asked_by="c", asked_at=AT)
    plan = a_complete_draft(questions=(question,), check=Check(complete=False, note="", by="c", at=AT))

    lacks = domain.missing_for(plan, "recommend", Surroundings(board=a_board(vacant=2)))

    assert lacks == ("completeness check passed", "answer to question q1", "a filled board seat (all are vacant)")


@pytest.mark.parametrize(
    ("milestone", "today", "slip", "at_risk"),
    [
        (MILESTONE, date(2021, 9, 30), 0, False),
        (MILESTONE, date(2021, 10, 1), 1, True),
        (replace(MILESTONE, forecast_on=date(2021, 10, 10)), date(2021, 1, 1), 10, True),
        (replace(MILESTONE, forecast_on=date(2021, 10, 10)), date(2021, 10, 20), 20, True),
        (replace(MILESTONE, forecast_on=date(2021, 9, 1)), date(2021, 1, 1), -29, False),
        (replace(MILESTONE, status=MilestoneStatus.MET, met_on=date(2021, 10, 5)), date(2022, 1, 1), 5, False),
    ],
    ids=["due today", "late", "forecast late", "later than forecast", "ahead", "met late"],
)
def test_slip_is_counted_from_the_due_date(milestone: Milestone, today: date, slip: int, at_risk: bool) -> None:
    assert (milestone.slip_days(today), milestone.at_risk(today)) == (slip, at_risk)


def test_a_rescheduled_milestone_may_be_warned_of_again() -> None:
    given = MilestoneMove(forecast_on=date(2022, 1, 1), reason="protest")

    changed = move_milestone(replace(MILESTONE, warned=True), "reschedule", given)

    assert (changed.status, changed.warned, changed.due_on) == (MilestoneStatus.SCHEDULED, False, MILESTONE.due_on)


@pytest.mark.parametrize(
    ("action", "missing"),
    [
        ("meet", ("evidence", "met on")),
        ("meet-partially", ("evidence", "met on")),
        ("miss", ("reason",)),
        ("reschedule", ("forecast", "reason")),
    ],
)
def test_a_milestone_is_not_moved_without_what_it_takes(action: str, missing: tuple[str, ...]) -> None:
    with pytest.raises(RuleViolation) as refused:
        move_milestone(MILESTONE, action, MilestoneMove())
    assert refused.value.missing == missing

    settled = replace(MILESTONE, status=MilestoneStatus.MET)
    with pytest.raises(RuleViolation) as settled_already:
        move_milestone(settled, action, MilestoneMove())
    assert settled_already.value.code == "transition-not-allowed"


def test_a_corrective_action_goes_to_closure_also_when_overdue() -> None:
    owed = Obligation(id="o", kind=ObligationKind.CORRECTIVE_ACTION, title="t", owner="x", due_on=DAY)

    late = move_obligation(owed, "fall-overdue", by="system")
    proposed = move_obligation(late, "propose-done", by="author", evidence=("https://x.gov",))
    closed = move_obligation(proposed, "verify", by="omb")

    chain = [owed, late, proposed, closed]
    assert [o.status.value for o in chain] == ["open", "overdue", "proposed_done", "verified"]
    assert all(before != after for before, after in pairwise(chain))
    with pytest.raises(RuleViolation):
        move_obligation(owed, "verify", by="omb")
    with pytest.raises(RuleViolation) as bare:
        move_obligation(owed, "propose-done", by="author")
    assert bare.value.missing == ("evidence",)


APPROVED = replace(a_draft().last, state=State.APPROVED)


@pytest.mark.parametrize(
    ("plans", "missing"),
    [
        ([], 4),
        ([a_complete_draft(turns=(APPROVED,))], 0),
        ([a_complete_draft()], 1),
        ([a_complete_draft(turns=(APPROVED,), services=("other",))], 1),
        ([a_complete_draft(turns=(APPROVED,), host_organization_id="gsa", lead_office_id="nobody", services=())], 3),
        ([a_complete_draft(), a_complete_draft(turns=(APPROVED,))], 0),
    ],
    ids=["no plan", "in force", "draft", "other service", "another host's", "best of two"],
)
def test_a_designation_is_told_all_that_the_best_plan_lacks(plans: list[Plan], missing: int) -> None:
    lacks = domain.missing_for_designation(plans, service="dns-resolver", lead="cisa", within=("cisa", "dhs"))

    assert len(lacks) == missing


def test_a_lead_office_outside_the_host_is_no_lead_of_its_plan() -> None:
    plans = [a_complete_draft(turns=(APPROVED,))]

    lacks = domain.missing_for_designation(plans, service="dns-resolver", lead="cisa", within=("cisa", "doc"))

    assert lacks == ("a plan of the host that the lead office belongs to",)
