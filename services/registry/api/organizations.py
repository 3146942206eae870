"""Organizations over HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import Path, Query, Response

from services.registry import queries, schemas, store
from services.registry.api import views
from services.registry.api.members import members
from services.registry.api.times import AsOf, KnownAt
from services.registry.commands import organizations as commands
from services.registry.domain.organization import Alias, Code, Organization
from services.registry.queries import OrganizationFilter
from shared.db import Transaction
from shared.kernel.errors import NotFound
from shared.web.edge import Answered, AtEdge, Edge, Listed
from shared.web.routes import Router
from shared.web.wire import Identifier, Line, Slug

_CODE_MAX = 80
router = Router(tags=["organizations"])


@router.get("/v1/organizations", response_model=schemas.OrganizationPage)
async def list_organizations(
    at: AtEdge,
    paged: Listed,
    q: Annotated[Line | None, Query(description="Part of the name")] = None,
    code: Annotated[Line | None, Query(description="A code of any scheme, or of `scheme`")] = None,
    scheme: Slug | None = None,
    parent_id: Identifier | None = None,
    cfo_act: bool | None = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
) -> Response:
    """With `as_of`, those that existed on that day, under the name and parent of that day."""
    wanted = OrganizationFilter(
        q=q, code=code, scheme=scheme, parent_id=parent_id, cfo_act=cfo_act, as_of=as_of, known_at=known_at
    )
    page = await at.read(lambda tx: queries.organizations(tx, wanted, paged))
    shown = [views.organization(found, by=at.principal, is_past=wanted.is_dated) for found in page.items]
    return at.show_page(page, list(shown))


@router.get("/v1/organizations/{id}", response_model=schemas.OrganizationShown)
async def show_organization(id: Identifier, at: AtEdge, as_of: AsOf = None, known_at: KnownAt = None) -> Response:
    async def query(tx: Transaction) -> Response:
        current = await store.organizations.get(tx, id)
        known = current if known_at is None else await queries.organization_known_at(tx, id, known_at)
        wanted = OrganizationFilter(as_of=as_of, known_at=known_at)
        found = known and queries.organization_at(known, wanted)
        if found is None:
            raise NotFound(f"The organization {id} was not there at that time, or not on record then.")
        shown = views.organization(found, by=at.principal, is_past=wanted.is_dated)
        return at.show(shown, version=current.version)

    return await at.read(query)


@router.get("/v1/organizations/{id}/tree", response_model=schemas.OrganizationTree)
async def show_organization_tree(id: Identifier, at: AtEdge, as_of: AsOf = None) -> Response:
    """The organization and all below it, as they stood on that day."""

    async def query(tx: Transaction) -> Response:
        day = as_of or tx.at.date()
        nodes = [schemas.TreeNodeShown(**members(node)) for node in await queries.tree(tx, id, as_of=day)]
        return at.show(schemas.OrganizationTree(as_of=day, items=nodes))

    return await at.read(query)


@router.get("/v1/organizations/by-key/{scheme}/{value}", response_model=schemas.OrganizationShown)
async def show_organization_by_code(scheme: Slug, value: Line, at: AtEdge) -> Response:
    found = await at.read(lambda tx: queries.organization_by_code(tx, Code(scheme=scheme, value=value)))
    if found is None:
        raise NotFound(f"No organization has the code {scheme}:{value}.")
    return at.show(views.organization(found, by=at.principal), version=found.version)


@router.put(
    "/v1/organizations/by-key/{scheme}/{value}",
    response_model=schemas.OrganizationShown,
    responses={201: {"model": schemas.OrganizationShown, "description": "Registered"}},
)
async def put_organization_by_code(
    scheme: Slug, value: Annotated[Line, Path(max_length=_CODE_MAX)], body: schemas.OrganizationGiven, at: AtEdge
) -> Response:
    """Registers the organization with this code, or changes the one that has it. The code need not be repeated in the body."""
    code = Code(scheme=scheme, value=value)
    given = _values(body)
    values = replace(given, codes=tuple(dict.fromkeys((code, *given.codes))))

    async def command(tx: Transaction) -> Answered:
        found = await queries.organization_by_code(tx, code)
        expected = at.expected_version_of(found.version if found else None)
        if found is None:
            made = await commands.register_organization(tx, values, by=at.principal)
            return replace(_answered(made, at), is_new=True)
        saved = await commands.change_organization(tx, found.id, values, expected_version=expected, by=at.principal)
        return _answered(saved, at)

    return await at.write(command)


@router.post("/v1/organizations", status_code=201, response_model=schemas.OrganizationShown)
async def register_organization(body: schemas.OrganizationGiven, at: AtEdge) -> Response:
    async def command(tx: Transaction) -> Answered:
        return _answered(await commands.register_organization(tx, _values(body), by=at.principal), at)

    return await at.write(command, status=201)


@router.put("/v1/organizations/{id}", response_model=schemas.OrganizationShown)
async def change_organization(id: Identifier, body: schemas.OrganizationGiven, at: AtEdge) -> Response:
    """Needs If-Match."""

    async def command(tx: Transaction) -> Answered:
        saved = await commands.change_organization(
            tx, id, _values(body), expected_version=at.expected_version(), by=at.principal
        )
        return _answered(saved, at)

    return await at.write(command)


def _values(body: schemas.OrganizationGiven) -> commands.OrganizationValues:
    return commands.OrganizationValues(
        name=body.name,
        kind=body.kind,
        abbreviation=body.abbreviation,
        parent_id=body.parent_id,
        codes=tuple(dict.fromkeys(Code(scheme=c.scheme, value=c.value) for c in body.codes)),
        aliases=tuple(Alias(name=a.name, valid_from=a.valid_from, valid_to=a.valid_to) for a in body.aliases),
        cfo_act=body.cfo_act,
        valid_from=body.valid_from,
        valid_to=body.valid_to,
    )


def _answered(saved: Organization, at: Edge) -> Answered:
    return Answered(views.organization(saved, by=at.principal), saved.version, f"/v1/organizations/{saved.id}")
