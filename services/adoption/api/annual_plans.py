"""Annual shared services plans over HTTP."""

from __future__ import annotations

import csv
import io
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Query, Response
from sqlalchemy import Select, select

from services.adoption import policy, store, tables
from services.adoption.api import annual_plan_models as models
from services.adoption.api import annual_plan_views as views
from services.adoption.commands import annual_plans as commands
from services.adoption.domain.annual_plan import AnnualPlan, Status
from services.adoption.queries import annual_plans as queries
from services.adoption.queries import organizations_by_id
from shared.db import Transaction
from shared.kernel.errors import Forbidden
from shared.web.edge import Answered, AtEdge, Edge, Listed
from shared.web.listing import listing
from shared.web.paging import page_of
from shared.web.routes import Router
from shared.web.wire import Identifier

router = Router(tags=["annual plans"])
_LISTING = listing(
    tables.annual_plans,
    *("fiscal_year", "due_on", "status"),
    sorts=("fiscal_year", "due_on"),
    renamed={"agency_id": tables.annual_plans.c.organization_id},
)
_WRITTEN: dict[str, Any] = {"content": {"text/csv": {"schema": {"type": "string"}}}}


class PlanTurn(StrEnum):
    """Actions that take no more than a reason; a test compares them with the state machine."""

    RETURN = "return"
    ACCEPT = "accept"
    AMEND = "amend"


class Written(StrEnum):
    """How a summary is written."""

    JSON = "json"
    CSV = "csv"


@router.post("/v1/annual-plans/call", status_code=201, response_model=models.CallShown)
async def call_annual_plans(body: models.PlansCalled, at: AtEdge) -> Response:
    """A draft for every CFO Act agency that has no plan of the year yet; a second call reaches those that joined since."""

    async def command(tx: Transaction) -> Answered:
        called, existing = await commands.call_plans(tx, body.fiscal_year, body.due_on, by=at.principal)
        return Answered(models.CallShown(fiscal_year=body.fiscal_year, due_on=body.due_on, called=called, existing=existing))

    return await at.write(command, status=201)


@router.get("/v1/annual-plans", response_model=models.AnnualPlanPage)
async def list_annual_plans(
    at: AtEdge,
    paged: Listed,
    fiscal_year: Annotated[int | None, Query(ge=2019, le=2100)] = None,
    agency_id: Identifier | None = None,
    status: Status | None = None,
) -> Response:
    """Of one's own agencies; to a QSMO, of those submitted, what is said of its areas."""

    async def query(tx: Transaction) -> Response:
        reach = await policy.reach(tx, at.principal)
        wanted = _wanted(reach, fiscal_year)
        for column, value in ((tables.annual_plans.c.organization_id, agency_id), (tables.annual_plans.c.status, status)):
            wanted = wanted if value is None else wanted.where(column == value)
        by, read = [tables.annual_plans.c.id], store.annual_plans.from_row
        page = await page_of(tx, wanted, by=by, request=paged, read=read, listing=_LISTING)
        names = await organizations_by_id(tx, {plan.organization_id for plan in page.items})
        on = tx.at.date()
        return at.show_page(page, [views.in_list(plan, names[plan.organization_id].name, reach, on) for plan in page.items])

    return await at.read(query)


@router.get("/v1/annual-plans/summary", response_model=models.PlanSummary, responses={200: _WRITTEN})
async def summarize_annual_plans(
    at: AtEdge,
    fiscal_year: Annotated[int, Query(ge=2019, le=2100)],
    written: Annotated[Written, Query(alias="format")] = Written.JSON,
) -> Response:
    """What all agencies' plans of a year say together; for the government-wide roles. As CSV: a row per area."""

    async def query(tx: Transaction) -> models.PlanSummary:
        reach = await policy.reach(tx, at.principal)
        if not reach.everything:
            raise Forbidden("The plans of all agencies together are for the government-wide roles.")
        plans = [store.annual_plans.from_row(row) for row in await tx.rows(_wanted(reach, fiscal_year))]
        return await _summary(tx, fiscal_year, plans)

    shown = await at.read(query)
    return at.show(shown) if written is Written.JSON else _as_csv(shown)


