"""Risk assessments of an adoption: rated by the agency, reviewed by the QSMO."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from services.adoption import queries
from services.adoption.commands.gates import AtGate, Found, found_at, is_qsmo, require_agency, told
from services.adoption.domain import adoption as domain
from services.adoption.domain import risk
from services.adoption.domain.adoption import Adoption
from services.adoption.domain.risk import Category, Level, Rating, RiskAssessment, Size
from shared.contracts import adoption as contracts
from shared.db import Transaction
from shared.kernel.errors import Forbidden


async def assess_risk(tx: Transaction, at: AtGate, ratings: tuple[Rating, ...], *, size: Size) -> Adoption:
    """By the agency. Raises NotFound, Forbidden, StaleVersion, RuleViolation, Invalid."""
    found = await found_at(tx, at)
    require_agency(found, "assess its risks")
    phase = found.adoption.phase
    weights = (await queries.playbook(tx)).weights(size, phase)
    on, by = tx.at.date(), at.by.actor
    made = risk.assess(found.adoption.gates.risks, ratings, phase=phase, size=size, weights=weights, on=on, by=by)
    return await _kept(tx, found, made)


async def review_risk(tx: Transaction, at: AtGate, levels: Mapping[Category, tuple[Level, str]]) -> Adoption:
    """By the QSMO of an area of the offering, or OMB. Raises as `assess_risk`."""
    found = await found_at(tx, at)
    if not (at.by.has("omb") or is_qsmo(found)):
        raise Forbidden("To review risks needs the role omb, or qsmo of a focus area of the offering.")
    adoption = found.adoption
    made = risk.review(adoption.gates.risks, levels, phase=adoption.phase, on=tx.at.date(), by=at.by.actor)
    return await _kept(tx, found, made)


async def _kept(tx: Transaction, found: Found, risks: tuple[RiskAssessment, ...]) -> Adoption:
    """Who signed the tollgate of this phase signed other risks, so those signatures go."""
    gates, newest = found.adoption.gates, risks[-1]
    signatures = tuple(signed for signed in gates.signatures if signed.phase is not newest.phase)
    changed = domain.through(found.adoption, replace(gates, risks=risks, signatures=signatures))
    return await told(
        tx,
        found,
        changed,
        contracts.RiskAssessed,
        n=newest.n,
        score=str(newest.score),
        band=str(newest.band),
        unanswered=tuple(category.value for category in newest.unanswered),
        reviewed=newest.reviewed_by is not None,
    )
