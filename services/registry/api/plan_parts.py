"""What belongs to a plan, over HTTP: criteria, check, questions, votes, milestones, corrective actions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum

from fastapi import Response

from services.registry import schemas
from services.registry.api import plan_views as views
from services.registry.api.plans import answered
from services.registry.commands import plan_progress, plan_review
from services.registry.commands.plans import Condition, visible_plan
from services.registry.domain.plan import Plan
from services.registry.domain.plan_progress import MilestoneMove
from shared.db import Transaction
from shared.web.edge import Answered, AtEdge, Edge
from shared.web.routes import Router
from shared.web.wire import Identifier, Slug

router = Router(tags=["plans"])


class MilestoneTurn(StrEnum):
    RESCHEDULE = "reschedule"
    MEET = "meet"
    MEET_PARTIALLY = "meet-partially"
    MISS = "miss"


class ObligationTurn(StrEnum):
    PROPOSE_DONE = "propose-done"
    VERIFY = "verify"
    REOPEN = "reopen"


async def _write(at: Edge, change: Callable[[Transaction], Awaitable[Plan]], *, status: int = 200) -> Response:
    """Every part is written with its plan, and answered with it."""

    async def command(tx: Transaction) -> Answered:
        return await answered(tx, await change(tx), at)

    return await at.write(command, status=status)


@router.get("/v1/plans/{id}/criteria", response_model=schemas.CriterionList)
async def list_criteria(id: Identifier, at: AtEdge) -> Response:
    plan = await at.read(lambda tx: visible_plan(tx, id, by=at.principal))
    return at.show(views.criteria_of(plan), version=plan.version)


@router.put("/v1/plans/{id}/criteria/{element}", response_model=schemas.PlanShown)
async def assess_criterion(id: Identifier, element: Slug, body: schemas.CriterionGiven, at: AtEdge) -> Response:
    """`waived` is for OMB alone; nobody assesses what they submitted."""
    return await _write(
        at,
        lambda tx: plan_review.assess_criterion(
            tx,
            id,
            element,
            body.status,
            evidence=tuple(body.evidence),
            note=body.note,
            expected_version=at.expected_version(),
            by=at.principal,
        ),
    )


@router.post("/v1/plans/{id}/check", response_model=schemas.PlanShown)
async def check_completeness(id: Identifier, body: schemas.CheckGiven, at: AtEdge) -> Response:
    return await _write(
        at,
        lambda tx: plan_review.check_completeness(
            tx, id, complete=body.complete, note=body.note, expected_version=at.expected_version(), by=at.principal
        ),
    )


@router.post("/v1/plans/{id}/questions", status_code=201, response_model=schemas.PlanShown)
async def ask_question(id: Identifier, body: schemas.QuestionGiven, at: AtEdge) -> Response:
    return await _write(
        at,
        lambda tx: plan_review.ask_question(tx, id, body.text, expected_version=at.expected_version(), by=at.principal),
        status=201,
    )


@router.post("/v1/plans/{id}/questions/{question_id}/answer", response_model=schemas.PlanShown)
async def answer_question(id: Identifier, question_id: Identifier, body: schemas.AnswerGiven, at: AtEdge) -> Response:
    return await _write(
        at,
        lambda tx: plan_review.answer_question(
            tx, id, question_id, body.answer, expected_version=at.expected_version(), by=at.principal
        ),
    )


@router.post("/v1/plans/{id}/votes", status_code=201, response_model=schemas.PlanShown)
async def cast_vote(id: Identifier, body: schemas.VoteGiven, at: AtEdge) -> Response:
    """One vote per seat, by its holder; the host's seat is recused."""
    return await _write(
        at,
        lambda tx: plan_review.cast_vote(
            tx,
            id,
            body.seat,
            body.choice,
            comment=body.comment,
            expected_version=at.expected_version(),
            by=at.principal,
        ),
        status=201,
    )


@router.get("/v1/plans/{id}/milestones", response_model=schemas.MilestoneList)
async def list_milestones(id: Identifier, at: AtEdge) -> Response:
    async def query(tx: Transaction) -> Response:
        plan = await visible_plan(tx, id, by=at.principal)
        return at.show(views.milestones_of(plan, today=tx.at.date()), version=plan.version)

    return await at.read(query)


@router.post("/v1/plans/{id}/milestones", status_code=201, response_model=schemas.PlanShown)
async def schedule_milestone(id: Identifier, body: schemas.MilestoneGiven, at: AtEdge) -> Response:
    return await _write(
        at,
        lambda tx: plan_progress.schedule_milestone(
            tx, id, title=body.title, due_on=body.due_on, expected_version=at.expected_version(), by=at.principal
        ),
        status=201,
    )


@router.post("/v1/plans/{id}/milestones/{milestone_id}/{action}", response_model=schemas.PlanShown)
async def change_milestone(
    id: Identifier, milestone_id: Identifier, action: MilestoneTurn, body: schemas.MilestoneMoved, at: AtEdge
) -> Response:
    given = MilestoneMove(met_on=body.met_on, forecast_on=body.forecast_on, evidence=tuple(body.evidence), reason=body.reason)
    return await _write(
        at,
        lambda tx: plan_progress.change_milestone(
            tx, id, milestone_id, action.value, given=given, expected_version=at.expected_version(), by=at.principal
        ),
    )


@router.get("/v1/plans/{id}/corrective-actions", response_model=schemas.ObligationList)
async def list_corrective_actions(id: Identifier, at: AtEdge) -> Response:
    """Conditions of the approval are among them."""
    plan = await at.read(lambda tx: visible_plan(tx, id, by=at.principal))
    return at.show(views.obligations_of(plan), version=plan.version)


@router.post("/v1/plans/{id}/corrective-actions", status_code=201, response_model=schemas.PlanShown)
async def open_corrective_action(id: Identifier, body: schemas.ObligationGiven, at: AtEdge) -> Response:
    given = Condition(title=body.title, owner=body.owner, due_on=body.due_on)
    return await _write(
        at,
        lambda tx: plan_progress.open_corrective_action(tx, id, given, expected_version=at.expected_version(), by=at.principal),
        status=201,
    )


@router.post("/v1/plans/{id}/corrective-actions/{corrective_action_id}/{action}", response_model=schemas.PlanShown)
async def change_corrective_action(
    id: Identifier, corrective_action_id: Identifier, action: ObligationTurn, body: schemas.ObligationMoved, at: AtEdge
) -> Response:
    return await _write(
        at,
        lambda tx: plan_progress.change_corrective_action(
            tx,
            id,
            corrective_action_id,
            action.value,
            evidence=tuple(body.evidence),
            reason=body.reason,
            expected_version=at.expected_version(),
            by=at.principal,
        ),
    )
