"""Match reviews over HTTP."""

from __future__ import annotations

from fastapi import Response

from services.registry import queries, schemas, store
from services.registry.api import views
from services.registry.commands import match_reviews as commands
from services.registry.domain.match_review import Status
from shared.db import Transaction
from shared.web.edge import Answered, AtEdge, Listed
from shared.web.routes import Router
from shared.web.wire import Identifier

router = Router(tags=["match reviews"])


@router.get("/v1/match-reviews", response_model=schemas.MatchReviewPage)
async def list_match_reviews(at: AtEdge, paged: Listed, status: Status | None = None) -> Response:
    page = await at.read(lambda tx: queries.match_reviews(tx, status=status, request=paged))
    return at.show_page(page, [views.match_review(review, by=at.principal) for review in page.items])


@router.get("/v1/match-reviews/{id}", response_model=schemas.MatchReviewShown)
async def show_match_review(id: Identifier, at: AtEdge) -> Response:
    review = await at.read(lambda tx: store.match_reviews.get(tx, id))
    return at.show(views.match_review(review, by=at.principal), version=review.version)


@router.post("/v1/match-reviews/resolve", response_model=schemas.MatchReviewList)
async def resolve_match_reviews(body: schemas.ReviewsResolved, at: AtEdge) -> Response:
    """Settles many in one change: all of them, or none, and then every row's error has its pointer."""

    async def command(tx: Transaction) -> Answered:
        wanted = [commands.Resolution(**row.model_dump()) for row in body.resolutions]
        saved = await commands.resolve_reviews(tx, wanted, by=at.principal)
        return Answered(schemas.MatchReviewList(items=[views.match_review(r, by=at.principal) for r in saved]))

    return await at.write(command)


@router.post("/v1/match-reviews/{id}/resolve", response_model=schemas.MatchReviewShown)
async def resolve_match_review(id: Identifier, body: schemas.ReviewResolved, at: AtEdge) -> Response:
    """The outside id and name belong to this organization from now on; what waited for them goes on."""

    async def command(tx: Transaction) -> Answered:
        saved = await commands.resolve_review(
            tx, id, organization_id=body.organization_id, expected_version=at.expected_version(), by=at.principal
        )
        return Answered(views.match_review(saved, by=at.principal), saved.version)

    return await at.write(command)


@router.post("/v1/match-reviews/{id}/dismiss", response_model=schemas.MatchReviewShown)
async def dismiss_match_review(id: Identifier, body: schemas.ReviewDismissed, at: AtEdge) -> Response:
    async def command(tx: Transaction) -> Answered:
        saved = await commands.dismiss_review(
            tx, id, reason=body.reason, expected_version=at.expected_version(), by=at.principal
        )
        return Answered(views.match_review(saved, by=at.principal), saved.version)

    return await at.write(command)
