"""What adoptions rest on beside themselves: agreements, and the newest revisions of their offerings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select

from services.adoption import store, tables
from services.adoption.domain.adoption import Adoption, Surroundings
from services.adoption.domain.revision import changes_between
from services.adoption.queries.known import offerings_by_id
from shared.db import Transaction, among


async def surroundings(tx: Transaction, adoptions: Sequence[Adoption]) -> dict[str, Surroundings]:
    """By adoption id, today."""
    agreed = await store.agreed(tx, [adoption.id for adoption in adoptions], on=tx.at.date())
    offerings = await offerings_by_id(tx, {adoption.offering_id for adoption in adoptions})
    newest = {id_: offering.revision for id_, offering in offerings.items()}
    behind = [a for a in adoptions if a.offering_revision < newest.get(a.offering_id, 0)]
    changes = await _changes(tx, behind, newest) if behind else {}
    return {
        a.id: Surroundings(agreed=a.id in agreed, newest_revision=newest.get(a.offering_id), changes=changes.get(a.id, ()))
        for a in adoptions
    }


async def _changes(tx: Transaction, behind: Sequence[Adoption], newest: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """By adoption id, as far as both revisions were told of."""
    table = tables.known_revisions
    rows = await tx.rows(select(table).where(among(tx, table.c.offering_id, list({a.offering_id for a in behind}))))
    known = {(row["offering_id"], row["revision"]): row["document"] for row in rows}
    pairs = {a.id: ((a.offering_id, a.offering_revision), (a.offering_id, newest[a.offering_id])) for a in behind}
    return {id_: changes_between(known[old], known[new]) for id_, (old, new) in pairs.items() if old in known and new in known}


async def surroundings_of(tx: Transaction, adoption: Adoption) -> Surroundings:
    return (await surroundings(tx, [adoption]))[adoption.id]
