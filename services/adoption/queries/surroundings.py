"""What adoptions rest on beside themselves: agreements, and the newest revisions of their offerings."""

from __future__ import annotations

from collections.abc import Sequence

from services.adoption import store
from services.adoption.domain.adoption import Adoption, Surroundings
from services.adoption.queries.known import offerings_by_id
from shared.db import Transaction


async def surroundings(tx: Transaction, adoptions: Sequence[Adoption]) -> dict[str, Surroundings]:
    """By adoption id, today."""
    agreed = await store.agreed(tx, [adoption.id for adoption in adoptions], on=tx.at.date())
    offerings = await offerings_by_id(tx, {adoption.offering_id for adoption in adoptions})
    newest = {id_: offering.revision for id_, offering in offerings.items()}
    return {a.id: Surroundings(agreed=a.id in agreed, newest_revision=newest.get(a.offering_id)) for a in adoptions}


async def surroundings_of(tx: Transaction, adoption: Adoption) -> Surroundings:
    return (await surroundings(tx, [adoption]))[adoption.id]
