"""The review of a plan: criteria, completeness check, questions, votes."""

from __future__ import annotations

from dataclasses import replace

from services.registry import facts, store
from services.registry.commands.plans import board_for, plan_at, visible_plan
from services.registry.domain import plan as domain
from services.registry.domain.plan import Plan
from services.registry.domain.plan_criteria import BY_ID, Assessment, Criterion
from services.registry.domain.plan_review import Check, Choice, Question, Vote, check_vote
from services.registry.domain.plan_states import ASSESSABLE, State
from services.registry.policy import require_seat
from shared.auth import Principal
from shared.contracts import registry as contracts
from shared.db import Transaction
from shared.kernel.errors import Invalid, NotFound, RuleViolation, StaleVersion
from shared.kernel.ids import new_id

_REVIEWERS = ("coordinator", "omb")


async def assess_criterion(
    tx: Transaction,
    id: str,
    element: str,
    status: Assessment,
    *,
    evidence: tuple[str, ...],
    note: str,
    expected_version: int,
    by: Principal,
) -> Plan:
    """Raises Forbidden (waive: omb only; never the submitter), NotFound, StaleVersion, RuleViolation."""
    roles = ("omb",) if status is Assessment.WAIVED else _REVIEWERS
    plan = await plan_at(tx, id, by=by, expected_version=expected_version, roles=roles, to=f"assess as {status}")
    if element not in BY_ID:
        raise NotFound(f"There is no criterion {element!r}.")
    domain.check_state(plan, "assess a criterion", *ASSESSABLE)
    domain.check_separation(plan, "assess a criterion", by=by.actor)
    _check_grounds(status, evidence, note)
    assessed = Criterion(
        element=element, status=status, evidence=evidence, note=note, assessor=by.actor, assessed_on=tx.at.date()
    )
    changed = replace(plan, criteria=tuple(assessed if c.element == element else c for c in plan.criteria))
    return await store.plans.save(tx, changed, facts.criterion(changed, assessed))


def _check_grounds(status: Assessment, evidence: tuple[str, ...], note: str) -> None:
    """Met takes evidence, waived takes a reason."""
    missing: tuple[str, ...] = ()
    if status in {Assessment.MET, Assessment.PARTIALLY_MET} and not evidence:
        missing = ("evidence",)
    elif status is Assessment.WAIVED and not note.strip():
        missing = ("note",)
    if missing:
        raise RuleViolation(f"An element assessed as {status} needs: {missing[0]}.", code="missing", missing=missing)


async def check_completeness(
    tx: Transaction, id: str, *, complete: bool, note: str, expected_version: int, by: Principal
) -> Plan:
    """Raises Forbidden, NotFound, StaleVersion; RuleViolation unless in review."""
    plan = await plan_at(tx, id, by=by, expected_version=expected_version, roles=("coordinator",), to="check completeness")
    domain.check_state(plan, "check completeness", State.IN_REVIEW)
    domain.check_separation(plan, "check completeness", by=by.actor)
    changed = replace(plan, check=Check(complete=complete, note=note, by=by.actor, at=tx.at))
    fact = facts.about_plan(contracts.PlanChecked, changed, complete=complete, note=note)
    return await store.plans.save(tx, changed, fact)


async def ask_question(tx: Transaction, id: str, text: str, *, expected_version: int, by: Principal) -> Plan:
    """Raises Forbidden, NotFound, StaleVersion; RuleViolation unless in review."""
    plan = await plan_at(tx, id, by=by, expected_version=expected_version, roles=("coordinator",), to="ask a question")
    domain.check_state(plan, "ask a question", State.IN_REVIEW)
    question = Question(id=new_id(), text=text, asked_by=by.actor, asked_at=tx.at)
    changed = replace(plan, questions=(*plan.questions, question))
    fact = facts.about_plan(contracts.PlanQuestionAsked, changed, question_id=question.id, text=text)
    return await store.plans.save(tx, changed, fact)


async def answer_question(
    tx: Transaction, id: str, question_id: str, answer: str, *, expected_version: int, by: Principal
) -> Plan:
    """Raises Forbidden, NotFound, StaleVersion; RuleViolation unless in review."""
    plan = await plan_at(tx, id, by=by, expected_version=expected_version, roles=("qsmo",), to="answer a question")
    domain.check_state(plan, "answer a question", State.IN_REVIEW)
    question = next((q for q in plan.questions if q.id == question_id), None)
    if question is None:
        raise NotFound(f"There is no question {question_id!r} on this plan.")
    answered = replace(question, answer=answer, answered_by=by.actor, answered_at=tx.at)
    changed = replace(plan, questions=tuple(answered if q.id == question_id else q for q in plan.questions))
    fact = facts.about_plan(contracts.PlanQuestionAnswered, changed, question_id=question_id, text=question.text, answer=answer)
    return await store.plans.save(tx, changed, fact)


async def cast_vote(
    tx: Transaction, id: str, seat_id: str, choice: Choice, *, comment: str, expected_version: int, by: Principal
) -> Plan:
    """One per seat and submission, by who holds the seat or acts for its holder.

    Raises Forbidden (another's seat, the submitter), NotFound, StaleVersion, Conflict for a second vote, RuleViolation.
    """
    plan = await visible_plan(tx, id, by=by)
    if plan.version != expected_version:
        raise StaleVersion(f"The plan is at version {plan.version}.", current_version=plan.version)
    board = await board_for(tx, plan)
    seat = next((seat for seat in board.seats if seat.id == seat_id), None)
    require_seat(by, seat_id, seat, on=tx.at.date())
    domain.check_state(plan, "vote", State.IN_REVIEW)
    domain.check_separation(plan, "vote", by=by.actor)
    if seat is None:
        raise Invalid.at("/seat", f"There is no board seat {seat_id!r}.", code="unknown-reference")
    acting_for = check_vote(plan.votes, seat, board=board, by=by.actor, on=tx.at.date())
    vote = Vote(seat=seat_id, choice=choice, by=by.actor, at=tx.at, comment=comment, acting_for=acting_for)
    changed = replace(plan, votes=(*plan.votes, vote))
    fact = facts.about_plan(
        contracts.PlanVoteCast, changed, seat=seat_id, choice=choice.value, comment=comment, acting_for=acting_for
    )
    return await store.plans.save(tx, changed, fact)
