"""Adoption states of the CFO Act agencies over HTTP."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from fastapi import Response

from services.adoption import policy
from services.adoption.api.analytics_models import AsOf, shown_range
from services.adoption.commands.profiles import known_organization
from services.adoption.domain.figures import Source
from services.adoption.domain.rollup import BEGUN, State, rolled_up
from services.adoption.queries import analytics
from services.adoption.queries import rollup as queries
from services.adoption.queries.known import known_areas
from services.adoption.schemas import RangeShown
from shared.db import Transaction
from shared.kernel.errors import Forbidden, NotFound
from shared.web.edge import AtEdge
from shared.web.routes import Router
from shared.web.wire import Identifier, Shown, Slug

router = Router(tags=["agencies"])
_DEFINITION = (
    "CFO Act agencies by official adoption state, each rolled up from its components: complete when all adoptions of all"
    " components are in operations or completed, in progress as soon as one is further than assessment, in talks when one has"
    " begun, was selected or is stated as a need, not planning when nothing suited, unknown where nothing is on record."
)


class AgencyStateShown(Shown):
    """`components`: state → how many organizations, the agency itself and those below it, are in it."""

    agency_id: str
    name: str
    state: State
    components: dict[State, int]


class AdoptionStates(Shown):
    """`government`: state → how many of the agencies are in it; `range`: the facts of adoptions that were counted."""

    focus_area: str
    definition: str
    as_of: date | None
    range: RangeShown
    government: dict[State, int]
    items: list[AgencyStateShown]


@router.get("/v1/stats/adoption-states", response_model=AdoptionStates)
async def list_adoption_states(area: Slug, at: AtEdge, as_of: AsOf = None) -> Response:
    """Each agency rolled up from its components, and the government from the agencies; for the area's QSMO and above.

    On another day: adoptions by effective day, what was stated by the day it was recorded, organizations as they are today.
    """

    async def query(tx: Transaction) -> AdoptionStates:
        reach = await policy.reach(tx, at.principal)
        if not (reach.everything or area in reach.areas):
            raise Forbidden(f"The states of all agencies are for qsmo:{area} and the government-wide roles.")
        found = await queries.agency_states(tx, area, as_of=as_of)
        states = [each.state for each in found]
        return AdoptionStates(
            focus_area=area,
            definition=_DEFINITION,
            as_of=as_of,
            range=shown_range((await analytics.ranges(tx))[Source.ADOPTION]),
            government={state: states.count(state) for state in State if state in states},
            items=[
                AgencyStateShown(
                    agency_id=each.organization_id, name=each.name, state=each.state, components=dict(each.components)
                )
                for each in found
            ],
        )

    return at.show(await at.read(query))


class AreaCoverage(Shown):
    """`government`: state → agencies; `covered` of them are beyond talks, which is `share` of all, in percent."""

    focus_area: str
    government: dict[State, int]
    agencies: int
    covered: int
    share: Decimal


class Coverage(Shown):
    items: list[AreaCoverage]


class ComponentShown(Shown):
    organization_id: str
    name: str
    state: State


class AreaStates(Shown):
    """`state` is rolled up from `components`; of those that are left out nothing is on record."""

    focus_area: str
    state: State
    components: list[ComponentShown]


class AgencyStates(Shown):
    agency_id: str
    name: str
    items: list[AreaStates]


@router.get("/v1/stats/adoption-states/by-area", response_model=Coverage)
async def list_coverage(at: AtEdge, as_of: AsOf = None) -> Response:
    """How far the CFO Act agencies have come in each area that the caller leads, or in all for the government-wide roles."""

    async def query(tx: Transaction) -> Coverage:
        reach = await policy.reach(tx, at.principal)
        areas = [area for area in await known_areas(tx) if reach.everything or area in reach.areas]
        if not areas:
            raise Forbidden("Coverage is for the QSMOs and the government-wide roles.")
        found = {area: await queries.agency_states(tx, area, as_of=as_of) for area in areas}
        return Coverage(items=[_coverage(area, [each.state for each in states]) for area, states in found.items()])

    return at.show(await at.read(query))


def _coverage(area: str, states: list[State]) -> AreaCoverage:
    covered = sum(state in BEGUN for state in states)
    share = (Decimal(100 * covered) / len(states)).quantize(Decimal("0.1")) if states else Decimal(0)
    government = {state: states.count(state) for state in State if state in states}
    return AreaCoverage(focus_area=area, government=government, agencies=len(states), covered=covered, share=share)


@router.get("/v1/agencies/{id}/adoption-states", response_model=AgencyStates)
async def show_agency_states(id: Identifier, at: AtEdge, as_of: AsOf = None) -> Response:
    """Component by component, in each area: for the agency itself, an area's QSMO, and the government-wide roles."""

    async def query(tx: Transaction) -> AgencyStates:
        reach = await policy.reach(tx, at.principal)
        own = reach.everything or reach.acts_for(id)
        areas = [area for area in await known_areas(tx) if own or area in reach.areas]
        if not areas:
            raise NotFound(f"There is no agency {id!r} whose adoption states you may see.")
        organization = await known_organization(tx, id)
        items = [_area_states(area, await queries.component_states(tx, id, area, as_of=as_of)) for area in areas]
        return AgencyStates(agency_id=id, name=organization.name, items=items)

    return at.show(await at.read(query))


def _area_states(area: str, found: list[queries.ComponentState]) -> AreaStates:
    components = [
        ComponentShown(organization_id=each.organization_id, name=each.name, state=each.state)
        for each in found
        if each.state is not State.UNKNOWN
    ]
    return AreaStates(focus_area=area, state=rolled_up([each.state for each in found]), components=components)
