"""Implementation plans: drafting, changing, and every turn of a plan's state."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import Select, func, literal, select

from services.registry import facts, store, tables
from services.registry.domain import plan as domain
from services.registry.domain.delegation import in_force
from services.registry.domain.plan import Grounds, Plan, PlanYear, Sections, Surroundings
from services.registry.domain.plan_progress import Obligation, ObligationKind
from services.registry.domain.plan_review import Board, BoardSeat, recommendation
from services.registry.domain.plan_states import IN_FORCE, MACHINE, State
from services.registry.domain.post import PostKind, Signature, post_id, signature
from services.registry.policy import require_in_area, sees_plan
from shared.auth import Principal
from shared.contracts import registry as contracts
from shared.db import Transaction, in_keys, keys
from shared.kernel.errors import Invalid, NotFound, StaleVersion
from shared.kernel.ids import new_id

_DEPTH_MAX = 20
_FACTS: dict[str, type[contracts.PlanFact]] = {
    "submit": contracts.PlanSubmitted,
    "start-review": contracts.PlanReviewStarted,
    "return": contracts.PlanReturned,
    "redraft": contracts.PlanRedrafted,
    "recommend": contracts.PlanRecommended,
    "approve": contracts.PlanApproved,
    "reject": contracts.PlanRejected,
    "activate": contracts.PlanActivated,
    "complete": contracts.PlanCompleted,
    "supersede": contracts.PlanSuperseded,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanValues:
    """What the QSMO writes into a draft; anything may still be empty."""

    lead_office_id: str | None = None
    services: tuple[str, ...] = ()
    sections: Sections = field(default_factory=Sections)
    years: tuple[PlanYear, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What an approval, or a corrective action, obliges whom to by when."""

    title: str
    owner: str
    due_on: date


async def draft_plan(
    tx: Transaction,
    *,
    focus_area: str,
    host: str,
    first_fiscal_year: int,
    values: PlanValues,
    on: date | None,
    by: Principal,
) -> Plan:
    """The next version of the host's plans for the area. Raises Forbidden; Invalid for unknown references."""
    require_in_area(by, *MACHINE.roles_for("draft"), area=focus_area, to="draft a plan")
    if await store.organizations.find(tx, host) is None:
        raise Invalid.at("/host_organization_id", f"There is no organization {host!r}.", code="unknown-reference")
    drafted = domain.draft(
        id=new_id(),
        focus_area=focus_area,
        host=host,
        number=await _next_number(tx, focus_area, host),
        first_fiscal_year=first_fiscal_year,
        on=on or tx.at.date(),
        at=tx.at,
        by=by.actor,
    )
    await _check_values(tx, drafted, values)
    drafted = _with(drafted, values)
    return await store.plans.add(tx, drafted, facts.plan(contracts.PlanDrafted, drafted))


async def change_plan(tx: Transaction, id: str, values: PlanValues, *, expected_version: int, by: Principal) -> Plan:
    """Raises Forbidden, NotFound, StaleVersion, Invalid; RuleViolation unless it is a draft."""
    plan = await plan_at(tx, id, by=by, expected_version=expected_version, roles=("qsmo",), to="change a plan")
    domain.check_state(plan, "change", State.DRAFT)
    await _check_values(tx, plan, values)
    changed = _with(plan, values)
    if changed == plan:
        return plan
    return await store.plans.save(tx, changed, facts.plan(contracts.PlanChanged, changed))


