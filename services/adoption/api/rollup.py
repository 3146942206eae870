"""Adoption states of the CFO Act agencies over HTTP."""

from __future__ import annotations

from fastapi import APIRouter, Response

from services.adoption import policy
from services.adoption.domain.rollup import State
from services.adoption.queries import rollup as queries
from shared.db import Transaction
from shared.kernel.errors import Forbidden
from shared.web.edge import AtEdge
from shared.web.wire import Shown, Slug

router = APIRouter(tags=["agencies"])


class AgencyStateShown(Shown):
    """`components`: state → how many organizations, the agency itself and those below it, are in it."""

    agency_id: str
    name: str
    state: State
    components: dict[State, int]


class AdoptionStates(Shown):
    """`government`: state → how many of the agencies are in it."""

    focus_area: str
    government: dict[State, int]
    items: list[AgencyStateShown]


@router.get("/v1/stats/adoption-states", response_model=AdoptionStates)
async def list_adoption_states(area: Slug, at: AtEdge) -> Response:
    """Each agency rolled up from its components, and the government from the agencies; for the area's QSMO and above."""

    async def query(tx: Transaction) -> AdoptionStates:
        reach = await policy.reach(tx, at.principal)
        if not (reach.everything or area in reach.areas):
            raise Forbidden(f"The states of all agencies are for qsmo:{area} and the government-wide roles.")
        found = await queries.agency_states(tx, area)
        states = [each.state for each in found]
        return AdoptionStates(
            focus_area=area,
            government={state: states.count(state) for state in State if state in states},
            items=[
                AgencyStateShown(
                    agency_id=each.organization_id, name=each.name, state=each.state, components=dict(each.components)
                )
                for each in found
            ],
        )

    return at.show(await at.read(query))
