"""Agreements, and which adoptions one stands behind."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from services.adoption import tables
from services.adoption.domain.agreement import Agreement, Kind, Status, Terms
from shared.contracts.fact import Fact
from shared.db import Row, Transaction, among, upsert
from shared.outbox import AggregateStore


def _agreement(row: Row) -> Agreement:
    given = {
        name: value for name, value in row.items() if name not in {"number", "kind", "begins_on", "ends_on", "funding", "scope"}
    }
    told = tuple(row["told"] or ())
    return Agreement(**{**given, "status": Status(row["status"]), "terms": _terms(row), "told": told})


def _terms(found: Mapping[str, Any]) -> Terms:
    return Terms(
        number=found["number"],
        kind=Kind(found["kind"]),
        begins_on=found["begins_on"],
        ends_on=found["ends_on"],
        funding={int(year): Decimal(amount) for year, amount in found["funding"].items()},
        scope=found["scope"],
    )


def _agreement_row(agreement: Agreement) -> dict[str, Any]:
    terms = agreement.terms
    return {
        "adoption_id": agreement.adoption_id,
        "organization_id": agreement.organization_id,
        "offering_id": agreement.offering_id,
        "status": agreement.status.value,
        "number": terms.number,
        "kind": terms.kind.value,
        "begins_on": terms.begins_on,
        "ends_on": terms.ends_on,
        "funding": {str(year): str(amount) for year, amount in terms.funding.items()},
        "scope": terms.scope,
        "signed_by": agreement.signed_by,
        "countersigned_by": agreement.countersigned_by,
        "amendment": agreement.amendment,
        "reason": agreement.reason,
        "told": list(agreement.told) or None,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementVersion:
    """One set of terms, and how far it came."""

    amendment: int
    recorded_at: datetime
    by: str
    status: Status
    terms: Terms
    signed_by: str | None
    countersigned_by: str | None


class AgreementStore(AggregateStore[Agreement]):
    """Keeps every set of terms beside the newest."""

    async def add(self, tx: Transaction, aggregate: Agreement, fact: Fact) -> Agreement:
        added = await super().add(tx, aggregate, fact)
        await self._keep(tx, added)
        return added

    async def save(self, tx: Transaction, aggregate: Agreement, fact: Fact) -> Agreement:
        saved = await super().save(tx, aggregate, fact)
        await self._keep(tx, saved)
        return saved

    async def _keep(self, tx: Transaction, agreement: Agreement) -> None:
        row = _agreement_row(agreement)
        days = {name: row[name].isoformat() for name in ("begins_on", "ends_on")}
        kept = {name: row[name] for name in ("status", "number", "kind", "funding", "scope", "signed_by", "countersigned_by")}
        key = {"agreement_id": agreement.id, "amendment": agreement.amendment}
        version = {**key, "recorded_at": tx.at, "by": tx.cause.actor, "document": {**kept, **days}}
        await upsert(tx, tables.agreement_versions, [version])

    async def versions(self, tx: Transaction, id: str) -> list[AgreementVersion]:
        """In order; those that ended before this was kept are not there."""
        table = tables.agreement_versions
        rows = await tx.rows(select(table).where(table.c.agreement_id == id).order_by(table.c.amendment))
        return [_version(row) for row in rows]


def _version(row: Row) -> AgreementVersion:
    found = row["document"]
    days = {name: date.fromisoformat(found[name]) for name in ("begins_on", "ends_on")}
    return AgreementVersion(
        amendment=row["amendment"],
        recorded_at=row["recorded_at"],
        by=row["by"],
        status=Status(found["status"]),
        terms=_terms({**found, **days}),
        signed_by=found["signed_by"],
        countersigned_by=found["countersigned_by"],
    )


agreements = AgreementStore(
    source="/adoption",
    name="agreement",
    table=tables.agreements,
    outbox=tables.outbox,
    to_row=_agreement_row,
    from_row=_agreement,
)


async def agreed(tx: Transaction, adoption_ids: Collection[str], *, on: date) -> set[str]:
    """Those of the adoptions behind which a live agreement stands."""
    table = tables.agreements
    query = select(table.c.adoption_id).where(
        among(tx, table.c.adoption_id, adoption_ids),
        table.c.status == Status.ACTIVE.value,
        table.c.begins_on <= on,
        table.c.ends_on >= on,
    )
    return {row["adoption_id"] for row in await tx.rows(query)} if adoption_ids else set()
