"""Providers."""

from __future__ import annotations

from typing import Any

from services.catalog import tables
from services.catalog.domain.provider import Kind, Provider
from shared.db import Row
from shared.outbox import AggregateStore


def _provider(row: Row) -> Provider:
    return Provider(
        id=row["id"],
        version=row["version"],
        key=row["key"],
        name=row["name"],
        kind=Kind(row["kind"]),
        organization_id=row["organization_id"],
        uei=row["uei"],
        small_business=row["small_business"],
    )


def _provider_row(provider: Provider) -> dict[str, Any]:
    return {
        "key": provider.key,
        "name": provider.name,
        "search": provider.name.casefold()[:300],
        "kind": provider.kind.value,
        "organization_id": provider.organization_id,
        "uei": provider.uei,
        "small_business": provider.small_business,
    }


providers = AggregateStore(
    source="/catalog",
    name="provider",
    table=tables.providers,
    outbox=tables.outbox,
    to_row=_provider_row,
    from_row=_provider,
)
