"""Designations over HTTP."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Response

from services.registry import queries, schemas, store
from services.registry.api import views
from services.registry.api.times import AsOf, KnownAt
from services.registry.commands import designations as commands
from services.registry.domain.designation import Basis, Designation, Status
from services.registry.queries import DesignationAt, DesignationFilter
from shared.db import Transaction
from shared.kernel.errors import NotFound
from shared.web.edge import Answered, AtEdge, Edge, Listed
from shared.web.routes import Router
from shared.web.wire import Identifier, Slug

router = Router(tags=["designations"])


@router.get("/v1/designations", response_model=schemas.DesignationPage)
async def list_designations(
    at: AtEdge,
    paged: Listed,
    area: Slug | None = None,
    service: Slug | None = None,
    organization_id: Identifier | None = None,
    status: Status | None = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
) -> Response:
    wanted = DesignationFilter(
        area=area, service=service, organization_id=organization_id, status=status, as_of=as_of, known_at=known_at
    )

    async def query(tx: Transaction) -> Response:
        page = await queries.designations(tx, wanted, paged)
        names = await queries.organization_names(tx, [found.designation.organization_id for found in page.items])
        lacking = await _lacking(tx, page.items, at)
        return at.show_page(
            page,
            [
                views.designation(found, names=names, lacking=lacking.get(found.designation.id, ()), by=at.principal)
                for found in page.items
            ],
        )

    return await at.read(query)


@router.get("/v1/designations/{id}", response_model=schemas.DesignationShown)
async def show_designation(
    id: Identifier,
    at: AtEdge,
    as_of: AsOf = None,
    known_at: KnownAt = None,
) -> Response:
    async def query(tx: Transaction) -> Response:
        found = await store.designations.get(tx, id)
        wanted = DesignationFilter(as_of=as_of, known_at=known_at)
        in_force = queries.designation_at(found, wanted)
        if in_force is None:
            raise NotFound(f"The designation {id} was not in force then; it began on {found.steps[0].effective_on}.")
        return at.show(await _shown(tx, in_force, at), version=found.version)

    return await at.read(query)


@router.post("/v1/designations/research", status_code=201, response_model=schemas.DesignationShown)
async def research_service(body: schemas.DesignationOpened, at: AtEdge) -> Response:
    return await _open(at, "research", body)


@router.post("/v1/designations/pre-designate", status_code=201, response_model=schemas.DesignationShown)
async def pre_designate_service(body: schemas.DesignationOpened, at: AtEdge) -> Response:
    """Refused while the service has a live designation, or its dates would overlap."""
    return await _open(at, "pre-designate", body)


async def _open(at: Edge, action: str, body: schemas.DesignationOpened) -> Response:
    async def command(tx: Transaction) -> Answered:
        opening = commands.Opening(
            focus_area=body.focus_area,
            service=body.service,
            organization_id=body.organization_id,
            effective_on=body.effective_on,
        )
        saved = await commands.open_designation(tx, action, opening, basis=_basis(body), by=at.principal)
        return await _answered(tx, saved, at)

    return await at.write(command, status=201)


@router.post("/v1/designations/{id}/designate", response_model=schemas.DesignationShown)
async def designate(id: Identifier, body: schemas.DesignationMoved, at: AtEdge) -> Response:
    return await _move(at, id, "designate", body)


@router.post("/v1/designations/{id}/suspend", response_model=schemas.DesignationShown)
async def suspend_designation(id: Identifier, body: schemas.DesignationMoved, at: AtEdge) -> Response:
    return await _move(at, id, "suspend", body)


@router.post("/v1/designations/{id}/reinstate", response_model=schemas.DesignationShown)
async def reinstate_designation(id: Identifier, body: schemas.DesignationMoved, at: AtEdge) -> Response:
    return await _move(at, id, "reinstate", body)


@router.post("/v1/designations/{id}/revoke", response_model=schemas.DesignationShown)
async def revoke_designation(id: Identifier, body: schemas.DesignationMoved, at: AtEdge) -> Response:
    return await _move(at, id, "revoke", body)


async def _move(at: Edge, id: str, action: str, body: schemas.DesignationMoved) -> Response:
    async def command(tx: Transaction) -> Answered:
        saved = await commands.move_designation(
            tx,
            id,
            action,
            on=body.effective_on,
            basis=_basis(body),
            expected_version=at.expected_version(),
            by=at.principal,
        )
        return await _answered(tx, saved, at)

    return await at.write(command)


@router.post("/v1/designations/{id}/transfer", status_code=201, response_model=schemas.DesignationShown)
async def transfer_designation(id: Identifier, body: schemas.DesignationTransfer, at: AtEdge) -> Response:
    """Ends this one and pre-designates another organization in one change; answers with the new one."""

    async def command(tx: Transaction) -> Answered:
        saved = await commands.transfer_designation(
            tx,
            id,
            to_organization_id=body.organization_id,
            on=body.effective_on,
            basis=_basis(body),
            expected_version=at.expected_version(),
            by=at.principal,
        )
        return await _answered(tx, saved, at)

    return await at.write(command, status=201)


def _basis(body: schemas.DesignationOpened | schemas.DesignationMoved) -> Basis:
    return Basis(policy=body.policy, clause=body.clause, reason=body.reason, source=body.source)


async def _answered(tx: Transaction, saved: Designation, at: Edge) -> Answered:
    shown = await _shown(tx, DesignationAt(saved), at)
    return Answered(shown, saved.version, f"/v1/designations/{saved.id}")


async def _shown(tx: Transaction, found: DesignationAt, at: Edge) -> schemas.DesignationShown:
    names = await queries.organization_names(tx, [found.designation.organization_id])
    lacking = (await _lacking(tx, [found], at)).get(found.designation.id, ())
    return views.designation(found, names=names, lacking=lacking, by=at.principal)


async def _lacking(tx: Transaction, found: Sequence[DesignationAt], at: Edge) -> dict[str, tuple[str, ...]]:
    """What stands in the way of designating each, for whom it concerns."""
    if not at.principal.has("omb"):
        return {}
    waiting = [d.designation for d in found if d.designation.status is Status.PRE_DESIGNATED and not d.is_past]
    return await commands.missing_plans(tx, waiting)
