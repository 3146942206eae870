"""Fit over HTTP: ranked, explained, side by side, and for all agencies of an area."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query, Response

from services.adoption import policy
from services.adoption.api import choice_models as models
from services.adoption.api import fit_views as views
from services.adoption.commands.needs import visible_needs
from services.adoption.domain.fit import Question, evaluate, order
from services.adoption.domain.fit_catalog import Catalog
from services.adoption.domain.fit_changes import what_would_change_it
from services.adoption.domain.needs import Needs
from services.adoption.queries import fit as queries
from services.adoption.queries.fit import Catalogs
from shared.db import Transaction
from shared.kernel.errors import Forbidden, Invalid, NotFound
from shared.web.edge import AtEdge, Edge
from shared.web.routes import Router
from shared.web.wire import Identifier, Slug

router = Router(tags=["fit"])
_SHOWN_MAX = 200
_COMPARED_MAX = 10
_SUMMARIES_MAX = 50
Listed = Annotated[bool, Query(description="Also offerings that only a public register knows")]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    needs: Needs
    question: Question
    catalog: Catalog


@router.get("/v1/needs/{id}/fit", response_model=models.FitList)
async def rank_offerings(
    id: Identifier, at: AtEdge, limit: Annotated[int, Query(ge=1, le=_SHOWN_MAX)] = 20, listed: Listed = False
) -> Response:
    """The offerings of the area by how well they fit, those kept out last; the same data give the same ranking."""
    asked = await _asked(at, id, listed=listed)
    ranking, possible = await asyncio.to_thread(asked.catalog.ranking, asked.question, limit=limit)
    unserved = await asyncio.to_thread(asked.catalog.unserved, asked.question)
    return at.show(
        models.FitList(
            needs_id=id,
            on=asked.question.on,
            considered=len(asked.catalog.candidates),
            possible=possible,
            unserved=list(unserved),
            items=[views.fit(found, rank=rank) for rank, found in enumerate(ranking, start=1)],
        )
    )


@router.get("/v1/needs/{id}/fit/{offering_id}", response_model=models.FitExplained)
async def explain_fit(id: Identifier, offering_id: Identifier, at: AtEdge, listed: Listed = False) -> Response:
    """Every point of the score, and the single changes that would let the offering in or move it up."""
    asked = await _asked(at, id, listed=listed)
    candidate = asked.catalog.find(offering_id)
    if candidate is None:
        raise NotFound(f"No offering {offering_id!r} is on offer in {asked.needs.focus_area}.")
    found = evaluate(candidate, asked.question)
    orders = await asyncio.to_thread(asked.catalog.orders, asked.question)
    effects = await asyncio.to_thread(what_would_change_it, asked.question, asked.catalog, offering_id)
    rank = sum(other < order(found) for other in orders) + 1
    return at.show(views.explained(found, rank=rank, effects=effects))


@router.get("/v1/needs/{id}/comparison", response_model=models.FitComparison)
async def compare_fits(
    id: Identifier,
    at: AtEdge,
    offering_id: Annotated[list[Identifier], Query(min_length=1, max_length=_COMPARED_MAX, description="Each one to compare")],
    listed: Listed = False,
) -> Response:
    """Side by side, need by need, in the order asked."""
    asked = await _asked(at, id, listed=listed)
    fits = []
    for index, each in enumerate(offering_id):
        candidate = asked.catalog.find(each)
        if candidate is None:
            raise Invalid.at(f"query:offering_id/{index}", f"No offering {each!r} is on offer here.", code="unknown-reference")
        fits.append(evaluate(candidate, asked.question))
    titles = await at.read(lambda tx: queries.activities_of(tx, asked.needs.focus_area))
    return at.show(views.comparison(id, asked.question, fits, titles))


@router.get("/v1/fits", response_model=models.FitSummaries)
async def summarize_fits(
    at: AtEdge,
    area: Slug,
    fiscal_year: Annotated[int, Query(ge=2000, le=2100)],
    listed: Listed = False,
    limit: Annotated[int, Query(ge=1, le=_SUMMARIES_MAX)] = _SUMMARIES_MAX,
    cursor: Annotated[Identifier | None, Query(description="`next_cursor` of the page before")] = None,
) -> Response:
    """Every agency's needs against the whole catalog of the area; for its QSMO and the government-wide roles."""

    async def query(tx: Transaction) -> tuple[Catalog, list[tuple[Needs, Question]]]:
        reach = await policy.reach(tx, at.principal)
        if not (reach.everything or area in reach.areas):
            raise Forbidden(f"The fit of all agencies is for qsmo:{area} and the government-wide roles.")
        found = await queries.needs_of_area(tx, area, fiscal_year, after=cursor or "", limit=limit)
        asked = [(needs, await queries.question_of(tx, needs)) for needs in found]
        return await _catalogs(at).of(tx, area, listed=listed), asked

    catalog, asked = await at.read(query)
    items = await asyncio.to_thread(_summaries, catalog, asked)
    following = asked[-1][0].id if len(asked) == limit else None
    return at.show(models.FitSummaries(items=items, next_cursor=following))


@router.get("/v1/fits/{offering_id}", response_model=models.OwnFits)
async def show_own_fits(offering_id: Identifier, at: AtEdge) -> Response:
    """How an offering fits the newest needs of each of one's own agencies, by area and agency; empty if it is not on offer."""

    async def query(tx: Transaction) -> models.OwnFits:
        own = (await policy.reach(tx, at.principal)).organizations
        items = []
        for needs in await queries.newest_needs(tx, offering_id, own, limit=_SUMMARIES_MAX):
            candidate = (await _catalogs(at).of(tx, needs.focus_area, listed=False)).find(offering_id)
            if candidate is not None:
                found = evaluate(candidate, await queries.question_of(tx, needs))
                items.append(
                    models.OwnFit(
                        needs_id=needs.id,
                        agency_id=needs.organization_id,
                        focus_area=needs.focus_area,
                        fiscal_year=needs.fiscal_year,
                        fit=views.fit(found, rank=None),
                    )
                )
        return models.OwnFits(items=items)

    return at.show(await at.read(query))


def _summaries(catalog: Catalog, asked: Sequence[tuple[Needs, Question]]) -> list[models.FitSummary]:
    items = []
    for needs, question in asked:
        ranking, possible = catalog.ranking(question, limit=1)
        best = ranking[0] if ranking and not ranking[0].hindrances else None
        items.append(
            models.FitSummary(
                needs_id=needs.id,
                agency_id=needs.organization_id,
                considered=len(catalog.candidates),
                possible=possible,
                best=views.fit(best, rank=1) if best else None,
                unserved=list(catalog.unserved(question)),
            )
        )
    return items


async def _asked(at: Edge, id: str, *, listed: bool) -> _Asked:
    async def query(tx: Transaction) -> _Asked:
        needs = await visible_needs(tx, id, by=at.principal)
        catalog = await _catalogs(at).of(tx, needs.focus_area, listed=listed)
        return _Asked(needs=needs, question=await queries.question_of(tx, needs), catalog=catalog)

    return await at.read(query)


def _catalogs(at: Edge) -> Catalogs:
    found: Catalogs = at.request.app.state.context.catalogs
    return found
