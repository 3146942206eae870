"""Figures over HTTP: on any day, with what they mean and which facts they come from."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

from fastapi import Query, Response

from services.adoption import policy
from services.adoption.api import analytics_models as models
from services.adoption.api import exporting
from services.adoption.api.analytics_models import AsOf, shown_range
from services.adoption.api.exporting import WRITTEN, Format, exported
from services.adoption.commands.analytics import rebuild
from services.adoption.domain.figures import ALL, DEFINITIONS, Figure
from services.adoption.policy import Reach
from services.adoption.queries import analytics as queries
from services.adoption.queries.analytics import SOURCES
from shared.auth import Principal, Unauthenticated
from shared.db import Transaction
from shared.kernel.errors import Forbidden
from shared.web.edge import AtEdge
from shared.web.routes import Router
from shared.web.wire import Identifier, Slug

router = Router(tags=["analytics"])
Written = Annotated[Format, Query(alias="format")]
_READERS = ("coordinator", "omb", "auditor")


@router.get("/v1/analytics/figures", response_model=models.FiguresDefined)
async def list_figures(at: AtEdge) -> Response:
    """What is counted, what it means, and how many facts it comes from."""

    async def query(tx: Transaction) -> models.FiguresDefined:
        known = await queries.ranges(tx)
        items = [
            models.FigureDefined(figure=figure, definition=DEFINITIONS[figure], range=shown_range(known[SOURCES[figure]]))
            for figure in Figure
        ]
        return models.FiguresDefined(items=items)

    return at.show(await at.read(query))


@router.get("/v1/analytics/figures/{figure}", response_model=models.FigureShown, responses={200: WRITTEN})
async def show_figure(
    figure: Figure,
    at: AtEdge,
    area: Slug | None = None,
    agency_id: Identifier | None = None,
    by_agency: Annotated[bool, Query(description="Each agency by itself, as far as the caller sees")] = False,
    as_of: AsOf = None,
    written: Written = Format.JSON,
) -> Response:
    """Sums of all agencies are everybody's; those of one are for itself, its QSMO and the government-wide roles."""

    async def query(tx: Transaction) -> models.FigureShown:
        if figure is Figure.FEEDBACK and not at.principal.sees_federal:
            raise Forbidden("What customers say of offerings is for federal callers.")
        reach = await policy.reach(tx, at.principal)
        wide = reach.everything or (area is not None and area in reach.areas)
        if agency_id is not None and not (wide or reach.acts_for(agency_id)):
            raise Forbidden("Figures of one agency are for the agency, its QSMO and the government-wide roles.")
        found = await queries.values(
            tx, figure, area=area or ALL, agency=agency_id or "", by_agency=by_agency and agency_id is None, as_of=as_of
        )
        return models.FigureShown(
            figure=figure,
            definition=DEFINITIONS[figure],
            area=area,
            as_of=as_of,
            range=shown_range((await queries.ranges(tx))[SOURCES[figure]]),
            items=_seen(found, reach, wide=wide),
        )

    shown = await at.read(query)
    return at.show(shown) if written is Format.JSON else exported(exporting.values(shown), written)


def _seen(found: dict[tuple[str, str], int], reach: Reach, *, wide: bool) -> list[models.ValueShown]:
    return [
        models.ValueShown(agency_id=agency or None, key=key, value=value)
        for (agency, key), value in found.items()
        if not agency or wide or reach.acts_for(agency)
    ]


@router.get("/v1/analytics/scorecard", response_model=models.ScorecardShown, responses={200: WRITTEN})
async def show_scorecard(at: AtEdge, area: Slug, as_of: AsOf = None, written: Written = Format.JSON) -> Response:
    """The five dimensions of one QSMO, as far as facts on record tell."""

    async def query(tx: Transaction) -> models.ScorecardShown:
        known = await queries.ranges(tx)
        found = await queries.scorecard(tx, area, as_of=as_of, with_feedback=at.principal.sees_federal)
        measures = [
            models.MeasureShown(
                dimension=each.dimension,
                name=each.name,
                definition=each.definition,
                unit=each.unit,
                value=each.value,
                missing=each.missing,
                figures=list(each.figures),
                range=shown_range(known[SOURCES[each.figures[0]]]) if each.figures else None,
            )
            for each in found
        ]
        return models.ScorecardShown(focus_area=area, as_of=as_of, measures=measures)

    shown = await at.read(query)
    return at.show(shown) if written is Format.JSON else exported(exporting.scorecard(shown), written)


@router.get("/v1/analytics/time-in-phase", response_model=models.TimesInPhase, responses={200: WRITTEN})
async def show_time_in_phase(at: AtEdge, area: Slug, as_of: AsOf = None, written: Written = Format.JSON) -> Response:
    """How long adoptions of the area took, phase by phase."""

    async def query(tx: Transaction) -> models.TimesInPhase:
        found = await queries.time_in_phase(tx, area, as_of=as_of)
        return models.TimesInPhase(
            focus_area=area,
            definition=DEFINITIONS[Figure.TIME_IN_PHASE],
            as_of=as_of,
            range=shown_range((await queries.ranges(tx))[SOURCES[Figure.TIME_IN_PHASE]]),
            items=[models.TimeInPhaseShown(**asdict(each)) for each in found],
        )

    shown = await at.read(query)
    return at.show(shown) if written is Format.JSON else exported(exporting.times(shown), written)


@router.get("/v1/analytics/verification", response_model=models.FiguresVerified)
async def verify_figures(at: AtEdge) -> Response:
    """Every figure of every period beside what the published facts come to, recomputed now."""
    _require(at.principal, *_READERS, to="verify figures")
    found = await at.read(queries.verification)
    names = ("figure", "area", "grain", "begins_on", "agency_id", "key")
    differences = [
        models.DifferenceShown(**_named(names, each.cell), served=each.served, recomputed=each.recomputed)
        for each in found.differences
    ]
    return at.show(
        models.FiguresVerified(
            equal=not differences and not found.behind,
            facts=found.facts,
            cells=found.cells,
            behind=found.behind,
            differences=differences,
        )
    )


def _named(names: tuple[str, ...], values: tuple[str | date, ...]) -> dict[str, Any]:
    return dict(zip(names, values, strict=True))


@router.post("/v1/analytics/rebuild", response_model=models.FiguresRebuilt)
async def rebuild_figures(at: AtEdge) -> Response:
    """Makes all figures anew from the published facts; reads go on meanwhile."""
    _require(at.principal, "coordinator", "omb", to="rebuild figures")
    at.ignore_key()
    dry_run = at.is_dry_run()
    answer = at.show(models.FiguresRebuilt(facts=await rebuild(at.context.db, at.cause, keep=not dry_run)))
    if dry_run:
        answer.headers["QSMO-Validate-Only"] = "true"
    return answer


def _require(by: Principal, *roles: str, to: str) -> None:
    if by.is_anonymous:
        raise Unauthenticated("This needs a bearer token.")
    policy.require(by, *roles, to=to)
