"""Cases of legacy providers: written with the QSMO, advised on by the board where it refuses, decided by OMB."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import ColumnElement, or_, true

from services.adoption import policy, store, tables
from services.adoption.commands.profiles import known_organization
from services.adoption.domain import provider_case as domain
from services.adoption.domain.provider_case import (
    MACHINE,
    SEEN_BY_BOARD,
    Advice,
    CaseCondition,
    CaseContent,
    Exemption,
    ProviderCase,
    Turn,
)
from services.adoption.policy import Reach
from services.adoption.queries.annual_plans import areas_to_state
from shared.auth import Principal
from shared.contracts import oversight as contracts
from shared.db import Transaction
from shared.kernel.errors import Forbidden, Invalid, NotFound, RuleViolation, StaleVersion
from shared.kernel.ids import new_id

_FACTS: dict[str, type[contracts.ProviderCaseFact]] = {
    **dict.fromkeys(("draft", "edit", "return", "revise"), contracts.ProviderCaseDrafted),
    "submit": contracts.ProviderCaseSubmitted,
    "escalate": contracts.ProviderCaseEscalated,
    "appeal": contracts.ProviderCaseEscalated,
    "approve": contracts.ProviderCaseApproved,
    "deny": contracts.ProviderCaseDenied,
}


async def draft_case(
    tx: Transaction,
    organization_id: str,
    focus_area: str,
    content: CaseContent,
    *,
    exemption: Exemption | None,
    by: Principal,
) -> ProviderCase:
    """Raises NotFound for a provider not known; Forbidden; Invalid for an area without a QSMO; RuleViolation where exempt."""
    await known_organization(tx, organization_id)
    if not (await policy.reach(tx, by)).acts_for(organization_id):
        raise Forbidden("To draft a provider's case needs an agency role that covers the provider.")
    if focus_area not in await areas_to_state(tx):
        raise Invalid.at("/focus_area", f"No area {focus_area!r} has a QSMO.", code="unknown-reference")
    domain.refuse_exempt(exemption)
    made = ProviderCase(
        id=new_id(),
        version=0,
        organization_id=organization_id,
        focus_area=focus_area,
        content=content,
        turns=(_turn(tx, "draft", "", by),),
    )
    return await store.provider_cases.add(tx, made, await _fact(tx, "draft", made))


async def edit_case(tx: Transaction, id: str, content: CaseContent, *, expected_version: int, by: Principal) -> ProviderCase:
    """All of a draft anew. Raises NotFound, Forbidden, StaleVersion, RuleViolation."""
    current = await _current(tx, id, "edit", expected_version, by)
    return await _save(tx, "edit", domain.edit(current, content, _turn(tx, "edit", "", by)))


_MOVES: dict[str, Callable[[ProviderCase, Turn], ProviderCase]] = {
    "submit": domain.submit,
    **dict.fromkeys(("return", "support", "refuse"), domain.view),
    **dict.fromkeys(("revise", "escalate", "appeal", "withdraw"), domain.go_on),
}


async def move_case(
    tx: Transaction, id: str, action: str, reason: str, *, expected_version: int, by: Principal
) -> ProviderCase:
    """Every action that takes no more than a reason. Raises NotFound, Forbidden, StaleVersion, RuleViolation."""
    current = await _current(tx, id, action, expected_version, by)
    if not reason and action != "submit":
        raise RuleViolation(f"{action} needs a reason.", code="missing", missing=("reason",))
    return await _save(tx, action, _MOVES[action](current, _turn(tx, action, reason, by)))


async def advise_case(
    tx: Transaction, id: str, *, seat: str | None, in_favour: bool, text: str, expected_version: int, by: Principal
) -> ProviderCase:
    """`seat`: where the caller has several. Raises NotFound, Forbidden, StaleVersion; RuleViolation for a seat to recuse."""
    current = await _current(tx, id, "advise", expected_version, by)
    own = [each for each in by.scopes("board") if seat in {None, each}]
    if not own:
        raise Forbidden("To speak for a seat of the board needs its role.")
    if current.organization_id in await policy.covered(tx, own[:1]):
        needed = "a seat that is not of the provider or above it"
        raise RuleViolation(f"advise needs {needed}.", code="recused", missing=(needed,))
    given = Advice(seat=own[0], in_favour=in_favour, text=text, by=by.actor, on=tx.at.date())
    return await _save(tx, "advise", domain.advise(current, given, _turn(tx, "advise", text, by)))


async def decide_case(
    tx: Transaction, id: str, action: str, *, reason: str, conditions: Sequence[str], expected_version: int, by: Principal
) -> ProviderCase:
    """OMB's `approve` or `deny`. Raises NotFound, Forbidden, StaleVersion, RuleViolation."""
    current = await _current(tx, id, action, expected_version, by)
    given = tuple(CaseCondition(id=new_id(), text=text) for text in conditions)
    return await _save(tx, action, domain.decide(current, given, _turn(tx, action, reason, by)))


