"""Posts and vacancies over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response

from services.registry import queries, schemas, store
from services.registry.api import post_views as views
from services.registry.api.times import AsOf, KnownAt
from services.registry.commands import posts as commands
from services.registry.domain.delegation import DelegationGiven
from services.registry.domain.post import Holder, Post, PostKind, PostState
from services.registry.queries import PostAt, PostFilter
from shared.db import Transaction
from shared.kernel.errors import Invalid, NotFound
from shared.web.edge import Answered, AtEdge, Edge, Listed
from shared.web.routes import Router
from shared.web.wire import Identifier, Slug

router = Router(tags=["posts"])


@router.get("/v1/posts", response_model=schemas.PostPage)
async def list_posts(
    at: AtEdge,
    paged: Listed,
    kind: PostKind | None = None,
    organization_id: Identifier | None = None,
    area: Slug | None = None,
    state: Annotated[PostState | None, Query(description="At the time asked about")] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
) -> Response:
    wanted = PostFilter(kind=kind, organization_id=organization_id, area=area, state=state, as_of=as_of, known_at=known_at)

    async def query(tx: Transaction) -> Response:
        page = await queries.posts(tx, wanted, paged)
        return at.show_page(page, [views.post(found, today=tx.at.date(), by=at.principal) for found in page.items])

    return await at.read(query)


@router.get("/v1/vacancies", response_model=schemas.VacancyPage)
async def list_vacancies(at: AtEdge, paged: Listed) -> Response:
    """Posts and board seats that nobody holds today, and until when somebody acts in them."""

    async def query(tx: Transaction) -> Response:
        page = await queries.vacancies(tx, paged)
        names = await queries.organization_names(tx, [found.organization_id for found in page.items])
        today = tx.at.date()
        shown = [views.vacancy(found, names=names, today=today, by=at.principal) for found in page.items]
        return at.show_page(page, list(shown))

    return await at.read(query)


@router.get("/v1/posts/{id}", response_model=schemas.PostShown)
async def show_post(id: Identifier, at: AtEdge, as_of: AsOf = None, known_at: KnownAt = None) -> Response:
    async def query(tx: Transaction) -> Response:
        post = await store.posts.get(tx, id)
        found = queries.post_at(post, PostFilter(as_of=as_of, known_at=known_at))
        if found is None:
            raise NotFound(f"The post {id} was not on record then; it is since {post.steps[0].on}.")
        return at.show(views.post(found, today=tx.at.date(), by=at.principal), version=post.version)

    return await at.read(query)


@router.post("/v1/posts", status_code=201, response_model=schemas.PostShown)
async def open_post(body: schemas.PostOpened, at: AtEdge) -> Response:
    """On record from now on: filled, or vacant without a holder."""

    async def command(tx: Transaction) -> Answered:
        saved = await commands.open_post(tx, body.kind, _scope(body), _change(body), by=at.principal)
        return _answered(tx, saved, at)

    return await at.write(command, status=201)


def _scope(body: schemas.PostOpened) -> str:
    """Raises Invalid unless exactly the one that the kind takes is given."""
    of_area = body.kind is PostKind.QSMO_DIRECTOR
    wanted, other = ("focus_area", "organization_id") if of_area else ("organization_id", "focus_area")
    scope: str | None = getattr(body, wanted)
    if scope is None or getattr(body, other) is not None:
        raise Invalid.at(f"/{wanted}", f"A post of the kind {body.kind} takes {wanted}, and no {other}.", code="scope")
    return scope


@router.post("/v1/posts/{id}/fill", response_model=schemas.PostShown)
async def fill_post(id: Identifier, body: schemas.PostFilledGiven, at: AtEdge) -> Response:
    """Also takes over from an earlier holder, whose delegations end. Needs If-Match."""
    return await _move(at, id, "fill", _change(body))


@router.post("/v1/posts/{id}/vacate", response_model=schemas.PostShown)
async def vacate_post(id: Identifier, body: schemas.PostVacatedGiven, at: AtEdge) -> Response:
    """Needs If-Match."""
    change = commands.PostChange(on=body.effective_on, reason=body.reason, source=body.source)
    return await _move(at, id, "vacate", change)


async def _move(at: Edge, id: str, action: str, change: commands.PostChange) -> Response:
    async def command(tx: Transaction) -> Answered:
        version = at.expected_version()
        return _answered(tx, await commands.move_post(tx, id, action, change, expected_version=version, by=at.principal), at)

    return await at.write(command)


@router.post("/v1/posts/{id}/delegate", response_model=schemas.PostShown)
async def delegate_post(id: Identifier, body: schemas.DelegationAsked, at: AtEdge) -> Response:
    """By the holder or a coordinator; takes the place of an earlier delegation. Needs If-Match."""

    async def command(tx: Transaction) -> Answered:
        given = DelegationGiven(**body.model_dump())
        version = at.expected_version()
        return _answered(tx, await commands.delegate_post(tx, id, given, expected_version=version, by=at.principal), at)

    return await at.write(command)


@router.post("/v1/posts/{id}/end-delegation", response_model=schemas.PostShown)
async def end_post_delegation(id: Identifier, body: schemas.DelegationEnded, at: AtEdge) -> Response:
    """Needs If-Match."""

    async def command(tx: Transaction) -> Answered:
        version = at.expected_version()
        saved = await commands.end_post_delegation(tx, id, on=body.ends_on, expected_version=version, by=at.principal)
        return _answered(tx, saved, at)

    return await at.write(command)


def _change(body: schemas.PostMoved) -> commands.PostChange:
    holder = Holder(**body.holder.model_dump()) if body.holder else None
    return commands.PostChange(on=body.effective_on, holder=holder, reason=body.reason, source=body.source)


def _answered(tx: Transaction, saved: Post, at: Edge) -> Answered:
    shown = views.post(PostAt(saved), today=tx.at.date(), by=at.principal)
    return Answered(shown, saved.version, f"/v1/posts/{saved.id}")
