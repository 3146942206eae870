"""Agreements: drafted by the agency, signed by both sides, active, amended, held, ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from services.adoption import policy, queries, store, tables
from services.adoption.commands.profiles import known_organization
from services.adoption.domain import agreement as domain
from services.adoption.domain.agreement import AHEAD_DAYS, MACHINE, SIGNING_POSTS, Agreement, Status, Terms
from shared.auth import Principal
from shared.contracts import adoption as contracts
from shared.db import Transaction
from shared.kernel.errors import Forbidden, Invalid, NotFound, RuleViolation, StaleVersion
from shared.kernel.ids import new_id

_FACTS: dict[str, type[contracts.AgreementFact]] = {
    "draft": contracts.AgreementDrafted,
    "edit": contracts.AgreementDrafted,
    "recall": contracts.AgreementDrafted,
    "send": contracts.AgreementSent,
    "sign": contracts.AgreementSigned,
    "countersign": contracts.AgreementCountersigned,
    "activate": contracts.AgreementActivated,
    "amend": contracts.AgreementAmended,
    "hold": contracts.AgreementHeld,
    "resume": contracts.AgreementActivated,
    "terminate": contracts.AgreementTerminated,
    "expire": contracts.AgreementExpired,
    "notice": contracts.AgreementExpiring,
}


async def draft_agreement(tx: Transaction, adoption_id: str, terms: Terms, *, by: Principal) -> Agreement:
    """Raises Forbidden; Invalid for an adoption not known; RuleViolation for one that has ended, or the terms."""
    reach = await policy.reach(tx, by)
    try:
        adoption = await queries.adoption(tx, adoption_id, reach=reach)
    except NotFound as err:
        raise Invalid.at("/adoption_id", err.detail, code="unknown-reference") from err
    if not reach.acts_for(adoption.organization_id):
        raise Forbidden("To draft an agreement needs an agency role that covers the adopting agency.")
    if not adoption.is_live:
        raise RuleViolation("The adoption has ended.", code="missing", missing=("a live adoption",))
    drafted = domain.draft(
        id=new_id(),
        adoption_id=adoption.id,
        organization_id=adoption.organization_id,
        offering_id=adoption.offering_id,
        terms=terms,
    )
    return await store.agreements.add(tx, drafted, await _fact(tx, "draft", drafted))


async def change_agreement(
    tx: Transaction, id: str, action: str, terms: Terms, *, expected_version: int, by: Principal
) -> Agreement:
    """`edit` or `amend`. Raises NotFound, Forbidden, StaleVersion, RuleViolation."""
    return await _act(tx, id, action, expected_version, by, lambda current: domain.changed(current, action, terms))


async def move_agreement(
    tx: Transaction, id: str, action: str, *, reason: str | None, expected_version: int, by: Principal
) -> Agreement:
    """Any other action. Raises NotFound, Forbidden, StaleVersion, RuleViolation."""
    on = tx.at.date()
    return await _act(
        tx, id, action, expected_version, by, lambda current: domain.moved(current, action, on=on, by=by.actor, reason=reason)
    )


async def _act(
    tx: Transaction, id: str, action: str, expected_version: int, by: Principal, change: Callable[[Agreement], Agreement]
) -> Agreement:
    current = await visible_agreement(tx, id, by=by)
    await _require(tx, current, action, by)
    if current.version != expected_version:
        raise StaleVersion(f"The agreement is at version {current.version}.", current_version=current.version)
    changed = change(current)
    return await store.agreements.save(tx, changed, await _fact(tx, action, changed))


async def visible_agreement(tx: Transaction, id: str, *, by: Principal) -> Agreement:
    """Raises NotFound also for what the caller may not see."""
    found = await store.agreements.find(tx, id)
    if found is None or not await _sees(tx, found, by):
        raise NotFound(f"There is no agreement {id!r}.")
    return found


async def _sees(tx: Transaction, agreement: Agreement, by: Principal) -> bool:
    reach = await policy.reach(tx, by)
    own = reach.everything or reach.acts_for(agreement.organization_id)
    return own or await _is_other_side(tx, agreement, by)


async def allowed_actions(tx: Transaction, agreement: Agreement, by: Principal) -> list[str]:
    """Actions that the caller's roles allow, whatever the state."""
    actions = dict.fromkeys(t.action for t in MACHINE.transitions if t.action not in {"draft", "expire"})
    return [action for action in actions if await _may(tx, agreement, action, by)]


