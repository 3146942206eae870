"""Which systems of an agency its adoptions would retire."""

from __future__ import annotations

from sqlalchemy import select

from services.adoption import store, tables
from services.adoption.domain.adoption import Status
from services.adoption.domain.retirement import Replacement, Suggestion, suggestions
from services.adoption.policy import Reach
from services.adoption.queries.accounting import seen_systems
from services.adoption.queries.known import offerings_by_id
from shared.db import Transaction

_GONE = (Status.WITHDRAWN.value,)


async def retirements(tx: Transaction, organization_id: str, *, reach: Reach) -> list[Suggestion]:
    """Of the organization and all below it, as far as the caller sees."""
    organizations, systems, adoptions = tables.known_organizations, tables.systems, tables.adoptions
    tree = store.with_all_below(select(organizations.c.id).where(organizations.c.id == organization_id))
    within = select(tree.c.id)
    rows = await tx.rows(select(systems).where(systems.c.organization_id.in_(within), seen_systems(reach)))
    chosen = await tx.rows(
        select(adoptions.c.id, adoptions.c.offering_id).where(
            adoptions.c.organization_id.in_(within), adoptions.c.status.not_in(_GONE), reach.sees()
        )
    )
    offerings = await offerings_by_id(tx, {row["offering_id"] for row in chosen})
    replacements = [
        Replacement(
            adoption_id=row["id"],
            offering_id=row["offering_id"],
            activities=frozenset(offerings[row["offering_id"]].activities),
        )
        for row in chosen
        if row["offering_id"] in offerings
    ]
    return suggestions([store.systems.from_row(row) for row in rows], replacements)
