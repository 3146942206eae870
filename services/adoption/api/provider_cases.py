"""Cases of legacy providers over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from decimal import Decimal
from enum import StrEnum

from fastapi import Response
from sqlalchemy import select

from services.adoption import policy, store, tables
from services.adoption.api import provider_case_models as models
from services.adoption.commands import provider_cases as commands
from services.adoption.domain.provider_case import MACHINE, CaseContent, ProviderCase, Status
from shared.auth import Principal
from shared.db import Transaction
from shared.web.edge import Answered, AtEdge, Edge, Listed
from shared.web.listing import listing
from shared.web.paging import page_of
from shared.web.routes import Router
from shared.web.wire import Action, Identifier, MoneyShown, Slug

router = Router(tags=["provider cases"])
_LISTING = listing(
    tables.provider_cases, "focus_area", "status", renamed={"agency_id": tables.provider_cases.c.organization_id}
)
_PATHS = {"edit": "", "satisfy": "/conditions/{condition_id}/satisfy"}


class CaseTurn(StrEnum):
    """Actions that take no more than a reason; a test compares them with the state machine."""

    SUBMIT = "submit"
    RETURN = "return"
    SUPPORT = "support"
    REFUSE = "refuse"
    REVISE = "revise"
    ESCALATE = "escalate"
    APPEAL = "appeal"
    WITHDRAW = "withdraw"


@router.get("/v1/provider-cases", response_model=models.CasePage)
async def list_provider_cases(
    at: AtEdge, paged: Listed, agency_id: Identifier | None = None, area: Slug | None = None, status: Status | None = None
) -> Response:
    """One's own, those of the areas one leads; the board's seats find what they are asked about."""
    table = tables.provider_cases

    async def query(tx: Transaction) -> Response:
        wanted = select(table).where(commands.seen_cases(await policy.reach(tx, at.principal), at.principal))
        for column, value in ((table.c.organization_id, agency_id), (table.c.focus_area, area), (table.c.status, status)):
            wanted = wanted if value is None else wanted.where(column == value)
        page = await page_of(tx, wanted, by=[table.c.id], request=paged, read=store.provider_cases.from_row, listing=_LISTING)
        return at.show_page(page, [models.CaseInList(**_brief(found)) for found in page.items])

    return await at.read(query)


@router.get("/v1/provider-cases/{id}", response_model=models.CaseShown)
async def show_provider_case(id: Identifier, at: AtEdge) -> Response:
    async def query(tx: Transaction) -> Response:
        found = await commands.visible_case(tx, id, by=at.principal)
        return at.show(await _shown(tx, found, at.principal), version=found.version)

    return await at.read(query)


@router.post("/v1/provider-cases", status_code=201, response_model=models.CaseShown)
async def draft_provider_case(body: models.CaseGiven, at: AtEdge) -> Response:
    """Refused as unnecessary for a critical patch, and where appropriations law directs."""
    content = _content(body)
    return await _write(
        at,
        lambda tx: commands.draft_case(tx, body.agency_id, body.focus_area, content, exemption=body.exemption, by=at.principal),
        status=201,
    )


@router.put("/v1/provider-cases/{id}", response_model=models.CaseShown)
async def edit_provider_case(id: Identifier, body: models.CaseContentGiven, at: AtEdge) -> Response:
    """All of a draft anew. Needs If-Match."""
    content = _content(body)
    return await _write(
        at, lambda tx: commands.edit_case(tx, id, content, expected_version=at.expected_version(), by=at.principal)
    )


@router.post("/v1/provider-cases/{id}/advise", response_model=models.CaseShown)
async def advise_provider_case(id: Identifier, body: models.AdviceGiven, at: AtEdge) -> Response:
    """A seat of the board's word; its later one replaces the earlier. Needs If-Match."""
    given = body.model_dump()
    return await _write(
        at, lambda tx: commands.advise_case(tx, id, **given, expected_version=at.expected_version(), by=at.principal)
    )


@router.post("/v1/provider-cases/{id}/approve", response_model=models.CaseShown)
async def approve_provider_case(id: Identifier, body: models.CaseApproved, at: AtEdge) -> Response:
    """OMB's, of a case that the QSMO supports or that was appealed; final. Needs If-Match."""
    return await _decide(at, id, "approve", body.reason, body.conditions)


