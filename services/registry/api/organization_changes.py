"""Dated changes of organizations over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Response

from services.registry import schemas
from services.registry.api import views
from services.registry.commands import organization_changes as commands
from services.registry.commands.organizations import OrganizationValues
from services.registry.domain.organization import Code, Organization
from shared.db import Transaction
from shared.web.edge import Answered, AtEdge, Edge
from shared.web.routes import Router
from shared.web.wire import Identifier

router = Router(tags=["organizations"])


@router.post("/v1/organizations/{id}/rename", response_model=schemas.OrganizationShown)
async def rename_organization(id: Identifier, body: schemas.OrganizationRenamed, at: AtEdge) -> Response:
    """Needs If-Match."""
    return await _write(
        at,
        lambda tx: commands.rename_organization(
            tx,
            id,
            body.name,
            abbreviation=body.abbreviation,
            ground=_ground(body),
            expected_version=at.expected_version(),
            by=at.principal,
        ),
    )


@router.post("/v1/organizations/{id}/move", response_model=schemas.OrganizationShown)
async def move_organization(id: Identifier, body: schemas.OrganizationMoved, at: AtEdge) -> Response:
    """Below another parent from that day on. Needs If-Match."""
    return await _write(
        at,
        lambda tx: commands.move_organization(
            tx,
            id,
            parent_id=body.parent_id,
            ground=_ground(body),
            expected_version=at.expected_version(),
            by=at.principal,
        ),
    )


@router.post("/v1/organizations/{id}/merge", response_model=schemas.OrganizationShown)
async def merge_organization(id: Identifier, body: schemas.OrganizationMerging, at: AtEdge) -> Response:
    """Ends it; what stood below it moves below the other. Refused while it leads live designations. Needs If-Match."""
    return await _write(
        at,
        lambda tx: commands.merge_organization(
            tx,
            id,
            into_id=body.into_id,
            ground=_ground(body),
            expected_version=at.expected_version(),
            by=at.principal,
        ),
    )


@router.post("/v1/organizations/{id}/split", response_model=schemas.OrganizationShown)
async def split_organization(id: Identifier, body: schemas.OrganizationSplitting, at: AtEdge) -> Response:
    """New organizations come out of it, named in `successor_ids` of the answer. Needs If-Match."""
    return await _write(
        at,
        lambda tx: commands.split_organization(
            tx,
            id,
            into=[_values(part) for part in body.into],
            goes_on=body.goes_on,
            ground=_ground(body),
            expected_version=at.expected_version(),
            by=at.principal,
        ),
    )


@router.post("/v1/organizations/{id}/dissolve", response_model=schemas.OrganizationShown)
async def dissolve_organization(id: Identifier, body: schemas.DatedGround, at: AtEdge) -> Response:
    """Refused while anything stands below it or it leads live designations. Needs If-Match."""
    return await _write(
        at,
        lambda tx: commands.dissolve_organization(
            tx, id, ground=_ground(body), expected_version=at.expected_version(), by=at.principal
        ),
    )


async def _write(at: Edge, change: Callable[[Transaction], Awaitable[Organization]]) -> Response:
    async def command(tx: Transaction) -> Answered:
        saved = await change(tx)
        return Answered(views.organization(saved, by=at.principal), saved.version)

    return await at.write(command)


def _ground(body: schemas.DatedGround) -> commands.Ground:
    return commands.Ground(on=body.effective_on, reason=body.reason, source=body.source)


def _values(part: schemas.OrganizationPartGiven) -> OrganizationValues:
    return OrganizationValues(
        name=part.name,
        kind=part.kind,
        abbreviation=part.abbreviation,
        parent_id=part.parent_id,
        codes=tuple(dict.fromkeys(Code(scheme=c.scheme, value=c.value) for c in part.codes)),
        cfo_act=part.cfo_act,
    )
