"""Readiness profiles: assessed by the agency or by the area's QSMO."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.adoption import policy, queries, store
from services.adoption.domain import readiness as domain
from services.adoption.domain.readiness import Dimension, Profile, Standing
from services.adoption.policy import Reach
from services.adoption.queries.fit import profile_of
from services.adoption.store import KnownOrganization
from shared.auth import Principal
from shared.contracts import adoption as contracts
from shared.db import Transaction
from shared.kernel.errors import Forbidden, NotFound, StaleVersion
from shared.kernel.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The level found in one dimension, and where that can be seen."""

    level: int
    evidence: str


async def assess_profile(
    tx: Transaction,
    *,
    organization_id: str,
    focus_area: str,
    findings: Mapping[Dimension, Finding],
    expected_version: int | None,
    by: Principal,
) -> Profile:
    """Begins the profile with its first assessment. `expected_version`: of the one there is.

    Raises Forbidden; NotFound for an organization not known; StaleVersion; Invalid.
    """
    organization = await known_organization(tx, organization_id)
    await require_own_or_qsmo(tx, by, organization_id, focus_area, to="assess readiness")
    found = await profile_of(tx, organization_id, focus_area)
    if (found.version if found else None) != expected_version:
        now = f"is at version {found.version}: send its ETag as If-Match" if found else "does not exist: send no If-Match"
        raise StaleVersion(f"The profile {now}.", current_version=found.version if found else None)
    current = found or Profile(id=new_id(), version=0, organization_id=organization_id, focus_area=focus_area)
    standings = [
        Standing(dimension=dimension, level=each.level, evidence=each.evidence, on=tx.at.date(), by=by.actor)
        for dimension, each in findings.items()
    ]
    assessed = domain.assess(current, standings)
    fact = contracts.ProfileAssessed(
        agency_id=organization_id,
        agency_name=organization.name,
        focus_area=focus_area,
        profile_id=assessed.id,
        levels={standing.dimension.value: standing.level for standing in assessed.standings},
        assessed=tuple(dimension.value for dimension in findings),
    )
    return await (store.profiles.save if assessed.version else store.profiles.add)(tx, assessed, fact)


async def known_organization(tx: Transaction, id: str) -> KnownOrganization:
    """Raises NotFound."""
    found = (await queries.organizations_by_id(tx, [id])).get(id)
    if found is None:
        raise NotFound(f"There is no organization {id!r} known here.")
    return found


async def require_own_or_qsmo(tx: Transaction, by: Principal, organization_id: str, focus_area: str, *, to: str) -> Reach:
    """Raises Forbidden."""
    reach = await policy.reach(tx, by)
    if not (reach.acts_for(organization_id) or focus_area in reach.areas):
        raise Forbidden(f"To {to} needs an agency role that covers the agency, or qsmo:{focus_area}.")
    return reach
