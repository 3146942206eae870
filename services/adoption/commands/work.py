"""The work of an adoption: its tasks, artifacts and targets, kept by the agency."""

from __future__ import annotations

from services.adoption import queries
from services.adoption.commands.gates import AtGate, found_at, require_agency, told
from services.adoption.domain import adoption as domain
from services.adoption.domain import work
from services.adoption.domain.adoption import Adoption
from services.adoption.domain.work import ArtifactState, Target, TaskState
from shared.contracts import adoption as contracts
from shared.db import Transaction
from shared.kernel.errors import NotFound


async def put_task(tx: Transaction, at: AtGate, state: TaskState) -> Adoption:
    """Raises NotFound, Forbidden, StaleVersion, RuleViolation."""
    found = await found_at(tx, at)
    require_agency(found, "keep its tasks")
    if state.id not in (await queries.playbook(tx)).tasks:
        raise NotFound(f"There is no task {state.id!r}; GET /v1/meta/m3 lists them.")
    changed = domain.at_work(found.adoption, work.with_task(found.adoption.work, state))
    return await told(
        tx,
        found,
        changed,
        contracts.TaskChanged,
        task=state.id,
        task_status=state.status.value,
        owner=state.owner,
        due_on=state.due_on,
        note=state.note,
    )


async def put_artifact(tx: Transaction, at: AtGate, state: ArtifactState) -> Adoption:
    """Raises NotFound, Forbidden, StaleVersion, RuleViolation, Invalid."""
    found = await found_at(tx, at)
    require_agency(found, "keep its artifacts")
    if state.id not in (await queries.playbook(tx)).artifacts:
        raise NotFound(f"There is no artifact {state.id!r}; GET /v1/meta/m3 lists them.")
    changed = domain.at_work(found.adoption, work.with_artifact(found.adoption.work, state))
    return await told(
        tx,
        found,
        changed,
        contracts.ArtifactChanged,
        artifact=state.id,
        artifact_status=state.status.value,
        link=state.link,
        digest=state.digest,
        note=state.note,
    )


async def put_target(tx: Transaction, at: AtGate, target: Target) -> Adoption:
    """Raises NotFound, Forbidden, StaleVersion, RuleViolation."""
    found = await found_at(tx, at)
    require_agency(found, "set when a phase is to end")
    changed = domain.at_work(found.adoption, work.with_target(found.adoption.work, target))
    kept = changed.work.target(target.phase) or target
    return await told(
        tx,
        found,
        changed,
        contracts.TargetSet,
        reason=target.reason,
        of_phase=target.phase.value,
        owner=target.owner,
        target_on=target.target_on,
        baseline_on=kept.baseline_on,
    )
