"""Risk assessments of an adoption over HTTP."""

from __future__ import annotations

from fastapi import Response

from services.adoption import policy, queries, schemas
from services.adoption.api import work_models as models
from services.adoption.api.gates import changed_at_gate
from services.adoption.commands import risks as commands
from services.adoption.domain.m3 import TOLLGATES
from services.adoption.domain.risk import POINTS, Band, Category, Rating, RiskAssessment, lacking
from shared.db import Transaction
from shared.web.edge import AtEdge
from shared.web.routes import Router
from shared.web.wire import Identifier

router = Router(tags=["adoptions"])


@router.get("/v1/adoptions/{id}/risk", response_model=models.RisksShown)
async def show_risk(id: Identifier, at: AtEdge) -> Response:
    """Every version with its score, spelled out; what is unanswered, and what the tollgate of the phase asks for."""

    async def query(tx: Transaction) -> Response:
        found = await queries.adoption(tx, id, reach=await policy.reach(tx, at.principal))
        versions = [_shown(each) for each in found.gates.risks]
        shown = models.RisksShown(
            adoption_id=found.id,
            phase=found.phase,
            needed=list(lacking(found.gates.risks, found.phase)) if found.phase in TOLLGATES else [],
            newest=versions[-1] if versions else None,
            versions=versions,
        )
        return at.show(shown, version=found.version)

    return await at.read(query)


@router.post("/v1/adoptions/{id}/risk", response_model=schemas.AdoptionShown)
async def assess_risk(id: Identifier, body: models.RiskGiven, at: AtEdge) -> Response:
    """By the adopting agency: one more version, in the present phase. Signatures of its tollgate go with it."""
    ratings = tuple(
        Rating(category=category, level=body.ratings[category].level, grounds=body.ratings[category].grounds)
        for category in Category
        if category in body.ratings
    )
    return await changed_at_gate(at, id, lambda tx, gate: commands.assess_risk(tx, gate, ratings, size=body.size))


@router.post("/v1/adoptions/{id}/risk/review", response_model=schemas.AdoptionShown)
async def review_risk(id: Identifier, body: models.RiskReviewed, at: AtEdge) -> Response:
    """By the area's QSMO, or OMB, of what the agency assessed in the present phase. Signatures of its tollgate go with it."""
    levels = {category: (each.level, each.grounds) for category, each in body.ratings.items()}
    return await changed_at_gate(at, id, lambda tx, gate: commands.review_risk(tx, gate, levels))


def _shown(found: RiskAssessment) -> models.RiskShown:
    score, band = found.score, found.band
    assert score is not None, "an assessment rates at least one category"
    return models.RiskShown(
        n=found.n,
        phase=found.phase,
        size=found.size,
        score=score,
        band=band or Band.LOW,
        explanation=_explained(found),
        unanswered=list(found.unanswered),
        ratings=[_rating(rating, found) for rating in found.ratings],
        on=found.on,
        by=found.by,
        reviewed_by=found.reviewed_by,
    )


def _rating(rating: Rating, found: RiskAssessment) -> models.RatingShown:
    return models.RatingShown(
        category=rating.category,
        level=rating.level,
        grounds=rating.grounds,
        review=rating.review,
        review_grounds=rating.review_grounds,
        points=POINTS[rating.counted],
        weight=found.weights[rating.category],
    )


def _explained(found: RiskAssessment) -> str:
    terms = " + ".join(f"{POINTS[rating.counted]} * {found.weights[rating.category]}" for rating in found.ratings)
    weight = " + ".join(str(found.weights[rating.category]) for rating in found.ratings)
    return f"({terms}) / ({weight}) = {found.score}"
