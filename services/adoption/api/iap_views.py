"""Investment action plans → wire models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal

from services.adoption.api import iap_models as models
from services.adoption.commands import iaps as commands
from services.adoption.commands.iaps import Standing
from services.adoption.domain.iap import MACHINE, Iap, Status, unanswered
from services.adoption.domain.iap_content import Content, sections_for
from services.adoption.domain.iap_need import AreaStanding, Need, Purchase
from services.adoption.domain.iap_threshold import Threshold
from shared.auth import Principal
from shared.db import Transaction
from shared.web.wire import Action

# Actions that are not reached by `/v1/iaps/{id}/<action>`.
_PATHS = {"edit": "", "satisfy": "/conditions/{condition_id}/satisfy"}


def content_of(given: models.IapContentGiven) -> Content:
    amount = Decimal(given.amount.amount)
    return Content(
        title=given.title,
        purchase=Purchase(amount=amount, new_system=given.new_system, in_marketplace=given.in_marketplace),
        fiscal_year=given.fiscal_year,
        sections=dict(given.sections),
        costs={int(year): Decimal(cost.amount) for year, cost in given.costs.items()},
        systems=tuple(dict.fromkeys(given.systems)),
        shortlist_id=given.shortlist_id,
    )


async def shown(tx: Transaction, found: Iap, by: Principal) -> models.IapShown:
    standing = await commands.standing_of(tx, found)
    content = found.content
    missing = _missing(tx, found, standing)
    return models.IapShown(
        **_brief(found),
        new_system=content.purchase.new_system,
        in_marketplace=content.purchase.in_marketplace,
        sections=dict(content.sections),
        costs={str(year): models.money(cost) for year, cost in sorted(content.costs.items())},
        systems=list(content.systems),
        shortlist_id=content.shortlist_id,
        need=need_shown(standing.need, standing.areas),
        recommendations=[models.RecommendationShown(**asdict(each)) for each in found.recommendations],
        endorsement=models.WordShown(**asdict(found.endorsement)) if found.endorsement else None,
        submitted_by=found.submitted_by,
        answers=[models.WordShown(**asdict(each)) for each in found.answers],
        approvals=[models.WordShown(**asdict(each)) for each in found.approvals],
        conditions=[models.ConditionShown(**asdict(each)) for each in found.conditions],
        decided_by=found.decided_by,
        decided_on=found.decided_on,
        review=found.review,
        reason=found.reason,
        missing=missing,
        actions=[_action(found, action, missing) for action in await _allowed(tx, found, by)],
    )


def in_list(found: Iap) -> models.IapInList:
    return models.IapInList(**_brief(found))


def _brief(found: Iap) -> dict[str, object]:
    return {
        "id": found.id,
        "version": found.version,
        "agency_id": found.organization_id,
        "areas": list(found.areas),
        "status": found.status,
        "title": found.content.title,
        "fiscal_year": found.content.fiscal_year,
        "amount": models.money(found.content.purchase.amount),
        "answers_due_on": found.answers_due_on,
        "expires_on": found.expires_on,
        "open_conditions": len(found.open_conditions),
    }


def need_shown(need: Need, areas: Sequence[AreaStanding]) -> models.IapNeedShown:
    with_market = any(area.marketplace_open for area in areas)
    sections = sections_for(need.kind, marketplace_open=with_market) if need.kind else ()
    return models.IapNeedShown(
        needed=need.needed,
        ground=need.ground,
        why=need.why,
        kind=need.kind,
        triggers=list(need.triggers),
        sections=list(sections),
    )


def threshold_shown(found: Threshold) -> models.ThresholdShown:
    return models.ThresholdShown(
        focus_area=found.focus_area,
        amount=models.money(found.amount),
        reason=found.reason,
        by=found.by,
        version=found.version,
    )


def _missing(tx: Transaction, found: Iap, standing: Standing) -> list[str]:
    """What the next step waits for."""
    match found.status:
        case Status.DRAFT if standing.need.kind:
            return list(found.missing_to_submit(standing.need.kind, marketplace_open=standing.marketplace_open))
        case Status.DRAFT:
            return [f"a purchase that needs a plan: {standing.need.why}"]
        case Status.PRELIMINARY_REVIEW:
            return [f"the answer of {party}" for party in unanswered(found, on=tx.at.date())]
        case Status.IN_REVIEW:
            return list(found.missing_to_approve())
        case _:
            return []


async def _allowed(tx: Transaction, found: Iap, by: Principal) -> list[str]:
    actions = dict.fromkeys(t.action for t in MACHINE.transitions if t.action not in {"draft", "expire"})
    return [action for action in actions if await commands.may(tx, found, action, by)]


def _action(found: Iap, action: str, missing: list[str]) -> Action:
    sources = [str(source) for t in MACHINE.transitions if t.action == action for source in t.sources]
    lacking = [] if found.status in sources else [f"state {' or '.join(sources)} (it is {found.status})"]
    if not lacking and action in {"submit", "start-review", "approve"}:
        lacking = missing
    if not lacking and action == "satisfy" and not found.open_conditions:
        lacking = ["an open condition"]
    href = f"/v1/iaps/{found.id}{_PATHS.get(action, f'/{action}')}"
    return Action(action=action, href=href, possible=not lacking, missing=lacking)
