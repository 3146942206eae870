"""Policies, focus areas and their timelines."""

from __future__ import annotations

from fastapi import Response

from services.registry import queries, schemas, store
from services.registry.api import timeline_views, views
from services.registry.api.times import AsOf, KnownAt
from services.registry.commands import areas as commands
from services.registry.domain.focus_area import AreaService, FocusArea, Policy
from shared.db import Transaction
from shared.web.edge import Answered, AtEdge, Listed
from shared.web.routes import Router
from shared.web.wire import Slug

router = Router(tags=["focus areas"])


@router.get("/v1/policies", response_model=schemas.PolicyPage)
async def list_policies(at: AtEdge, paged: Listed) -> Response:
    page = await at.read(lambda tx: queries.policies(tx, paged))
    return at.show_page(page, [views.policy(found) for found in page.items])


@router.get("/v1/policies/{id}", response_model=schemas.PolicyShown)
async def show_policy(id: Slug, at: AtEdge) -> Response:
    found = await at.read(lambda tx: store.policies.get(tx, id))
    return at.show(views.policy(found), version=found.version)


@router.post("/v1/policies", status_code=201, response_model=schemas.PolicyShown)
async def record_policy(body: schemas.PolicyGiven, at: AtEdge) -> Response:
    async def command(tx: Transaction) -> Answered:
        policy = Policy(version=0, **body.model_dump())
        saved = await commands.record_policy(tx, policy, by=at.principal)
        return Answered(views.policy(saved), saved.version, f"/v1/policies/{saved.id}")

    return await at.write(command, status=201)


@router.get("/v1/focus-areas", response_model=schemas.FocusAreaPage)
async def list_focus_areas(at: AtEdge, paged: Listed) -> Response:
    page = await at.read(lambda tx: queries.focus_areas(tx, paged))
    return at.show_page(page, [views.focus_area(area, by=at.principal) for area in page.items])


@router.get("/v1/focus-areas/{id}", response_model=schemas.FocusAreaShown)
async def show_focus_area(id: Slug, at: AtEdge) -> Response:
    area = await at.read(lambda tx: store.focus_areas.get(tx, id))
    return at.show(views.focus_area(area, by=at.principal), version=area.version)


@router.post("/v1/focus-areas", status_code=201, response_model=schemas.FocusAreaShown)
async def register_focus_area(body: schemas.FocusAreaGiven, at: AtEdge) -> Response:
    async def command(tx: Transaction) -> Answered:
        area = FocusArea(
            id=body.id,
            version=0,
            title=body.title,
            policy=body.policy,
            aliases=tuple(body.aliases),
            services=_services(body),
            marketplace_opens_on=body.marketplace_opens_on,
        )
        saved = await commands.register_focus_area(tx, area, by=at.principal)
        return Answered(views.focus_area(saved, by=at.principal), saved.version, f"/v1/focus-areas/{saved.id}")

    return await at.write(command, status=201)


@router.put("/v1/focus-areas/{id}", response_model=schemas.FocusAreaShown)
async def change_focus_area(id: Slug, body: schemas.FocusAreaValues, at: AtEdge) -> Response:
    """Needs If-Match. Services can be added and renamed; one that is left out is refused."""

    async def command(tx: Transaction) -> Answered:
        change = commands.AreaChange(
            title=body.title,
            aliases=tuple(body.aliases),
            services=_services(body),
            marketplace_opens_on=body.marketplace_opens_on,
        )
        saved = await commands.change_focus_area(tx, id, change, expected_version=at.expected_version(), by=at.principal)
        return Answered(views.focus_area(saved, by=at.principal), saved.version)

    return await at.write(command)


def _services(body: schemas.FocusAreaValues) -> tuple[AreaService, ...]:
    return tuple(AreaService(slug=service.slug, title=service.title) for service in body.services)


@router.get("/v1/focus-areas/{id}/timeline", response_model=schemas.Timeline)
async def show_timeline(id: Slug, at: AtEdge, as_of: AsOf = None, known_at: KnownAt = None) -> Response:
    """Every dated step of every designation of the area, and the turns of its plans, by effective date."""

    async def query(tx: Transaction) -> Response:
        found = await queries.timeline(tx, id, as_of=as_of, known_at=known_at, by=at.principal)
        entries = [timeline_views.entry(happening) for happening in found]
        names = await queries.organization_names(tx, [entry.organization_id for entry in entries])
        named = [e.model_copy(update={"organization_name": names.get(e.organization_id or "")}) for e in entries]
        return at.show(schemas.Timeline(focus_area=id, entries=named))

    return await at.read(query)