@router.post("/v1/provider-cases/{id}/deny", response_model=models.CaseShown)
async def deny_provider_case(id: Identifier, body: models.CaseDenied, at: AtEdge) -> Response:
    """OMB's, of a case that the QSMO supports or that was appealed; final. Needs If-Match."""
    return await _decide(at, id, "deny", body.reason, [])


@router.post("/v1/provider-cases/{id}/conditions/{condition_id}/satisfy", response_model=models.CaseShown)
async def satisfy_provider_case_condition(
    id: Identifier, condition_id: Identifier, body: models.ConditionSatisfied, at: AtEdge
) -> Response:
    """By the QSMO or OMB, with evidence. Needs If-Match."""
    return await _write(
        at,
        lambda tx: commands.satisfy_case_condition(
            tx, id, condition_id, evidence=body.evidence, expected_version=at.expected_version(), by=at.principal
        ),
    )


@router.post("/v1/provider-cases/{id}/{action}", response_model=models.CaseShown)
async def turn_provider_case(id: Identifier, action: CaseTurn, body: models.CaseTurnGiven, at: AtEdge) -> Response:
    """What takes no more than a reason; to submit takes none. Needs If-Match."""
    return await _write(
        at,
        lambda tx: commands.move_case(
            tx, id, action, body.reason or "", expected_version=at.expected_version(), by=at.principal
        ),
    )


async def _decide(at: Edge, id: str, action: str, reason: str, conditions: list[str]) -> Response:
    return await _write(
        at,
        lambda tx: commands.decide_case(
            tx, id, action, reason=reason, conditions=conditions, expected_version=at.expected_version(), by=at.principal
        ),
    )


def _content(given: models.CaseContentGiven) -> CaseContent:
    return CaseContent(
        title=given.title,
        option=given.option,
        papers=dict(given.papers),
        costs={int(year): Decimal(cost.amount) for year, cost in given.costs.items()},
    )


def _brief(found: ProviderCase) -> dict[str, object]:
    return {
        "id": found.id,
        "version": found.version,
        "agency_id": found.organization_id,
        "focus_area": found.focus_area,
        "title": found.content.title,
        "option": found.content.option,
        "status": found.status,
        "open_conditions": len(found.open_conditions),
    }


async def _shown(tx: Transaction, found: ProviderCase, by: Principal) -> models.CaseShown:
    actions = dict.fromkeys(t.action for t in MACHINE.transitions if t.action != "draft")
    allowed = [action for action in actions if await commands.may(tx, found, action, by)]
    return models.CaseShown(
        **_brief(found),
        papers=dict(found.content.papers),
        costs={str(year): MoneyShown(amount=cost) for year, cost in sorted(found.content.costs.items())},
        advice=[models.AdviceShown(**asdict(each)) for each in found.advice],
        conditions=[models.CaseConditionShown(**asdict(each)) for each in found.conditions],
        history=[models.CaseTurnShown(**asdict(each)) for each in found.turns],
        missing=list(found.missing),
        actions=[_action(found, action) for action in allowed],
    )


def _action(found: ProviderCase, action: str) -> Action:
    sources = [str(source) for t in MACHINE.transitions if t.action == action for source in t.sources]
    lacking = [] if found.status in sources else [f"state {' or '.join(sources)} (it is {found.status})"]
    if not lacking and action in {"submit", "appeal"}:
        lacking = list(found.missing)
    if not lacking and action == "satisfy" and not found.open_conditions:
        lacking = ["an open condition"]
    href = f"/v1/provider-cases/{found.id}{_PATHS.get(action, f'/{action}')}"
    return Action(action=action, href=href, possible=not lacking, missing=lacking)


async def _write(at: Edge, command: Callable[[Transaction], Awaitable[ProviderCase]], *, status: int = 200) -> Response:
    async def answered(tx: Transaction) -> Answered:
        saved = await command(tx)
        return Answered(await _shown(tx, saved, at.principal), saved.version, f"/v1/provider-cases/{saved.id}")

    return await at.write(answered, status=status)
