"""A plan rebuilt from its facts: what it was on a day, by what had been recorded at an instant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from services.registry.domain.plan import Plan, PlanYear, Sections, Turn
from services.registry.domain.plan_criteria import Assessment, Criterion, unassessed
from services.registry.domain.plan_progress import Milestone, MilestoneStatus, Obligation, ObligationKind, ObligationStatus
from services.registry.domain.plan_review import Check, Choice, Question, Recommendation, Vote
from services.registry.domain.plan_states import State
from services.registry.queries.history import RecordedFact
from shared.contracts import registry as contracts
from shared.contracts.fact import Fact

_ACTIONS: dict[type[Fact], str] = {
    contracts.PlanDrafted: "draft",
    contracts.PlanSubmitted: "submit",
    contracts.PlanReviewStarted: "start-review",
    contracts.PlanReturned: "return",
    contracts.PlanRedrafted: "redraft",
    contracts.PlanRecommended: "recommend",
    contracts.PlanApproved: "approve",
    contracts.PlanRejected: "reject",
    contracts.PlanActivated: "activate",
    contracts.PlanCompleted: "complete",
    contracts.PlanSuperseded: "supersede",
}


def plan_of(recorded: Iterable[RecordedFact]) -> Plan | None:
    """The plan that all these facts lead to, oldest first; None when none of them tells the whole."""
    plan: Plan | None = None
    for found in recorded:
        fact = found.fact()
        if isinstance(fact, contracts.PlanFact):
            plan = _told(plan, fact, found)
        elif plan is not None:
            plan = replace(_with_part(plan, fact, found), version=found.version)
    return plan


def holds_on(found: RecordedFact, day: date) -> bool:
    """A turn counts from the day it takes effect, whatever has no such day from the day it was recorded."""
    effective_on = found.data.get("effective_on")
    return (date.fromisoformat(effective_on) if effective_on else found.recorded_at.date()) <= day


def _told(plan: Plan | None, fact: contracts.PlanFact, found: RecordedFact) -> Plan:
    before = plan or Plan(
        id=fact.plan_id,
        version=0,
        focus_area=fact.focus_area,
        host_organization_id=fact.host_organization_id,
        number=fact.number,
        first_fiscal_year=fact.first_fiscal_year,
        turns=(),
        criteria=unassessed(),
    )
    turn = _turn(fact, found)
    after = replace(
        before,
        version=found.version,
        lead_office_id=fact.lead_office_id,
        services=fact.services,
        sections=Sections(**fact.sections),
        years=tuple(PlanYear(**year.model_dump()) for year in fact.years),
        turns=(*before.turns, turn) if turn else before.turns,
        criteria=tuple(_as_told(criterion, fact.criteria.get(criterion.element)) for criterion in before.criteria),
    )
    match fact:
        case contracts.PlanReviewStarted():
            return replace(after, votes=(), check=None, recommendation=None)
        case contracts.PlanRecommended():
            return replace(after, recommendation=_recommendation(fact))
        case contracts.PlanApproved():
            for entry in fact.conditions:
                after = _with_obligation(after, entry, found)
            return after
        case _:
            return after


def _turn(fact: contracts.PlanFact, found: RecordedFact) -> Turn | None:
    action = _ACTIONS.get(type(fact))
    if action is None:
        return None
    return Turn(
        action=action,
        state=State(fact.state),
        on=fact.effective_on,
        at=found.recorded_at,
        by=found.actor,
        reason=fact.reason,
        policy=fact.policy,
        clause=fact.clause,
        acting_for=fact.acting_for,
    )


def _as_told(criterion: Criterion, status: str | None) -> Criterion:
    """The assessment itself may not have been recorded by then."""
    return criterion if status in {None, criterion.status.value} else replace(criterion, status=Assessment(status))


def _recommendation(fact: contracts.PlanRecommended) -> Recommendation:
    return Recommendation(
        outcome=Choice(fact.outcome),
        in_favour=fact.in_favour,
        against=fact.against,
        abstained=fact.abstained,
        filled_seats=fact.filled_seats,
    )


def _with_part(plan: Plan, fact: Fact, found: RecordedFact) -> Plan:
    after = plan
    match fact:
        case contracts.PlanCriterionAssessed():
            after = replace(plan, criteria=tuple(_assessed(c, fact) for c in plan.criteria))
        case contracts.PlanChecked():
            check = Check(complete=fact.complete, note=fact.note, by=found.actor, at=found.recorded_at)
            after = replace(plan, check=check)
        case contracts.PlanQuestionAsked():
            asked = Question(id=fact.question_id, text=fact.text, asked_by=found.actor, asked_at=found.recorded_at)
            after = replace(plan, questions=(*plan.questions, asked))
        case contracts.PlanQuestionAnswered():
            after = replace(plan, questions=tuple(_answered(q, fact, found) for q in plan.questions))
        case contracts.PlanVoteCast():
            after = replace(plan, votes=(*plan.votes, _vote(fact, found)))
        case contracts.MilestoneFact():
            after = _with_milestone(plan, fact)
        case contracts.CorrectiveActionFact():
            after = _with_obligation(plan, fact.corrective_action, found)
        case _:
            pass
    return after


def _assessed(criterion: Criterion, fact: contracts.PlanCriterionAssessed) -> Criterion:
    if criterion.element != fact.element:
        return criterion
    return Criterion(
        element=fact.element,
        status=Assessment(fact.status),
        evidence=fact.evidence,
        note=fact.note,
        assessor=fact.assessor,
        assessed_on=fact.assessed_on,
    )


def _answered(question: Question, fact: contracts.PlanQuestionAnswered, found: RecordedFact) -> Question:
    if question.id != fact.question_id:
        return question
    return replace(question, answer=fact.answer, answered_by=found.actor, answered_at=found.recorded_at)


def _vote(fact: contracts.PlanVoteCast, found: RecordedFact) -> Vote:
    return Vote(
        seat=fact.seat,
        choice=Choice(fact.choice),
        by=found.actor,
        at=found.recorded_at,
        comment=fact.comment,
        acting_for=fact.acting_for,
    )


def _with_milestone(plan: Plan, fact: contracts.MilestoneFact) -> Plan:
    before = next((m for m in plan.milestones if m.id == fact.milestone_id), None)
    was_warned = before is not None and before.warned and not isinstance(fact, contracts.MilestoneRescheduled)
    after = Milestone(
        id=fact.milestone_id,
        title=fact.title,
        due_on=fact.due_on,
        forecast_on=fact.forecast_on,
        status=MilestoneStatus(fact.status),
        met_on=fact.met_on,
        evidence=fact.evidence,
        reason=fact.reason,
        warned=was_warned or isinstance(fact, contracts.MilestoneAtRisk),
    )
    if before is None:
        return replace(plan, milestones=(*plan.milestones, after))
    return replace(plan, milestones=tuple(after if m.id == after.id else m for m in plan.milestones))


def _with_obligation(plan: Plan, entry: contracts.ObligationEntry, found: RecordedFact) -> Plan:
    before = next((o for o in plan.obligations if o.id == entry.id), None)
    proposed_before = before.proposed_by if before else None
    proposes = found.type == contracts.CorrectiveActionProposedDone.TYPE
    after = Obligation(
        id=entry.id,
        kind=ObligationKind(entry.kind),
        title=entry.title,
        owner=entry.owner,
        due_on=entry.due_on,
        status=ObligationStatus(entry.status),
        evidence=entry.evidence,
        proposed_by=found.actor if proposes else proposed_before,
        reason=entry.reason,
        finding_id=entry.finding_id,
    )
    if before is None:
        return replace(plan, obligations=(*plan.obligations, after))
    return replace(plan, obligations=tuple(after if o.id == after.id else o for o in plan.obligations))