async def move_plan(
    tx: Transaction,
    id: str,
    action: str,
    *,
    grounds: Grounds,
    conditions: Sequence[Condition] = (),
    expected_version: int,
    by: Principal,
) -> Plan:
    """Any turn of the state machine. Raises Forbidden, NotFound, StaleVersion, Invalid, RuleViolation."""
    roles = MACHINE.roles_for(action)
    plan = await plan_at(tx, id, by=by, expected_version=expected_version, roles=roles, to=action)
    if grounds.policy is not None and await store.policies.find(tx, grounds.policy) is None:
        raise Invalid.at("/policy", f"There is no policy {grounds.policy!r}.", code="unknown-reference")
    around = await surroundings(tx, plan, by=by)
    moved = domain.move(plan, action, grounds=grounds, around=around, at=tx.at, by=by.actor)
    if action == "recommend":
        moved = replace(moved, recommendation=recommendation(plan.votes, around.board))
    if action == "approve":
        obligations = (obligation(ObligationKind.CONDITION, condition) for condition in conditions)
        moved = replace(moved, obligations=(*plan.obligations, *obligations))
    return await store.plans.save(tx, moved, facts.plan(_FACTS[action], moved))


def obligation(kind: ObligationKind, given: Condition) -> Obligation:
    return Obligation(id=new_id(), kind=kind, title=given.title, owner=given.owner, due_on=given.due_on)


async def plan_at(tx: Transaction, id: str, *, by: Principal, expected_version: int, roles: Sequence[str], to: str) -> Plan:
    """Raises NotFound (also for whom may not know of it), Forbidden, StaleVersion."""
    plan = await visible_plan(tx, id, by=by)
    require_in_area(by, *roles, area=plan.focus_area, to=to)
    if plan.version != expected_version:
        raise StaleVersion(f"The plan is at version {plan.version}.", current_version=plan.version)
    return plan


async def visible_plan(tx: Transaction, id: str, *, by: Principal) -> Plan:
    """Raises NotFound, also for whom may not know of it."""
    plan = await store.plans.find(tx, id)
    if plan is None or not sees_plan(by, plan):
        raise NotFound(f"There is no plan {id!r}.")
    return plan


async def surroundings(tx: Transaction, plan: Plan, *, by: Principal) -> Surroundings:
    """The board and the director's post as they are now, and whether a newer version of the plan is in force."""
    return (await surroundings_of(tx, [plan], by=by))[plan.id]


async def surroundings_of(tx: Transaction, plans: Sequence[Plan], *, by: Principal) -> dict[str, Surroundings]:
    """By the plan's id; as few statements for many plans as for one, and only for what their states call for."""
    boards = await _boards(tx, [plan for plan in plans if plan.state is State.IN_REVIEW])
    newest = await _newest_in_force(tx, [plan for plan in plans if plan.state in IN_FORCE])
    signatures = await _signatures(tx, [plan for plan in plans if plan.state is State.DRAFT], by=by)
    return {
        plan.id: Surroundings(
            board=boards.get(plan.id, Board()),
            has_newer_in_force=newest.get((plan.focus_area, plan.host_organization_id), 0) > plan.number,
            director=signatures.get(plan.id),
        )
        for plan in plans
    }


async def _signatures(tx: Transaction, plans: Sequence[Plan], *, by: Principal) -> dict[str, Signature]:
    """Whether the caller may submit each plan."""
    if not plans:
        return {}
    directors = {plan.id: post_id(PostKind.QSMO_DIRECTOR, plan.focus_area) for plan in plans}
    posts = {post.id: post for post in await store.posts.find_by(tx, "id", sorted(set(directors.values())))}
    return {id: signature(posts.get(post), post, by=by.actor, on=tx.at.date()) for id, post in directors.items()}


async def _boards(tx: Transaction, plans: Sequence[Plan]) -> dict[str, Board]:
    if not plans:
        return {}
    seats = [store.board_seats.from_row(row) for row in await tx.rows(select(tables.board_seats).order_by("id"))]
    above = await lineages(tx, [seat.organization_id for seat in seats if seat.organization_id])
    return {plan.id: _board(seats, above, plan, today=tx.at.date()) for plan in plans}


async def _newest_in_force(tx: Transaction, plans: Sequence[Plan]) -> dict[tuple[str, str], int]:
    """(area, host) → the highest number of those in force."""
    if not plans:
        return {}
    hosts = keys(tx, sorted({plan.host_organization_id for plan in plans}))
    found = await tx.rows(_newest_of_hosts(is_postgresql=tx.is_postgresql), {"hosts": hosts})
    return {(row["focus_area"], row["host_organization_id"]): row["newest"] for row in found}


