"""Providers over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response

from services.catalog import queries, schemas, store
from services.catalog.api import views
from services.catalog.commands import providers as commands
from services.catalog.domain.provider import Kind, Provider
from shared.db import Transaction
from shared.web.edge import Answered, AtEdge, Edge, Listed
from shared.web.routes import Router
from shared.web.wire import Identifier, Line

router = Router(tags=["providers"])


@router.get("/v1/providers", response_model=schemas.ProviderPage)
async def list_providers(
    at: AtEdge,
    paged: Listed,
    kind: Kind | None = None,
    q: Annotated[Line | None, Query(description="Words that the name must contain")] = None,
) -> Response:
    page = await at.read(lambda tx: queries.providers(tx, kind=kind, q=q, request=paged))
    return at.show_page(page, [views.provider(found, by=at.principal) for found in page.items])


@router.get("/v1/providers/{id}", response_model=schemas.ProviderShown)
async def show_provider(id: Identifier, at: AtEdge) -> Response:
    found = await at.read(lambda tx: store.providers.get(tx, id))
    return at.show(views.provider(found, by=at.principal), version=found.version)


@router.post("/v1/providers", status_code=201, response_model=schemas.ProviderShown)
async def register_provider(body: schemas.ProviderGiven, at: AtEdge) -> Response:
    async def command(tx: Transaction) -> Answered:
        return _answered(await commands.register_provider(tx, values_of(body), by=at.principal), at)

    return await at.write(command, status=201)


@router.put("/v1/providers/{id}", response_model=schemas.ProviderShown)
async def change_provider(id: Identifier, body: schemas.ProviderGiven, at: AtEdge) -> Response:
    """Needs If-Match."""

    async def command(tx: Transaction) -> Answered:
        saved = await commands.change_provider(tx, id, values_of(body), expected_version=at.expected_version(), by=at.principal)
        return _answered(saved, at)

    return await at.write(command)


def values_of(body: schemas.ProviderGiven) -> commands.ProviderValues:
    return commands.ProviderValues(
        name=body.name,
        kind=body.kind,
        organization_id=body.organization_id,
        uei=body.uei,
        small_business=body.small_business,
    )


def _answered(saved: Provider, at: Edge) -> Answered:
    return Answered(views.provider(saved, by=at.principal), saved.version, f"/v1/providers/{saved.id}")
