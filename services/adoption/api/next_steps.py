"""What an agency should do next, over HTTP."""

from __future__ import annotations

from fastapi import Response
from sqlalchemy import select

from services.adoption import policy, queries, store, tables
from services.adoption.api import choice_models as models
from services.adoption.commands.profiles import known_organization
from services.adoption.domain.needs import Needs, completeness
from services.adoption.domain.onboarding import Situation, steps
from services.adoption.domain.shortlist import Shortlist
from services.adoption.queries.fit import activities_of, profile_of
from services.adoption.queries.known import known_areas
from shared.db import Transaction
from shared.kernel.errors import NotFound
from shared.web.edge import AtEdge
from shared.web.routes import Router
from shared.web.wire import Identifier

router = Router(tags=["agencies"])


@router.get("/v1/agencies/{id}/next-steps", response_model=models.NextSteps)
async def list_next_steps(id: Identifier, at: AtEdge) -> Response:
    """In each area with offerings, from the agency's state alone: what, whose turn it is, and where it is done."""

    async def query(tx: Transaction) -> models.NextSteps:
        reach = await policy.reach(tx, at.principal)
        areas, own = await known_areas(tx), reach.everything or reach.acts_for(id)
        seen = areas if own else [area for area in areas if area in reach.areas]
        if not (own or seen):
            raise NotFound(f"There is no agency {id!r} whose next steps you may see.")
        await known_organization(tx, id)
        items = []
        for area in seen:
            situation = await _situation(tx, id, area)
            items += [
                models.NextStepShown(
                    focus_area=area,
                    state=step.state,
                    what=step.what,
                    whose=step.whose,
                    href=step.href.replace("{agency}", id),
                )
                for step in steps(situation)
            ]
        return models.NextSteps(agency_id=id, items=items)

    return at.show(await at.read(query))


async def _situation(tx: Transaction, id: str, area: str) -> Situation:
    needs = await _newest_needs(tx, id, area)
    left = completeness(needs, await activities_of(tx, area)).missing if needs else ()
    table, areas = tables.adoptions, tables.known_offering_areas
    of_area = select(areas.c.offering_id).where(areas.c.focus_area == area)
    rows = await tx.rows(
        select(table).where(table.c.organization_id == id, table.c.offering_id.in_(of_area), table.c.source.is_(None))
    )
    adoptions = [store.adoptions.from_row(row) for row in rows]
    around = await queries.surroundings(tx, adoptions)
    return Situation(
        focus_area=area,
        profile=await profile_of(tx, id, area),
        needs=needs,
        shortlist=await _newest_shortlist(tx, id, area),
        adoptions=tuple((adoption, around[adoption.id]) for adoption in adoptions),
        open_activities=len(left),
    )


async def _newest_needs(tx: Transaction, id: str, area: str) -> Needs | None:
    table = tables.needs
    query = select(table).where(table.c.organization_id == id, table.c.focus_area == area)
    row = await tx.row(query.order_by(table.c.fiscal_year.desc()).limit(1))
    return None if row is None else store.needs.from_row(row)


async def _newest_shortlist(tx: Transaction, id: str, area: str) -> Shortlist | None:
    table = tables.shortlists
    query = select(table).where(table.c.organization_id == id, table.c.focus_area == area)
    row = await tx.row(query.order_by(table.c.id.desc()).limit(1))
    return None if row is None else store.shortlists.from_row(row)
