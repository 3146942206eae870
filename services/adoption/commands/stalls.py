"""The scheduled look for adoptions that stand still, or move again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.adoption import facts, queries, store
from services.adoption.domain import stall as domain
from services.adoption.domain.adoption import Adoption
from services.adoption.domain.m3 import Phase
from shared.contracts import adoption as contracts
from shared.contracts.fact import Fact
from shared.db import Transaction

_AGAIN = "there has been progress since it stood still"


async def tell_stalls(tx: Transaction) -> int:
    """Each change is told once, however often this runs; returns how many were told. Raises StaleVersion."""
    thresholds = domain.thresholds(await queries.phase_durations(tx))
    candidates = await queries.maybe_stalled(tx)
    stalled = [
        domain.stalled(found, threshold_days=thresholds[found.phase], on=tx.at.date())
        for found in candidates
        if found.phase is not Phase.OPERATIONS and _is_due(found, thresholds, tx)
    ]
    moving = [domain.moving(found) for found in candidates if domain.moves_again(found)]
    await store.adoptions.save_all(tx, [*await _told(tx, stalled), *await _told(tx, moving)])
    return len(stalled) + len(moving)


def _is_due(found: Adoption, thresholds: Mapping[Phase, int], tx: Transaction) -> bool:
    return domain.is_due(found, threshold_days=thresholds[found.phase], on=tx.at.date())


async def _told(tx: Transaction, adoptions: Sequence[Adoption]) -> list[tuple[Adoption, Fact]]:
    organizations = await queries.organizations_by_id(tx, {found.organization_id for found in adoptions})
    offerings = await queries.offerings_by_id(tx, {found.offering_id for found in adoptions})
    told: list[tuple[Adoption, Fact]] = []
    for found in adoptions:
        agency, offering = organizations[found.organization_id], offerings[found.offering_id]
        if found.stall is None:
            fact = facts.adoption(contracts.AdoptionResumed, found, agency=agency, offering=offering, reason=_AGAIN)
        else:
            fact = facts.adoption(
                contracts.AdoptionStalled,
                found,
                agency=agency,
                offering=offering,
                progress_on=found.stall.progress_on,
                threshold_days=found.stall.threshold_days,
            )
        told.append((found, fact))
    return told
