"""M3 as data over HTTP: phases, exit criteria, tasks, artifacts, terms, and how risk is scored."""

from __future__ import annotations

from fastapi import Response

from services.adoption import queries, schemas
from services.adoption.api import work_models as models
from services.adoption.domain import risk
from services.adoption.domain.m3 import TOLLGATES, Phase, criteria_of
from services.adoption.domain.playbook import ItemKind, Task
from services.adoption.domain.risk import Size
from services.adoption.queries import Playbook
from shared.db import Transaction
from shared.web.edge import AtEdge
from shared.web.routes import Router

router = Router(tags=["meta"])


@router.get("/v1/meta/m3", response_model=schemas.PlaybookShown)
async def show_m3(at: AtEdge) -> Response:
    """Phases, exit criteria, tollgates, tasks and artifacts that adoptions go by."""
    return at.show(await at.read(_playbook))


@router.get("/v1/meta/m3/terms", response_model=schemas.GlossaryShown)
async def list_m3_terms(at: AtEdge) -> Response:
    """Roles and abbreviations, as far as a file of the playbook brought them."""

    async def query(tx: Transaction) -> schemas.GlossaryShown:
        items = (await queries.playbook(tx)).of(ItemKind.TERM)
        terms = [schemas.TermShown(group=item.data["group"], name=item.title, text=item.data["text"]) for item in items]
        return schemas.GlossaryShown(items=terms)

    return at.show(await at.read(query))


@router.get("/v1/meta/m3/risk", response_model=models.RiskToolShown)
async def show_risk_tool(at: AtEdge) -> Response:
    """Categories, points, bands, and the weight of each category by size of project and phase."""

    async def query(tx: Transaction) -> models.RiskToolShown:
        found = await queries.playbook(tx)
        return models.RiskToolShown(
            source=risk.SOURCE,
            imported_weights=len(found.of(ItemKind.WEIGHT)),
            points=dict(risk.POINTS),
            band_from=dict(risk.BAND_FROM),
            weights={size: {phase: found.weights(size, phase) for phase in Phase} for size in Size},
        )

    return at.show(await at.read(query))


async def _playbook(tx: Transaction) -> schemas.PlaybookShown:
    found = await queries.playbook(tx)
    return schemas.PlaybookShown(
        source="M3 playbook (2018) in our own words; ids of tasks are the playbook's, others ours",
        imported=len(found.items),
        phases=[_phase(found, phase) for phase in Phase],
    )


def _phase(found: Playbook, phase: Phase) -> schemas.PhaseShown:
    imported = found.items.get((ItemKind.PHASE, phase))
    return schemas.PhaseShown(
        phase=phase,
        objective=imported.data["objective"] if imported else None,
        tollgate=phase in TOLLGATES,
        tollgate_items=[item.title for item in found.of(ItemKind.TOLLGATE_ITEM) if item.phase is phase],
        exit_criteria=[
            schemas.CriterionShown(
                id=criterion.id,
                phase=phase,
                text=criterion.text,
                official=found.official(ItemKind.CRITERION, criterion.id),
            )
            for criterion in criteria_of(phase)
        ],
        tasks=[_task(task) for task in found.tasks.values() if task.phase is phase],
        artifacts=[
            schemas.ArtifactShown(id=artifact.id, phase=phase, title=artifact.title)
            for artifact in found.artifacts.values()
            if artifact.phase is phase
        ],
    )


def _task(task: Task) -> schemas.TaskShown:
    more = task.official.data if task.official else {}
    return schemas.TaskShown(
        id=task.id,
        phase=task.phase,
        workstream=task.workstream,
        responsible=task.party,
        title=task.title,
        official=task.official.title if task.official else None,
        objective=more.get("objective"),
        activities=more.get("activities", []),
        outputs=more.get("outputs", []),
        stakeholders=more.get("stakeholders", []),
    )
