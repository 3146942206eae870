"""The gate of a phase: criteria met, waived and reopened, tollgates signed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from services.adoption import facts, policy, queries, store
from services.adoption.domain import adoption as domain
from services.adoption.domain import gate
from services.adoption.domain.adoption import Adoption
from services.adoption.domain.gate import Assessment, Gates, GoLive, Outcome, Result, Side, Signature
from services.adoption.policy import Reach
from services.adoption.store import KnownOffering
from shared.auth import Principal
from shared.contracts import adoption as contracts
from shared.db import Transaction
from shared.kernel.errors import Forbidden, StaleVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class AtGate:
    """Which adoption, at which version, and who asks."""

    id: str
    expected_version: int
    by: Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The adoption as it was found, with what its rules depend on."""

    adoption: Adoption
    offering: KnownOffering
    reach: Reach


async def meet_criterion(tx: Transaction, at: AtGate, criterion: str, *, evidence: str) -> Adoption:
    """By the agency. Raises NotFound, Forbidden, StaleVersion, RuleViolation."""
    found = await found_at(tx, at)
    require_agency(found, "meet an exit criterion")
    assessment = _assessment(tx, at, criterion, Result.MET, evidence)
    gates = gate.assess(found.adoption.gates, assessment, phase=found.adoption.phase)
    return await saved(tx, found, gates, contracts.CriterionMet, criterion=criterion, grounds=evidence)


async def waive_criterion(tx: Transaction, at: AtGate, criterion: str, *, reason: str) -> Adoption:
    """By the QSMO of an area of the offering, or OMB. Raises as `meet_criterion`."""
    found = await found_at(tx, at)
    if not (at.by.has("omb") or is_qsmo(found)):
        raise Forbidden("To waive an exit criterion needs the role omb, or qsmo of a focus area of the offering.")
    assessment = _assessment(tx, at, criterion, Result.WAIVED, reason)
    gates = gate.assess(found.adoption.gates, assessment, phase=found.adoption.phase)
    return await saved(tx, found, gates, contracts.CriterionWaived, criterion=criterion, grounds=reason)


async def reopen_criterion(tx: Transaction, at: AtGate, criterion: str, *, reason: str) -> Adoption:
    """By either side. Raises as `meet_criterion`."""
    found = await found_at(tx, at)
    if not (is_qsmo(found) or found.reach.acts_for(found.adoption.organization_id)):
        raise Forbidden("To reopen an exit criterion needs a role of the adopting agency or of the area's QSMO.")
    gates = gate.reopen(found.adoption.gates, criterion, phase=found.adoption.phase)
    return await saved(tx, found, gates, contracts.CriterionReopened, criterion=criterion, grounds=reason)


async def sign_tollgate(tx: Transaction, at: AtGate, side: Side) -> Adoption:
    """Each side by itself. Raises as `meet_criterion`."""
    found = await found_at(tx, at)
    if side is Side.AGENCY:
        require_agency(found, "sign a tollgate for the agency")
    elif not (is_qsmo(found) or (at.by.has("omb") and not found.offering.focus_areas)):
        raise Forbidden(
            "To sign a tollgate for the QSMO needs the role qsmo of a focus area of the offering; omb where it has none."
        )
    signature = Signature(phase=found.adoption.phase, side=side, on=tx.at.date(), by=at.by.actor)
    return await saved(tx, found, gate.sign(found.adoption.gates, signature), contracts.TollgateSigned, side=side.value)


async def decide_go_live(
    tx: Transaction, at: AtGate, *, outcome: Outcome, go_live_on: date, contingency: str | None
) -> Adoption:
    """By the agency. Raises NotFound, Forbidden, StaleVersion, RuleViolation with what is missing."""
    found = await found_at(tx, at)
    require_agency(found, "decide to go live")
    decision = GoLive(outcome=outcome, go_live_on=go_live_on, on=tx.at.date(), by=at.by.actor, contingency=contingency)
    adoption = domain.decided(found.adoption, decision)
    return await told(
        tx, found, adoption, contracts.GoLiveDecided, outcome=outcome.value, go_live_on=go_live_on, contingency=contingency
    )


async def found_at(tx: Transaction, at: AtGate) -> Found:
    """Raises NotFound, StaleVersion."""
    reach = await policy.reach(tx, at.by)
    adoption = await queries.adoption(tx, at.id, reach=reach)
    if adoption.version != at.expected_version:
        raise StaleVersion(
            f"The adoption is at version {adoption.version}, not {at.expected_version}.", current_version=adoption.version
        )
    offerings = await queries.offerings_by_id(tx, [adoption.offering_id])
    return Found(adoption=adoption, offering=offerings[adoption.offering_id], reach=reach)


def is_qsmo(found: Found) -> bool:
    return bool(set(found.reach.areas) & set(found.offering.focus_areas))


def require_agency(found: Found, to: str) -> None:
    if not found.reach.acts_for(found.adoption.organization_id):
        raise Forbidden(f"To {to} needs an agency role that covers the adopting agency.")


def _assessment(tx: Transaction, at: AtGate, criterion: str, result: Result, grounds: str) -> Assessment:
    return Assessment(criterion=criterion, result=result, grounds=grounds, on=tx.at.date(), by=at.by.actor)


async def saved(tx: Transaction, found: Found, gates: Gates, kind: type[contracts.AdoptionFact], **more: Any) -> Adoption:
    return await told(tx, found, domain.through(found.adoption, gates), kind, **more)


async def told(tx: Transaction, found: Found, adoption: Adoption, kind: type[contracts.AdoptionFact], **more: Any) -> Adoption:
    organizations = await queries.organizations_by_id(tx, [adoption.organization_id])
    agency = organizations[adoption.organization_id]
    fact = facts.adoption(kind, adoption, agency=agency, offering=found.offering, **more)
    return await store.adoptions.save(tx, adoption, fact)