async def satisfy_case_condition(
    tx: Transaction, id: str, condition_id: str, *, evidence: str, expected_version: int, by: Principal
) -> ProviderCase:
    """Raises NotFound, Forbidden, StaleVersion, RuleViolation."""
    current = await _current(tx, id, "satisfy", expected_version, by)
    satisfied = domain.satisfy(current, condition_id, evidence, _turn(tx, "satisfy", evidence, by))
    return await _save(tx, "satisfy", satisfied)


def seen_cases(reach: Reach, by: Principal) -> ColumnElement[bool]:
    """One's own; a QSMO's area; to the board what it is asked about, and what came of it."""
    c = tables.provider_cases.c
    if reach.everything:
        return true()
    allowed = [c.organization_id.in_(reach.organizations), c.focus_area.in_(reach.areas)]
    if by.has("board"):
        allowed.append(c.status.in_(SEEN_BY_BOARD))
    return or_(*allowed)


async def visible_case(tx: Transaction, id: str, *, by: Principal) -> ProviderCase:
    """Raises NotFound also for what the caller may not see."""
    found = await store.provider_cases.find(tx, id)
    reach = await policy.reach(tx, by)
    if found is not None and (
        reach.everything
        or reach.acts_for(found.organization_id)
        or found.focus_area in reach.areas
        or (by.has("board") and found.status in SEEN_BY_BOARD)
    ):
        return found
    raise NotFound(f"There is no provider case {id!r}.")


async def may(tx: Transaction, case: ProviderCase, action: str, by: Principal) -> bool:
    """Whether the caller's roles allow the action, whatever the state."""
    roles = MACHINE.roles_for(action)
    if any(role in roles and by.has(role) for role in ("omb", "board")):
        return True
    if "qsmo" in roles and by.has("qsmo", scope=case.focus_area):
        return True
    return "agency" in roles and (await policy.reach(tx, by)).acts_for(case.organization_id)


async def _current(tx: Transaction, id: str, action: str, expected_version: int, by: Principal) -> ProviderCase:
    current = await visible_case(tx, id, by=by)
    if not await may(tx, current, action, by):
        roles = ", ".join(MACHINE.roles_for(action))
        raise Forbidden(f"To {action} this case needs one of the roles {roles}, of its own side.")
    if current.version != expected_version:
        raise StaleVersion(f"The case is at version {current.version}.", current_version=current.version)
    return current


def _turn(tx: Transaction, action: str, reason: str, by: Principal) -> Turn:
    return Turn(action=action, by=by.actor, on=tx.at.date(), reason=reason)


async def _save(tx: Transaction, action: str, case: ProviderCase) -> ProviderCase:
    return await store.provider_cases.save(tx, case, await _fact(tx, action, case))


async def _fact(tx: Transaction, action: str, case: ProviderCase) -> contracts.ProviderCaseFact:
    provider = await known_organization(tx, case.organization_id)
    return _FACTS.get(action, contracts.ProviderCaseReviewed)(
        case_id=case.id,
        agency_id=case.organization_id,
        agency_name=provider.name,
        focus_area=case.focus_area,
        title=case.content.title,
        option=case.content.option.value,
        status=case.status.value,
        action=action,
        in_favour=sum(each.in_favour for each in case.advice),
        against=sum(not each.in_favour for each in case.advice),
        open_conditions=len(case.open_conditions),
        reason=case.turns[-1].reason or None,
    )
