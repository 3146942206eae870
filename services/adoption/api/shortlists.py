"""Shortlists and demand over HTTP."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Query, Response
from sqlalchemy import or_, select

from services.adoption import policy, store, tables
from services.adoption.api import choice_models as models
from services.adoption.commands import shortlists as commands
from services.adoption.commands.needs import visible_needs
from services.adoption.domain.pinning import differences
from services.adoption.domain.shortlist import Decision, Shortlist, Status, digest_of
from services.adoption.queries.demands import Asked, demands
from services.adoption.queries.fit import Catalogs, activities_of
from shared.db import Transaction
from shared.web.edge import Answered, AtEdge, Edge, Listed
from shared.web.listing import listing
from shared.web.paging import page_of
from shared.web.routes import Router
from shared.web.wire import Action, Identifier, MoneyShown, Slug

router = Router(tags=["shortlists"])
_LISTING = listing(
    tables.shortlists,
    *("focus_area", "needs_id", "fiscal_year", "status", "locked_on"),
    sorts=("fiscal_year", "locked_on"),
    renamed={"agency_id": tables.shortlists.c.organization_id},
)
_DEMANDS_MAX = 200


@router.get("/v1/shortlists", response_model=models.ShortlistPage)
async def list_shortlists(
    at: AtEdge, paged: Listed, agency_id: Identifier | None = None, area: Slug | None = None, status: Status | None = None
) -> Response:
    table = tables.shortlists

    async def query(tx: Transaction) -> Response:
        reach = await policy.reach(tx, at.principal)
        wanted = select(table)
        if not reach.everything:
            wanted = wanted.where(or_(table.c.organization_id.in_(reach.organizations), table.c.focus_area.in_(reach.areas)))
        for column, value in ((table.c.organization_id, agency_id), (table.c.focus_area, area), (table.c.status, status)):
            wanted = wanted if value is None else wanted.where(column == value)
        page = await page_of(tx, wanted, by=[table.c.id], request=paged, read=store.shortlists.from_row, listing=_LISTING)
        return at.show_page(page, [models.ShortlistInList(**_fields(found)) for found in page.items])

    return await at.read(query)


@router.get("/v1/shortlists/{id}", response_model=models.ShortlistShown)
async def show_shortlist(id: Identifier, at: AtEdge) -> Response:
    async def query(tx: Transaction) -> Response:
        found = await commands.visible_shortlist(tx, id, by=at.principal)
        return at.show(await _shown(tx, found, at), version=found.version)

    return await at.read(query)


@router.get("/v1/shortlists/{id}/verification", response_model=models.Verification)
async def verify_shortlist(id: Identifier, at: AtEdge) -> Response:
    """Digest and scores computed again from what is pinned."""
    found = await at.read(lambda tx: commands.visible_shortlist(tx, id, by=at.principal))
    wrong = differences(found.pinned)
    return at.show(
        models.Verification(
            shortlist_id=id,
            digest=found.digest,
            digest_holds=digest_of(found.pinned) == found.digest,
            scores_hold=not wrong,
            differences=wrong,
        )
    )


@router.post("/v1/shortlists", status_code=201, response_model=models.ShortlistShown)
async def lock_shortlist(body: models.ShortlistGiven, at: AtEdge) -> Response:
    """Pins the offerings' revisions, the question, the scores and why others were not taken."""
    catalogs: Catalogs = at.request.app.state.context.catalogs

    async def command(tx: Transaction) -> Shortlist:
        needs = await visible_needs(tx, body.needs_id, by=at.principal)
        catalog = await catalogs.of(tx, needs.focus_area, listed=body.listed)
        ids = tuple(dict.fromkeys(body.offering_ids))
        return await commands.lock_shortlist(tx, needs.id, ids, catalog=catalog, by=at.principal)

    return await _write(at, command, status=201)


@router.post("/v1/shortlists/{id}/decide", response_model=models.ShortlistShown)
async def decide_shortlist(id: Identifier, body: models.DecisionGiven, at: AtEdge) -> Response:
    """One of its offerings, or that none is suitable: then what nobody offers becomes demand. Needs If-Match."""
    return await _write(
        at,
        lambda tx: commands.decide_shortlist(
            tx,
            id,
            outcome=body.outcome,
            offering_id=body.offering_id,
            reason=body.reason,
            expected_version=at.expected_version(),
            by=at.principal,
        ),
    )


@router.get("/v1/demands", response_model=models.DemandList)
async def list_demands(at: AtEdge, area: Slug, limit: Annotated[int, Query(ge=1, le=_DEMANDS_MAX)] = _DEMANDS_MAX) -> Response:
    """What agencies need and nobody offers: the QSMO's backlog, most agencies first, then most spend.

    How many ask for what is everybody's, as the figure `demand` is.
    """

    async def query(tx: Transaction) -> models.DemandList:
        reach = await policy.reach(tx, at.principal)
        titles = await activities_of(tx, area)
        is_federal, sees_spend = at.principal.sees_federal, reach.everything or area in reach.areas
        found = await demands(tx, area, by_spend=is_federal, limit=limit)
        return models.DemandList(
            items=[
                _demand(each, titles.get(each.demand.fibf_id), sees_critical=is_federal, sees_spend=sees_spend)
                for each in found
            ]
        )

    return at.show(await at.read(query))


def _demand(asked: Asked, title: str | None, *, sees_critical: bool, sees_spend: bool) -> models.DemandShown:
    found = asked.demand
    days = [call.on for call in found.calls]
    critical = {call.organization_id for call in found.calls if call.mission_critical}
    return models.DemandShown(
        fibf_id=found.fibf_id,
        title=title,
        focus_area=found.focus_area,
        agencies=found.agencies,
        mission_critical=len(critical) if sees_critical else None,
        yearly_spend=MoneyShown(amount=asked.spend) if sees_spend else None,
        since=min(days),
        latest=max(days),
    )


def _fields(found: Shortlist) -> dict[str, object]:
    return {
        "id": found.id,
        "version": found.version,
        "agency_id": found.organization_id,
        "focus_area": found.focus_area,
        "needs_id": found.needs_id,
        "fiscal_year": found.fiscal_year,
        "status": found.status,
        "digest": found.digest,
        "locked_on": found.locked_on,
        "decision": _decision(found.decision) if found.decision else None,
    }


async def _shown(tx: Transaction, found: Shortlist, at: Edge) -> models.ShortlistShown:
    own = (await policy.reach(tx, at.principal)).acts_for(found.organization_id)
    missing = [] if found.status is Status.LOCKED else [f"state {Status.LOCKED} (it is {found.status})"]
    href = f"/v1/shortlists/{found.id}/decide"
    actions = [Action(action="decide", href=href, possible=not missing, missing=missing)] if own else []
    return models.ShortlistShown.model_validate(
        {**_fields(found), "locked_by": found.locked_by, "pinned": json.loads(found.pinned), "actions": actions}
    )


def _decision(found: Decision) -> models.DecisionShown:
    return models.DecisionShown(
        outcome=found.outcome, offering_id=found.offering_id, reason=found.reason, on=found.on, by=found.by
    )


async def _write(at: Edge, command: Callable[[Transaction], Awaitable[Shortlist]], *, status: int = 200) -> Response:
    async def answered(tx: Transaction) -> Answered:
        saved = await command(tx)
        return Answered(await _shown(tx, saved, at), saved.version, f"/v1/shortlists/{saved.id}")

    return await at.write(answered, status=status)
