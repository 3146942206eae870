"""Agreements, and which adoptions one stands behind."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from services.adoption import tables
from services.adoption.domain.agreement import Agreement, Kind, Status, Terms
from shared.db import Row, Transaction, among
from shared.outbox import AggregateStore


def _agreement(row: Row) -> Agreement:
    given = {
        name: value for name, value in row.items() if name not in {"number", "kind", "begins_on", "ends_on", "funding", "scope"}
    }
    terms = Terms(
        number=row["number"],
        kind=Kind(row["kind"]),
        begins_on=row["begins_on"],
        ends_on=row["ends_on"],
        funding={int(year): Decimal(amount) for year, amount in row["funding"].items()},
        scope=row["scope"],
    )
    return Agreement(**{**given, "status": Status(row["status"]), "terms": terms})


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
    }


agreements = AggregateStore(
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