async def _require(tx: Transaction, agreement: Agreement, action: str, by: Principal) -> None:
    if not await _may(tx, agreement, action, by):
        roles = ", ".join(MACHINE.roles_for(action))
        posts = f" (one of the posts {', '.join(SIGNING_POSTS)})" if action == "sign" else ""
        raise Forbidden(f"To {action} this agreement needs: {roles}{posts}, each of its own side.")


async def _may(tx: Transaction, agreement: Agreement, action: str, by: Principal) -> bool:
    roles = MACHINE.roles_for(action)
    if "agency" in roles and await _acts_for(tx, agreement, by, posts=SIGNING_POSTS if action == "sign" else ()):
        return True
    return bool({"qsmo", "provider"} & set(roles)) and await _is_other_side(tx, agreement, by, roles=roles)


async def _acts_for(tx: Transaction, agreement: Agreement, by: Principal, *, posts: tuple[str, ...]) -> bool:
    roles = tuple(role for role in by.roles if not posts or role.post in posts)
    return (await policy.reach(tx, Principal(by.subject, roles))).acts_for(agreement.organization_id)


async def _is_other_side(
    tx: Transaction, agreement: Agreement, by: Principal, *, roles: tuple[str, ...] = ("qsmo", "provider")
) -> bool:
    """The QSMO of an area of the offering, or its provider."""
    table = tables.known_offerings
    row = await tx.row(select(table.c.provider_id, table.c.focus_areas).where(table.c.id == agreement.offering_id))
    if row is None:
        return False
    qsmo = "qsmo" in roles and bool(set(row["focus_areas"]) & set(by.scopes("qsmo")))
    return qsmo or ("provider" in roles and row["provider_id"] is not None and by.has("provider", scope=row["provider_id"]))


async def tell_of_ends(tx: Transaction) -> None:
    """Expire what is over, and give the notices of an end that are due, each once."""
    table = tables.agreements
    standing = (Status.ACTIVE.value, Status.ON_HOLD.value)
    soon = table.c.ends_on <= tx.at.date() + timedelta(max(AHEAD_DAYS))
    rows = await tx.rows(select(table).where(table.c.status.in_(standing), soon))
    for found in map(store.agreements.from_row, rows):
        if domain.is_over(found, on=tx.at.date()):
            expired = domain.moved(found, "expire", on=tx.at.date(), by=tx.cause.actor)
            await store.agreements.save(tx, expired, await _fact(tx, "expire", expired))
        elif (due := domain.with_notice(found, on=tx.at.date())) is not None:
            told, days = due
            await store.agreements.save(tx, told, await _fact(tx, "notice", told, days=days))


async def _fact(tx: Transaction, action: str, agreement: Agreement, **more: int) -> contracts.AgreementFact:
    organization = await known_organization(tx, agreement.organization_id)
    offering: Any = (await queries.offerings_by_id(tx, [agreement.offering_id])).get(agreement.offering_id)
    terms = agreement.terms
    return _FACTS[action](
        agreement_id=agreement.id,
        adoption_id=agreement.adoption_id,
        agency_id=agreement.organization_id,
        agency_name=organization.name,
        offering_id=agreement.offering_id,
        focus_area=offering.focus_areas[0] if offering and offering.focus_areas else "",
        status=agreement.status.value,
        number=terms.number,
        kind=terms.kind.value,
        begins_on=terms.begins_on,
        ends_on=terms.ends_on,
        funding={str(year): str(amount) for year, amount in terms.funding.items()},
        amendment=agreement.amendment,
        reason=agreement.reason,
        **more,
    )
