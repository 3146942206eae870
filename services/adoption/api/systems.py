"""Legacy systems and duplication over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal

from fastapi import Response
from sqlalchemy import select

from services.adoption import policy, store, tables
from services.adoption.api import accounting_models as models
from services.adoption.api.analytics_models import AsOf, shown_range
from services.adoption.commands import systems as commands
from services.adoption.commands.profiles import known_organization
from services.adoption.domain.duplication import Cluster
from services.adoption.domain.figures import Source
from services.adoption.domain.retirement import Suggestion
from services.adoption.domain.system import MACHINE, Cost, Facts, Status, System
from services.adoption.queries import accounting as queries
from services.adoption.queries.analytics import ranges
from services.adoption.queries.retirements import retirements
from shared.db import Transaction
from shared.kernel.time import FiscalYear
from shared.web.edge import Answered, AtEdge, Edge, Listed
from shared.web.listing import listing
from shared.web.paging import page_of
from shared.web.routes import Router
from shared.web.wire import Action, Identifier, Line, MoneyGiven, MoneyShown, Slug

router = Router(tags=["systems"])
_LISTING = listing(
    tables.systems,
    *("number", "name", "status", "focus_area"),
    sorts=("number", "name"),
    renamed={"agency_id": tables.systems.c.organization_id},
)
_DUPLICATION = (
    "Systems linked by at least half of the activities that either covers, one with the next: found, ever; open, with more than"
    " one of them in service."
)


@router.get("/v1/systems", response_model=models.SystemPage)
async def list_systems(
    at: AtEdge, paged: Listed, agency_id: Identifier | None = None, area: Slug | None = None, status: Status | None = None
) -> Response:
    """Of one's own agencies, or of the areas one leads."""
    table = tables.systems

    async def query(tx: Transaction) -> Response:
        reach = await policy.reach(tx, at.principal)
        wanted = select(table).where(queries.seen_systems(reach))
        for column, value in ((table.c.organization_id, agency_id), (table.c.focus_area, area), (table.c.status, status)):
            wanted = wanted if value is None else wanted.where(column == value)
        page = await page_of(tx, wanted, by=[table.c.id], request=paged, read=store.systems.from_row, listing=_LISTING)
        return at.show_page(page, [await shown(tx, found, at) for found in page.items])

    return await at.read(query)


@router.get("/v1/systems/{id}", response_model=models.SystemShown)
async def show_system(id: Identifier, at: AtEdge) -> Response:
    async def query(tx: Transaction) -> Response:
        found = await commands.visible_system(tx, id, by=at.principal)
        return at.show(await shown(tx, found, at), version=found.version)

    return await at.read(query)


@router.get("/v1/systems/by-key/{agency_id}/{number}", response_model=models.SystemShown)
async def show_system_by_number(agency_id: Identifier, number: Line, at: AtEdge) -> Response:
    """By the number that it has in its agency's inventory."""

    async def query(tx: Transaction) -> Response:
        found = await commands.visible_by_number(tx, agency_id, number, by=at.principal)
        return at.show(await shown(tx, found, at), version=found.version)

    return await at.read(query)


@router.put(
    "/v1/systems/by-key/{agency_id}/{number}",
    response_model=models.SystemShown,
    responses={201: {"model": models.SystemShown, "description": "Registered"}},
)
async def put_system_by_number(agency_id: Identifier, number: Line, body: models.FactsGiven, at: AtEdge) -> Response:
    """Registers the agency's system of this number, or changes the one that has it."""
    facts = _facts(body)

    async def command(tx: Transaction) -> Answered:
        await commands.require_inventory(tx, agency_id, by=at.principal)
        found = await commands.by_number(tx, agency_id, number)
        expected = at.expected_version_of(found.version if found else None)
        if found is None:
            made = await commands.register_system(tx, organization_id=agency_id, number=number, facts=facts, by=at.principal)
            return replace(await _answered(tx, made, at), is_new=True)
        saved = await commands.change_system(tx, found.id, facts, expected_version=expected, by=at.principal)
        return await _answered(tx, saved, at)

    return await at.write(command)


@router.post("/v1/systems", status_code=201, response_model=models.SystemShown)
async def register_system(body: models.SystemGiven, at: AtEdge) -> Response:
    """Once per agency and number."""
    facts = _facts(body)
    return await _write(
        at,
        lambda tx: commands.register_system(
            tx, organization_id=body.agency_id, number=body.number, facts=facts, by=at.principal
        ),
        status=201,
    )


@router.put("/v1/systems/{id}", response_model=models.SystemShown)
async def change_system(id: Identifier, body: models.FactsGiven, at: AtEdge) -> Response:
    """All that the inventory says, anew. Needs If-Match."""
    facts = _facts(body)
    return await _write(
        at, lambda tx: commands.change_system(tx, id, facts, expected_version=at.expected_version(), by=at.principal)
    )


@router.post("/v1/systems/{id}/plan-decommission", response_model=models.SystemShown)
async def plan_decommission(id: Identifier, body: models.DecommissionPlanned, at: AtEdge) -> Response:
    return await _write(
        at,
        lambda tx: commands.plan_decommission(
            tx,
            id,
            planned_on=body.planned_on,
            adoption_id=body.adoption_id,
            expected_version=at.expected_version(),
            by=at.principal,
        ),
    )


@router.post("/v1/systems/{id}/keep", response_model=models.SystemShown)
async def keep_system(id: Identifier, body: models.Reasoned, at: AtEdge) -> Response:
    """Its end is no longer planned."""
    return await _write(
        at,
        lambda tx: commands.keep_system(tx, id, reason=body.reason, expected_version=at.expected_version(), by=at.principal),
    )