@cache
def _newest_of_hosts(*, is_postgresql: bool) -> Select[Any]:
    c = tables.plans.c
    these = in_keys(c.host_organization_id, "hosts", is_postgresql=is_postgresql)
    query = select(c.focus_area, c.host_organization_id, func.max(c.number).label("newest"))
    in_force = c.state.in_([state.value for state in IN_FORCE])
    return query.where(these, in_force).group_by(c.focus_area, c.host_organization_id)


async def board_for(tx: Transaction, plan: Plan) -> Board:
    return (await _boards(tx, [plan]))[plan.id]


def _board(seats: Sequence[BoardSeat], above: Mapping[str, Sequence[str]], plan: Plan, *, today: date) -> Board:
    """Every seat; recused are those of the host and of what stands below it."""
    host = plan.host_organization_id
    recused = [seat.id for seat in seats if seat.organization_id and host in above.get(seat.organization_id, ())]
    acting = [seat.id for seat in seats if in_force(seat.delegations, today)]
    return Board(seats=tuple(seats), recused=frozenset(recused), acting=frozenset(acting))


async def lineage(tx: Transaction, id: str | None) -> tuple[str, ...]:
    """The organization and all above it, nearest first."""
    return () if id is None else (await lineages(tx, [id])).get(id, ())


async def lineages(tx: Transaction, ids: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Of each organization: itself and all above it, nearest first; in one statement."""
    above: dict[str, tuple[str, ...]] = {}
    for row in await tx.rows(_lineages(is_postgresql=tx.is_postgresql), {"ids": keys(tx, sorted(set(ids)))}):
        above[row["of"]] = (*above.get(row["of"], ()), row["id"])
    return above


@cache
def _lineages(*, is_postgresql: bool) -> Select[Any]:
    c = tables.organizations.c
    these = in_keys(c.id, "ids", is_postgresql=is_postgresql)
    found = select(c.id.label("of"), c.id, c.parent_id, literal(0).label("depth")).where(these).cte("above", recursive=True)
    higher = select(found.c.of, c.id, c.parent_id, found.c.depth + 1).where(
        c.id == found.c.parent_id, found.c.depth < _DEPTH_MAX
    )
    found = found.union_all(higher)
    return select(found.c.of, found.c.id).order_by(found.c.depth)


async def _next_number(tx: Transaction, focus_area: str, host: str) -> int:
    c = tables.plans.c
    newest = select(func.max(c.number)).where(c.focus_area == focus_area, c.host_organization_id == host)
    return ((await tx.execute(newest)).scalar_one() or 0) + 1


def _with(plan: Plan, values: PlanValues) -> Plan:
    return replace(
        plan,
        lead_office_id=values.lead_office_id,
        services=values.services,
        sections=values.sections,
        years=values.years,
    )


async def _check_values(tx: Transaction, plan: Plan, values: PlanValues) -> None:
    """Raises Invalid for what the area, the host or the horizon does not have."""
    area = await store.focus_areas.find(tx, plan.focus_area)
    if area is None:
        raise Invalid.at("/focus_area", f"There is no focus area {plan.focus_area!r}.", code="unknown-reference")
    for service in values.services:
        if not area.has_service(service):
            raise Invalid.at("/services", f"{area.id} has no service {service!r}.", code="unknown-reference")
    lead = values.lead_office_id
    if lead is not None and plan.host_organization_id not in await lineage(tx, lead):
        raise Invalid.at("/lead_office_id", "The lead office is not within the host organization.", code="not-within-host")
    years = [year.fiscal_year for year in values.years]
    if len(years) != len(set(years)) or not set(years) <= set(plan.horizon):
        raise Invalid.at("/years", f"The plan covers each of {plan.horizon} once.", code="not-in-horizon")
