"""Tasks, artifacts and the schedule of an adoption over HTTP."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Annotated

from fastapi import Response
from pydantic import StringConstraints

from services.adoption import policy, queries, schemas
from services.adoption.api import work_models as models
from services.adoption.api.gates import changed_at_gate
from services.adoption.commands import work as commands
from services.adoption.domain import adoption as domain
from services.adoption.domain.adoption import Adoption
from services.adoption.domain.m3 import Phase
from services.adoption.domain.playbook import Artifact, Task
from services.adoption.domain.work import ArtifactState, ArtifactStatus, Stretch, Target, TaskState, TaskStatus, schedule
from shared.db import Transaction
from shared.web.edge import AtEdge
from shared.web.routes import Router
from shared.web.wire import Identifier, Slug

router = Router(tags=["adoptions"])
TaskId = Annotated[str, StringConstraints(pattern=r"^[0-5]\.[1-9][0-9]?$")]
_ENDED = frozenset({TaskStatus.DONE, TaskStatus.NOT_APPLICABLE})


@router.get("/v1/adoptions/{id}/tasks", response_model=models.WorkTasksShown)
async def list_tasks(id: Identifier, at: AtEdge, phase: Phase | None = None) -> Response:
    """Every task of the playbook with what the agency said of it; `phase` narrows the list."""

    async def query(tx: Transaction) -> Response:
        found = await queries.adoption(tx, id, reach=await policy.reach(tx, at.principal))
        tasks = [task for task in (await queries.playbook(tx)).tasks.values() if phase in {None, task.phase}]
        items = [_task(task, found.work.task(task.id), tx.at.date()) for task in tasks]
        shown = models.WorkTasksShown(adoption_id=found.id, counts=Counter(item.status for item in items), items=items)
        return at.show(shown, version=found.version)

    return await at.read(query)


@router.put("/v1/adoptions/{id}/tasks/{task}", response_model=schemas.AdoptionShown)
async def put_task(id: Identifier, task: TaskId, body: models.TaskGiven, at: AtEdge) -> Response:
    """By the adopting agency; to leave a task out needs a reason. Needs If-Match, as every change."""
    return await changed_at_gate(
        at,
        id,
        lambda tx, gate: commands.put_task(
            tx,
            gate,
            TaskState(
                id=task,
                status=body.status,
                on=tx.at.date(),
                by=at.principal.actor,
                owner=body.owner,
                due_on=body.due_on,
                note=body.note,
            ),
        ),
    )


@router.get("/v1/adoptions/{id}/artifacts", response_model=models.WorkArtifactsShown)
async def list_artifacts(id: Identifier, at: AtEdge, phase: Phase | None = None) -> Response:
    """Every document that the playbook asks for, with where it is; `phase` narrows the list."""

    async def query(tx: Transaction) -> Response:
        found = await queries.adoption(tx, id, reach=await policy.reach(tx, at.principal))
        artifacts = [each for each in (await queries.playbook(tx)).artifacts.values() if phase in {None, each.phase}]
        items = [_artifact(each, found.work.artifact(each.id)) for each in artifacts]
        shown = models.WorkArtifactsShown(adoption_id=found.id, counts=Counter(item.status for item in items), items=items)
        return at.show(shown, version=found.version)

    return await at.read(query)


@router.put("/v1/adoptions/{id}/artifacts/{artifact}", response_model=schemas.AdoptionShown)
async def put_artifact(id: Identifier, artifact: Slug, body: models.ArtifactGiven, at: AtEdge) -> Response:
    """By the adopting agency: filed with a link to it, or left out with a reason. Needs If-Match."""
    return await changed_at_gate(
        at,
        id,
        lambda tx, gate: commands.put_artifact(
            tx,
            gate,
            ArtifactState(
                id=artifact,
                status=body.status,
                on=tx.at.date(),
                by=at.principal.actor,
                link=body.link,
                digest=body.digest,
                note=body.note,
            ),
        ),
    )


@router.get("/v1/adoptions/{id}/schedule", response_model=models.ScheduleShown)
async def show_schedule(id: Identifier, at: AtEdge) -> Response:
    """Each phase: who sees it through, when it was to end and when it did, and how far it slipped."""

    async def query(tx: Transaction) -> Response:
        found = await queries.adoption(tx, id, reach=await policy.reach(tx, at.principal))
        return at.show(_schedule(found, tx.at.date()), version=found.version)

    return await at.read(query)


@router.put("/v1/adoptions/{id}/schedule/{phase}", response_model=schemas.AdoptionShown)
async def put_target(id: Identifier, phase: Phase, body: models.TargetGiven, at: AtEdge) -> Response:
    """By the adopting agency; to move a day back needs a reason, and the first one stays known. Needs If-Match."""
    return await changed_at_gate(
        at,
        id,
        lambda tx, gate: commands.put_target(
            tx,
            gate,
            Target(
                phase=phase,
                owner=body.owner,
                target_on=body.target_on,
                baseline_on=body.target_on,
                on=tx.at.date(),
                by=at.principal.actor,
                reason=body.reason,
            ),
        ),
    )


def _task(task: Task, state: TaskState | None, on: date) -> models.WorkTaskShown:
    status = state.status if state else TaskStatus.OPEN
    due_on = state.due_on if state else None
    return models.WorkTaskShown(
        id=task.id,
        phase=task.phase,
        workstream=task.workstream,
        responsible=task.party,
        title=task.title,
        official=task.official.title if task.official else None,
        status=status,
        owner=state and state.owner,
        due_on=due_on,
        overdue=due_on is not None and status not in _ENDED and on > due_on,
        note=state and state.note,
        on=state and state.on,
        by=state and state.by,
    )


def _artifact(artifact: Artifact, state: ArtifactState | None) -> models.WorkArtifactShown:
    return models.WorkArtifactShown(
        id=artifact.id,
        phase=artifact.phase,
        title=artifact.title,
        status=state.status if state else ArtifactStatus.EXPECTED,
        link=state and state.link,
        digest=state and state.digest,
        note=state and state.note,
        on=state and state.on,
        by=state and state.by,
    )


def _schedule(found: Adoption, on: date) -> models.ScheduleShown:
    stretches = schedule(found.work, entered=domain.entered(found), left=domain.left(found), on=on)
    return models.ScheduleShown(adoption_id=found.id, phase=found.phase, as_of=on, items=[_stretch(each) for each in stretches])


def _stretch(found: Stretch) -> models.StretchShown:
    target = found.target
    return models.StretchShown(
        phase=found.phase,
        owner=target and target.owner,
        target_on=target and target.target_on,
        baseline_on=target and target.baseline_on,
        entered_on=found.entered_on,
        left_on=found.left_on,
        slip_days=found.slip_days,
        baseline_slip_days=found.baseline_slip_days,
        late=found.late,
        reason=target and target.reason,
    )