@router.post("/v1/systems/{id}/decommission", response_model=models.SystemShown)
async def decommission_system(id: Identifier, body: models.Decommissioned, at: AtEdge) -> Response:
    return await _write(
        at,
        lambda tx: commands.decommission_system(
            tx,
            id,
            ended_on=body.ended_on,
            evidence=body.evidence,
            expected_version=at.expected_version(),
            by=at.principal,
        ),
    )


@router.get("/v1/duplications", response_model=models.Duplications)
async def list_duplications(at: AtEdge, area: Slug, as_of: AsOf = None) -> Response:
    """Systems that do much the same, among those the caller may see: the dearest first, retired ones too.

    On another day: as facts said by then, of the systems that are the area's today.
    """

    async def query(tx: Transaction) -> models.Duplications:
        reach = await policy.reach(tx, at.principal)
        found = await queries.duplications(tx, area, reach=reach, as_of=as_of)
        return models.Duplications(
            focus_area=area,
            definition=_DUPLICATION,
            as_of=as_of,
            range=shown_range((await ranges(tx))[Source.SYSTEM]),
            found=len(found),
            open=sum(not cluster.is_retired for cluster in found),
            items=[_cluster(cluster) for cluster in found],
        )

    return at.show(await at.read(query))


@router.get("/v1/agencies/{id}/retirements", response_model=models.Retirements)
async def suggest_retirements(id: Identifier, at: AtEdge) -> Response:
    """Which adoption, of the agency or below it, would retire which system in service whose end is not planned."""

    async def query(tx: Transaction) -> models.Retirements:
        await known_organization(tx, id)
        found = await retirements(tx, id, reach=await policy.reach(tx, at.principal))
        return models.Retirements(agency_id=id, items=[_retirement(each) for each in found])

    return at.show(await at.read(query))


def _retirement(found: Suggestion) -> models.RetirementShown:
    return models.RetirementShown(
        system=named(found.system),
        adoption_id=found.replacement.adoption_id,
        offering_id=found.replacement.offering_id,
        share=round(found.share, 3),
        covered=list(found.covered),
        left=list(found.left),
    )


def _cluster(found: Cluster) -> models.ClusterShown:
    return models.ClusterShown(
        id=found.id,
        retired=found.is_retired,
        overlap=round(found.overlap, 3),
        yearly_cost=MoneyShown(amount=found.yearly_cost),
        systems=[named(system) for system in found.systems],
    )


def named(found: System) -> models.SystemNamed:
    return models.SystemNamed(
        id=found.id, agency_id=found.organization_id, number=found.number, name=found.facts.name, status=found.status
    )


def _facts(given: models.FactsGiven) -> Facts:
    return Facts(
        name=given.name,
        focus_area=given.focus_area,
        capabilities=tuple(dict.fromkeys(given.capabilities)),
        costs={int(year): _cost(cost) for year, cost in given.costs.items()},
        contracts=tuple(dict.fromkeys(given.contracts)),
        since=given.since,
    )


def _cost(given: models.CostGiven) -> Cost:
    def dollars(money: MoneyGiven | None) -> Decimal:
        return Decimal(money.amount) if money else Decimal(0)

    return Cost(
        development=dollars(given.development),
        operation=dollars(given.operation),
        staff=dollars(given.staff),
        fte=Decimal(given.fte),
    )


async def shown(tx: Transaction, found: System, at: Edge) -> models.SystemShown:
    facts = found.facts
    own = (await policy.reach(tx, at.principal)).acts_for(found.organization_id)
    return models.SystemShown(
        id=found.id,
        version=found.version,
        agency_id=found.organization_id,
        number=found.number,
        status=found.status,
        name=facts.name,
        focus_area=facts.focus_area,
        capabilities=list(facts.capabilities),
        costs={str(year): _cost_shown(cost) for year, cost in sorted(facts.costs.items())},
        yearly_cost=MoneyShown(amount=found.cost_in(FiscalYear.of(tx.at.date()))),
        contracts=list(facts.contracts),
        since=facts.since,
        planned_on=found.planned_on,
        decommissioned_on=found.decommissioned_on,
        adoption_id=found.adoption_id,
        evidence=found.evidence,
        reason=found.reason,
        actions=_actions(found) if own else [],
    )


def _cost_shown(cost: Cost) -> models.CostShown:
    return models.CostShown(
        development=MoneyShown(amount=cost.development),
        operation=MoneyShown(amount=cost.operation),
        staff=MoneyShown(amount=cost.staff),
        fte=cost.fte,
    )


def _actions(found: System) -> list[Action]:
    own = f"/v1/systems/{found.id}"
    actions = []
    for transition in MACHINE.transitions:
        if transition.action == "register":
            continue
        possible = found.status in transition.sources
        missing = [] if possible else [f"state {' or '.join(map(str, transition.sources))} (it is {found.status})"]
        href = own if transition.action == "change" else f"{own}/{transition.action}"
        actions.append(Action(action=transition.action, href=href, possible=possible, missing=missing))
    return actions


async def _write(at: Edge, command: Callable[[Transaction], Awaitable[System]], *, status: int = 200) -> Response:
    async def answered(tx: Transaction) -> Answered:
        return await _answered(tx, await command(tx), at)

    return await at.write(answered, status=status)


async def _answered(tx: Transaction, saved: System, at: Edge) -> Answered:
    return Answered(await shown(tx, saved, at), saved.version, f"/v1/systems/{saved.id}")
