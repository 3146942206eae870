"""Offerings with their areas and immutable revisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete

from services.catalog import tables
from services.catalog.domain.content import Content
from services.catalog.domain.offering import Offering, Status
from services.catalog.domain.origin import Origins, origins_of_old
from services.catalog.store.documents import content_document, content_of, origins_document, origins_of
from shared.contracts.fact import Fact
from shared.db import Row, Transaction, among, insert_many
from shared.outbox import AggregateStore, Beside


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """The content of an offering as it was published or listed for the `n`-th time."""

    offering_id: str
    n: int
    content: Content
    recorded_at: datetime
    by: str


def revision(row: Row) -> Revision:
    return Revision(**{**row, "content": content_of(row["content"])})


def _offering(row: Row) -> Offering:
    return Offering(
        id=row["id"],
        version=row["version"],
        code=row["code"],
        status=Status(row["status"]),
        content=content_of(row["content"]),
        revision=row["revision"],
        source=row["source"],
        curated=row["curated"],
        origins=_origins(row),
        submitted_by=row["submitted_by"],
        reason=row["reason"],
        successor_id=row["successor_id"],
        told=tuple(row["told"] or ()),
    )


def _origins(row: Row) -> Origins:
    """Rows written before origins were kept have none."""
    if row["origins"] is not None:
        return origins_of(row["origins"])
    return origins_of_old() if row["curated"] else {}


def _offering_row(offering: Offering) -> dict[str, Any]:
    content = offering.content
    authorization = content.authorization
    return {
        "code": offering.code,
        "status": offering.status.value,
        "revision": offering.revision,
        "source": offering.source,
        "curated": offering.curated,
        "origins": origins_document(offering.origins),
        "submitted_by": offering.submitted_by,
        "reason": offering.reason,
        "successor_id": offering.successor_id,
        "told": list(offering.told) or None,
        "content": content_document(content),
        "name": content.name,
        "kind": content.kind.value,
        "shelf": content.shelf.value if content.shelf else None,
        "provider_id": content.provider_id,
        "fedramp_id": authorization.fedramp_id if authorization else None,
        "authorization_status": authorization.status if authorization else None,
        "impact_level": authorization.impact_level if authorization else None,
        "authorization_ends_on": authorization.expires_on if authorization else None,
        "service_models": spaced(authorization.service_models if authorization else ()),
        "search": _searchable(offering),
    }


def spaced(words: Sequence[str]) -> str:
    """` saas paas `: a word is found with a space on either side."""
    return f" {' '.join(words)} "


def _searchable(offering: Offering) -> str:
    """Without the description, which is searched where it is."""
    content = offering.content
    return "\n".join(
        (content.name, offering.code, content.summary, content.description, *content.business_functions)
    ).casefold()


class OfferingStore(AggregateStore[Offering]):
    """Keeps the areas in step with each offering and writes each new revision once."""

    async def add_all(self, tx: Transaction, changes: Sequence[tuple[Offering, Fact]]) -> None:
        await super().add_all(tx, changes)
        await self._record_revisions(tx, [offering for offering, _ in changes])

    async def save_all(self, tx: Transaction, changes: Sequence[tuple[Offering, Fact]]) -> None:
        await super().save_all(tx, changes)
        await self._derive(tx, [offering for offering, _ in changes])

    async def save(self, tx: Transaction, aggregate: Offering, fact: Fact) -> Offering:
        saved = await super().save(tx, aggregate, fact)
        await self._derive(tx, [aggregate])
        return saved

    def _read_back(self, aggregate: Offering, version: int) -> Offering:
        # The row holds the content as text already: nothing to read back there.
        return replace(aggregate, version=version, unrecorded=False)

    async def _derive(self, tx: Transaction, offerings: Sequence[Offering]) -> None:
        table = tables.offering_areas
        await tx.change(delete(table).where(among(tx, table.c.offering_id, [offering.id for offering in offerings])))
        await insert_many(tx, table, _AREAS.rows(offerings))
        await self._record_revisions(tx, offerings)

    async def _record_revisions(self, tx: Transaction, offerings: Sequence[Offering]) -> None:
        revisions = [_revision_row(tx, offering) for offering in offerings if offering.unrecorded]
        await insert_many(tx, tables.offering_revisions, revisions)


def _revision_row(tx: Transaction, offering: Offering) -> dict[str, Any]:
    return {
        "offering_id": offering.id,
        "n": offering.revision,
        "content": content_document(offering.content),
        "recorded_at": tx.at,
        "by": tx.cause.actor,
    }


_AREAS: Beside[Offering] = Beside(
    table=tables.offering_areas, owner="offering_id", value="focus_area", of=lambda offering: offering.content.focus_areas
)

offerings = OfferingStore(
    source="/catalog",
    name="offering",
    table=tables.offerings,
    outbox=tables.outbox,
    to_row=_offering_row,
    from_row=_offering,
    beside=_AREAS,
)
