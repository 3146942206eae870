"""Implementation plans over HTTP: the plan itself, its turns and its history."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from enum import StrEnum

from fastapi import Response

from services.registry import queries, schemas
from services.registry.api import plan_views as views
from services.registry.api.times import AsOf, KnownAt
from services.registry.commands import plans as commands
from services.registry.domain.plan import Grounds, Plan, PlanYear, Sections
from services.registry.domain.plan_states import State
from services.registry.queries import PlanFilter
from shared.db import Transaction
from shared.kernel.errors import Invalid, NotFound
from shared.web.edge import Answered, AtEdge, Edge, Listed
from shared.web.routes import Router
from shared.web.wire import Identifier, Slug

router = Router(tags=["plans"])
_CENT = Decimal("0.01")


class PlanTurn(StrEnum):
    """The actions of the state machine; a test compares."""

    SUBMIT = "submit"
    START_REVIEW = "start-review"
    RETURN = "return"
    REDRAFT = "redraft"
    RECOMMEND = "recommend"
    APPROVE = "approve"
    REJECT = "reject"
    ACTIVATE = "activate"
    COMPLETE = "complete"
    SUPERSEDE = "supersede"


@router.get("/v1/plans", response_model=schemas.PlanPage)
async def list_plans(
    at: AtEdge,
    paged: Listed,
    area: Slug | None = None,
    state: State | None = None,
    host: Identifier | None = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
) -> Response:
    """Without their text. With a time, as they then were: by turns that had taken effect, or facts that had been recorded."""
    wanted = PlanFilter(area=area, state=state, host=host, as_of=as_of, known_at=known_at)

    async def query(tx: Transaction) -> Response:
        page = await queries.plans(tx, wanted, paged, by=at.principal)
        around = {} if wanted.is_dated else await commands.surroundings_of(tx, page.items, by=at.principal)
        listed = [views.listed(plan, around=around.get(plan.id), by=at.principal) for plan in page.items]
        return at.show_page(page, list(listed))

    return await at.read(query)


@router.get("/v1/plans/{id}", response_model=schemas.PlanShown)
async def show_plan(id: Identifier, at: AtEdge, as_of: AsOf = None, known_at: KnownAt = None) -> Response:
    """As it is, or as it was: then its version is the last that had been made by then, and nothing can be done with it."""
    wanted = PlanFilter(as_of=as_of, known_at=known_at)

    async def query(tx: Transaction) -> Response:
        plan = await commands.visible_plan(tx, id, by=at.principal)
        if not wanted.is_dated:
            return at.show(await shown(tx, plan, at), version=plan.version)
        then = await queries.plan_then(tx, id, wanted, by=at.principal)
        if then is None:
            raise NotFound(f"There was no plan {id!r} at that time; it was drafted for {plan.turns[0].on}.")
        return at.show(_past(tx, then, at), version=plan.version)

    return await at.read(query)


def _past(tx: Transaction, plan: Plan, at: Edge) -> schemas.PlanShown:
    return views.plan(plan, around=None, today=tx.at.date(), by=at.principal)


@router.post("/v1/plans", status_code=201, response_model=schemas.PlanShown)
async def draft_plan(body: schemas.PlanGiven, at: AtEdge) -> Response:
    """The next version of the host's plans for the area."""

    async def command(tx: Transaction) -> Answered:
        saved = await commands.draft_plan(
            tx,
            focus_area=body.focus_area,
            host=body.host_organization_id,
            first_fiscal_year=body.first_fiscal_year,
            values=_values(body),
            on=body.effective_on,
            by=at.principal,
        )
        return await answered(tx, saved, at)

    return await at.write(command, status=201)


@router.put("/v1/plans/{id}", response_model=schemas.PlanShown)
async def change_plan(id: Identifier, body: schemas.PlanValuesGiven, at: AtEdge) -> Response:
    """Replaces the content of a draft. Needs If-Match."""

    async def command(tx: Transaction) -> Answered:
        saved = await commands.change_plan(tx, id, _values(body), expected_version=at.expected_version(), by=at.principal)
        return await answered(tx, saved, at)

    return await at.write(command)


def _turning(action: PlanTurn) -> Callable[..., Awaitable[Response]]:
    async def turn_plan(id: Identifier, body: schemas.PlanMoved, at: AtEdge) -> Response:
        """One turn of the plan's state machine; refused with everything that is missing."""
        if body.conditions and action is not PlanTurn.APPROVE:
            raise Invalid.at("/conditions", "Conditions come with an approval only.", code="not-here")
        return await at.write(lambda tx: _turned(tx, id, action, body, at))

    return turn_plan


# A path of its own for each: `{action}` would take the paths of lists below a plan.
for _action in PlanTurn:
    router.add_api_route(
        f"/v1/plans/{{id}}/{_action}",
        _turning(_action),
        methods=["POST"],
        response_model=schemas.PlanShown,
        name=f"{_action.replace('-', '_')}_plan",
    )


async def _turned(tx: Transaction, id: str, action: PlanTurn, body: schemas.PlanMoved, at: Edge) -> Answered:
    saved = await commands.move_plan(
        tx,
        id,
        action.value,
        grounds=Grounds(on=body.effective_on or tx.at.date(), reason=body.reason, policy=body.policy, clause=body.clause),
        conditions=[commands.Condition(title=c.title, owner=c.owner, due_on=c.due_on) for c in body.conditions],
        expected_version=at.expected_version(),
        by=at.principal,
    )
    return await answered(tx, saved, at)


def _values(body: schemas.PlanValuesGiven) -> commands.PlanValues:
    return commands.PlanValues(
        lead_office_id=body.lead_office_id,
        services=tuple(dict.fromkeys(body.services)),
        sections=Sections(**body.sections.model_dump()),
        years=tuple(
            PlanYear(
                fiscal_year=year.fiscal_year,
                capacity=year.capacity,
                skills=year.skills,
                funds=Decimal(year.funds.amount).quantize(_CENT) if year.funds else None,
            )
            for year in body.years
        ),
    )


async def shown(tx: Transaction, plan: Plan, at: Edge) -> schemas.PlanShown:
    around = await commands.surroundings(tx, plan, by=at.principal)
    return views.plan(plan, around=around, today=tx.at.date(), by=at.principal)


async def answered(tx: Transaction, saved: Plan, at: Edge) -> Answered:
    return Answered(await shown(tx, saved, at), saved.version, f"/v1/plans/{saved.id}")