@router.get("/v1/annual-plans/{id}", response_model=models.AnnualPlanShown)
async def show_annual_plan(id: Identifier, at: AtEdge) -> Response:
    """Beside each state what is on record today, and what the plan of the year before said."""

    async def query(tx: Transaction) -> Response:
        found = await commands.visible_plan(tx, id, by=at.principal)
        return at.show(await views.shown(tx, found, at.principal), version=found.version)

    return await at.read(query)


@router.put("/v1/annual-plans/{id}", response_model=models.AnnualPlanShown)
async def edit_annual_plan(id: Identifier, body: models.AnnualPlanGiven, at: AtEdge) -> Response:
    """All of a draft anew, by the agency. Needs If-Match."""

    async def command(tx: Transaction) -> AnnualPlan:
        areas = views.areas_of(body, await commands.visible_plan(tx, id, by=at.principal))
        return await commands.edit_plan(tx, id, areas, expected_version=at.expected_version(), by=at.principal)

    return await _write(at, command)


@router.post("/v1/annual-plans/{id}/submit", response_model=models.AnnualPlanShown)
async def submit_annual_plan(id: Identifier, at: AtEdge) -> Response:
    """Refused with all that is missing. Needs If-Match."""
    return await _write(at, lambda tx: commands.submit_plan(tx, id, expected_version=at.expected_version(), by=at.principal))


@router.post("/v1/annual-plans/{id}/milestones/{milestone_id}/meet", response_model=models.AnnualPlanShown)
async def meet_annual_plan_milestone(
    id: Identifier, milestone_id: Identifier, body: models.EvidenceGiven, at: AtEdge
) -> Response:
    """By the agency, with evidence. Needs If-Match."""
    return await _write(
        at,
        lambda tx: commands.meet_milestone(
            tx, id, milestone_id, body.evidence, expected_version=at.expected_version(), by=at.principal
        ),
    )


@router.post("/v1/annual-plans/{id}/{action}", response_model=models.AnnualPlanShown)
async def turn_annual_plan(id: Identifier, action: PlanTurn, body: models.TurnGiven, at: AtEdge) -> Response:
    """`return` and `amend` need a reason. Needs If-Match."""
    return await _write(
        at,
        lambda tx: commands.turn_plan(
            tx, id, action, body.reason or "", expected_version=at.expected_version(), by=at.principal
        ),
    )


def _wanted(reach: policy.Reach, fiscal_year: int | None) -> Select[tuple[object, ...]]:
    table = tables.annual_plans
    wanted = select(table).where(queries.seen_plans(reach))
    return wanted if fiscal_year is None else wanted.where(table.c.fiscal_year == fiscal_year)


async def _summary(tx: Transaction, fiscal_year: int, plans: Sequence[AnnualPlan]) -> models.PlanSummary:
    on = tx.at.date()
    names = await organizations_by_id(tx, {plan.organization_id for plan in plans})
    states = [plan.status for plan in plans]
    sums = await queries.sums(tx, plans, on=on)
    return models.PlanSummary(
        fiscal_year=fiscal_year,
        plans=len(plans),
        by_status={status: states.count(status) for status in Status if status in states},
        overdue=sorted(names[plan.organization_id].name for plan in plans if plan.is_overdue(on)),
        areas=[
            models.AreaSumShown(
                focus_area=area,
                states=dict(found.states),
                systems=found.systems,
                ended=found.ended,
                milestones=found.milestones,
                met=found.met,
                late=found.late,
            )
            for area, found in sorted(sums.items())
        ],
    )


def _as_csv(shown: models.PlanSummary) -> Response:
    text = io.StringIO()
    figures = ("systems", "ended", "milestones", "met", "late")
    states = sorted({state for area in shown.areas for state in area.states})
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["focus_area", *states, *figures])
    for area in shown.areas:
        counts = [area.states.get(state, 0) for state in states]
        writer.writerow([area.focus_area, *counts, *(getattr(area, name) for name in figures)])
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8")


async def _write(at: Edge, command: Callable[[Transaction], Awaitable[AnnualPlan]]) -> Response:
    async def answered(tx: Transaction) -> Answered:
        saved = await command(tx)
        return Answered(await views.shown(tx, saved, at.principal), saved.version, f"/v1/annual-plans/{saved.id}")

    return await at.write(answered)
