"""Service levels over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from decimal import Decimal
from typing import Annotated

from fastapi import Query, Response
from sqlalchemy import or_, select

from services.adoption import policy, store, tables
from services.adoption.api import sla_models as models
from services.adoption.commands import slas as commands
from services.adoption.domain.sla import Sla
from shared.db import Transaction
from shared.kernel.target import kind_of, parsed
from shared.web.edge import Answered, AtEdge, Edge, Listed
from shared.web.listing import listing
from shared.web.paging import page_of
from shared.web.routes import Router
from shared.web.wire import Identifier, Slug, Words

router = Router(tags=["service levels"])
_LISTING = listing(
    tables.slas,
    *("adoption_id", "offering_id", "focus_area", "measure_id", "target", "missed_in_a_row"),
    sorts=("missed_in_a_row",),
    renamed={"agency_id": tables.slas.c.organization_id},
)


@router.get("/v1/sla-targets/understood", response_model=models.TargetUnderstood)
async def understand_sla_target(at: AtEdge, text: Annotated[Words, Query()]) -> Response:
    """What a target's words are understood as, before they are agreed."""
    return at.show(models.TargetUnderstood(text=text, kind=kind_of(text), comparable=_target(text)))


@router.get("/v1/slas", response_model=models.SlaPage)
async def list_slas(
    at: AtEdge,
    paged: Listed,
    adoption_id: Identifier | None = None,
    agency_id: Identifier | None = None,
    offering_id: Identifier | None = None,
    area: Slug | None = None,
    missed: Annotated[bool, Query(description="Only those whose last month missed its target")] = False,
) -> Response:
    """Of one's own agencies, of the areas one leads, or of one's own offerings."""
    table = tables.slas

    async def query(tx: Transaction) -> Response:
        wanted = select(table)
        reach = await policy.reach(tx, at.principal)
        if not reach.everything:
            offerings = tables.known_offerings
            provided = select(offerings.c.id).where(offerings.c.provider_id.in_(at.principal.scopes("provider")))
            own = table.c.organization_id.in_(reach.organizations)
            wanted = wanted.where(or_(own, table.c.focus_area.in_(reach.areas), table.c.offering_id.in_(provided)))
        for column, value in (
            (table.c.adoption_id, adoption_id),
            (table.c.organization_id, agency_id),
            (table.c.offering_id, offering_id),
            (table.c.focus_area, area),
        ):
            wanted = wanted if value is None else wanted.where(column == value)
        wanted = wanted.where(table.c.missed_in_a_row > 0) if missed else wanted
        page = await page_of(tx, wanted, by=[table.c.id], request=paged, read=store.slas.from_row, listing=_LISTING)
        return at.show_page(page, [models.SlaInList(**_fields(found)) for found in page.items])

    return await at.read(query)


@router.get("/v1/slas/{id}", response_model=models.SlaShown)
async def show_sla(id: Identifier, at: AtEdge) -> Response:
    async def query(tx: Transaction) -> Response:
        found = await commands.visible_sla(tx, id, by=at.principal)
        return at.show(_shown(found), version=found.version)

    return await at.read(query)


@router.post("/v1/adoptions/{adoption_id}/slas", status_code=201, response_model=models.SlaShown)
async def agree_sla(adoption_id: Identifier, body: models.SlaGiven, at: AtEdge) -> Response:
    """By the adopting agency, once per measure. A target that cannot be compared is kept as text."""
    return await _write(
        at, lambda tx: commands.agree_sla(tx, adoption_id, body.measure_id, body.target, by=at.principal), status=201
    )


@router.put("/v1/slas/{id}", response_model=models.SlaShown)
async def retarget_sla(id: Identifier, body: models.TargetGiven, at: AtEdge) -> Response:
    """For months told from now on. Needs If-Match."""
    return await _write(
        at, lambda tx: commands.retarget_sla(tx, id, body.target, expected_version=at.expected_version(), by=at.principal)
    )


@router.post("/v1/slas/{id}/results", response_model=models.SlaShown)
async def record_sla_result(id: Identifier, body: models.ResultGiven, at: AtEdge) -> Response:
    """Of a month that is over, by the provider; told again, it replaces what was told. Needs If-Match."""
    return await _write(
        at,
        lambda tx: commands.record_result(
            tx,
            id,
            month=body.month,
            value=Decimal(body.value),
            comment=body.comment,
            expected_version=at.expected_version(),
            by=at.principal,
        ),
    )


def _target(text: str) -> models.TargetShown | None:
    found = parsed(text)
    return models.TargetShown(**asdict(found)) if found else None


def _fields(found: Sla) -> dict[str, object]:
    return {
        "id": found.id,
        "version": found.version,
        "adoption_id": found.adoption_id,
        "agency_id": found.organization_id,
        "offering_id": found.offering_id,
        "focus_area": found.focus_area,
        "measure_id": found.measure_id,
        "target": found.target,
        "target_kind": kind_of(found.target),
        "comparable": _target(found.target),
        "missing": list(found.missing),
        "months": len(found.results),
        "missed": len(found.missed),
        "missed_in_a_row": found.missed_in_a_row,
        "trend": found.trend,
        "last": models.ResultShown(**asdict(found.last)) if found.last else None,
    }


def _shown(found: Sla) -> models.SlaShown:
    return models.SlaShown(**_fields(found), results=[models.ResultShown(**asdict(each)) for each in found.results])


async def _write(at: Edge, command: Callable[[Transaction], Awaitable[Sla]], *, status: int = 200) -> Response:
    async def answered(tx: Transaction) -> Answered:
        saved = await command(tx)
        return Answered(_shown(saved), saved.version, f"/v1/slas/{saved.id}")

    return await at.write(answered, status=status)
