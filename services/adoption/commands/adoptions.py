"""Adoptions of an agency: start, advance, hold, resume, withdraw, complete."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from services.adoption import facts, policy, queries, store
from services.adoption.domain import adoption as domain
from services.adoption.domain.adoption import MACHINE, Adoption
from services.adoption.domain.m3 import Phase
from services.adoption.policy import Reach
from services.adoption.store import KnownOffering, KnownOrganization
from shared.auth import Principal
from shared.contracts import adoption as contracts
from shared.db import Transaction
from shared.kernel.errors import Conflict, Forbidden, Invalid, RuleViolation, StaleVersion
from shared.kernel.ids import new_id

_OPEN_TO_ADOPTERS = frozenset({"published", "listed"})
_FACTS: dict[str, type[contracts.AdoptionFact]] = {
    "hold": contracts.AdoptionHeld,
    "resume": contracts.AdoptionResumed,
    "withdraw": contracts.AdoptionWithdrawn,
    "complete": contracts.AdoptionCompleted,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Who adopts what; without a revision the offering's present one."""

    organization_id: str
    offering_id: str
    offering_revision: int | None
    effective_on: date
    reason: str | None = None


async def start_adoption(tx: Transaction, start: Start, *, by: Principal) -> Adoption:
    """Only an agency starts, for itself or an organization below it.

    Raises Forbidden; Invalid naming an organization, offering or revision not known here; RuleViolation for an offering
    not open to adopters; Conflict while the same adoption is under way.
    """
    policy.require(by, *MACHINE.roles_for("start"), to="start an adoption")
    organization = await _organization(tx, start)
    if not (await policy.reach(tx, by)).acts_for(organization.id):
        raise Forbidden(f"None of your agency roles covers {organization.name} ({organization.id}).")
    offering = await _offering(tx, start)
    pair = store.pair(organization.id, offering.id)
    other = (await store.adoptions.of_pairs(tx, [pair])).get(pair)
    if other is not None and other.is_live:
        raise Conflict(
            f"{organization.name} is adopting {offering.name} already (adoption {other.id}, in {other.phase}).",
            code="adoption-under-way",
        )
    begun = domain.start(
        id=new_id(),
        organization_id=organization.id,
        offering_id=offering.id,
        offering_revision=start.offering_revision or offering.revision,
        on=start.effective_on,
        at=tx.at,
        by=by.actor,
        reason=start.reason,
    )
    fact = facts.adoption(contracts.AdoptionStarted, begun, agency=organization, offering=offering, reason=start.reason)
    return await store.adoptions.add(tx, begun, fact)


async def _organization(tx: Transaction, start: Start) -> KnownOrganization:
    found = (await queries.organizations_by_id(tx, [start.organization_id])).get(start.organization_id)
    if found is None:
        raise Invalid.at(
            "/agency_id", f"There is no organization {start.organization_id!r} known here.", code="unknown-reference"
        )
    if found.valid_to is not None and found.valid_to <= start.effective_on:
        raise Invalid.at("/agency_id", f"{found.name} ended on {found.valid_to}.", code="organization-ended")
    return found


async def _offering(tx: Transaction, start: Start) -> KnownOffering:
    found = (await queries.offerings_by_id(tx, [start.offering_id])).get(start.offering_id)
    if found is None or found.revision == 0:
        raise Invalid.at("/offering_id", f"There is no offering {start.offering_id!r} known here.", code="unknown-reference")
    if start.offering_revision is not None and start.offering_revision > found.revision:
        raise Invalid.at(
            "/offering_revision",
            f"{found.code} has no revision {start.offering_revision}; its newest is {found.revision}.",
            code="unknown-reference",
        )
    if found.status not in _OPEN_TO_ADOPTERS:
        raise RuleViolation(
            f"{found.code} is {found.status}; only a published or listed offering can be adopted.",
            code="offering-not-open",
            missing=("a published or listed offering",),
        )
    return found


async def move_adoption(
    tx: Transaction,
    id: str,
    action: str,
    *,
    on: date,
    reason: str | None,
    expected_version: int,
    by: Principal,
) -> Adoption:
    """`advance`, `hold`, `resume`, `withdraw` or `complete`.

    Raises NotFound for what the caller may not see, Forbidden, StaleVersion, RuleViolation.
    """
    reach = await policy.reach(tx, by)
    adoption = await queries.adoption(tx, id, reach=reach)
    _require_own(reach, adoption, action)
    if adoption.version != expected_version:
        raise StaleVersion(
            f"The adoption is at version {adoption.version}, not {expected_version}.", current_version=adoption.version
        )
    around = await queries.surroundings_of(tx, adoption)
    moved = domain.move(adoption, action, around=around, on=on, at=tx.at, by=by.actor, reason=reason)
    kind, more = _fact_of(action, before=adoption, after=moved)
    if action == "withdraw":
        more = {"to_settle": (await queries.withdrawal_impact(tx, adoption)).sentences}
    organizations = await queries.organizations_by_id(tx, [moved.organization_id])
    offerings = await queries.offerings_by_id(tx, [moved.offering_id])
    fact = facts.adoption(
        kind,
        moved,
        agency=organizations[moved.organization_id],
        offering=offerings[moved.offering_id],
        reason=reason,
        **more,
    )
    return await store.adoptions.save(tx, moved, fact)


async def accept_revision(tx: Transaction, id: str, *, expected_version: int, by: Principal) -> Adoption:
    """Go on with the offering's newest revision. Raises NotFound, Forbidden, StaleVersion, RuleViolation."""
    reach = await policy.reach(tx, by)
    adoption = await queries.adoption(tx, id, reach=reach)
    _require_own(reach, adoption, "accept a revision of")
    if adoption.version != expected_version:
        raise StaleVersion(
            f"The adoption is at version {adoption.version}, not {expected_version}.", current_version=adoption.version
        )
    accepted = domain.accepted(adoption, await queries.surroundings_of(tx, adoption))
    organizations = await queries.organizations_by_id(tx, [accepted.organization_id])
    offerings = await queries.offerings_by_id(tx, [accepted.offering_id])
    fact = facts.adoption(
        contracts.AdoptionRevisionAccepted,
        accepted,
        agency=organizations[accepted.organization_id],
        offering=offerings[accepted.offering_id],
        from_revision=adoption.offering_revision,
    )
    return await store.adoptions.save(tx, accepted, fact)


def _require_own(reach: Reach, adoption: Adoption, action: str) -> None:
    if not reach.acts_for(adoption.organization_id):
        raise Forbidden(f"To {action} an adoption needs an agency role that covers its agency.")


def _fact_of(action: str, *, before: Adoption, after: Adoption) -> tuple[type[contracts.AdoptionFact], dict[str, Any]]:
    if action != "advance":
        return _FACTS[action], {}
    if after.phase is Phase.OPERATIONS:
        return contracts.AdoptionWentLive, {}
    return contracts.AdoptionAdvanced, {"from_phase": before.phase.value}
