"""The gates of an adoption over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Response

from services.adoption import policy, queries, schemas
from services.adoption.api import views
from services.adoption.api.adoptions import answered
from services.adoption.api.agreement_models import GoLiveGiven
from services.adoption.commands import gates as commands
from services.adoption.commands.gates import AtGate
from services.adoption.domain.adoption import Adoption
from shared.db import Transaction
from shared.web.edge import Answered, AtEdge, Edge
from shared.web.routes import Router
from shared.web.wire import Identifier, Slug

router = Router(tags=["adoptions"])


@router.get("/v1/adoptions/{id}/gates", response_model=schemas.GatesShown)
async def show_gates(id: Identifier, at: AtEdge) -> Response:
    """Every criterion with its result, and who signed; `outstanding` is what keeps the present phase from being left."""

    async def query(tx: Transaction) -> Response:
        found = await queries.adoption(tx, id, reach=await policy.reach(tx, at.principal))
        around = await queries.surroundings_of(tx, found)
        return at.show(views.gates(found, around), version=found.version)

    return await at.read(query)


@router.post("/v1/adoptions/{id}/criteria/{criterion}/meet", response_model=schemas.AdoptionShown)
async def meet_criterion(id: Identifier, criterion: Slug, body: schemas.CriterionMet, at: AtEdge) -> Response:
    """The agency shows that an exit criterion of the present phase is met."""
    return await changed_at_gate(at, id, lambda tx, gate: commands.meet_criterion(tx, gate, criterion, evidence=body.evidence))


@router.post("/v1/adoptions/{id}/criteria/{criterion}/waive", response_model=schemas.AdoptionShown)
async def waive_criterion(id: Identifier, criterion: Slug, body: schemas.Reasoned, at: AtEdge) -> Response:
    """The area's QSMO, or OMB, lets it go."""
    return await changed_at_gate(at, id, lambda tx, gate: commands.waive_criterion(tx, gate, criterion, reason=body.reason))


@router.post("/v1/adoptions/{id}/criteria/{criterion}/reopen", response_model=schemas.AdoptionShown)
async def reopen_criterion(id: Identifier, criterion: Slug, body: schemas.Reasoned, at: AtEdge) -> Response:
    """Unmet again; signatures of the phase's tollgate go with it."""
    return await changed_at_gate(at, id, lambda tx, gate: commands.reopen_criterion(tx, gate, criterion, reason=body.reason))


@router.post("/v1/adoptions/{id}/tollgate/sign", response_model=schemas.AdoptionShown)
async def sign_tollgate(id: Identifier, body: schemas.TollgateSigned, at: AtEdge) -> Response:
    """After readiness, engagement and migration: once for the agency and once for the QSMO, by two persons."""
    return await changed_at_gate(at, id, lambda tx, gate: commands.sign_tollgate(tx, gate, body.side))


@router.post("/v1/adoptions/{id}/go-live", response_model=schemas.AdoptionShown)
async def decide_go_live(id: Identifier, body: GoLiveGiven, at: AtEdge) -> Response:
    """The agency decides, 30 to 60 days before the day; a no-go says what is done instead."""
    return await changed_at_gate(
        at,
        id,
        lambda tx, gate: commands.decide_go_live(
            tx, gate, outcome=body.outcome, go_live_on=body.go_live_on, contingency=body.contingency
        ),
    )


async def changed_at_gate(at: Edge, id: str, change: Callable[[Transaction, AtGate], Awaitable[Adoption]]) -> Response:
    async def command(tx: Transaction) -> Answered:
        gate = AtGate(id=id, expected_version=at.expected_version(), by=at.principal)
        return await answered(tx, await change(tx, gate), at)

    return await at.write(command)
