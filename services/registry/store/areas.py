"""Policies and focus areas."""

from __future__ import annotations

from typing import Any

from services.registry import tables
from services.registry.domain.focus_area import AreaService, FocusArea, Policy
from shared.db import Row
from shared.outbox import AggregateStore

_SOURCE = "/registry"


def _policy(row: Row) -> Policy:
    return Policy(**row)


def _policy_row(policy: Policy) -> dict[str, Any]:
    return {"title": policy.title, "issuer": policy.issuer, "issued_on": policy.issued_on, "url": policy.url}


policies = AggregateStore(
    source=_SOURCE, name="policy", table=tables.policies, outbox=tables.outbox, to_row=_policy_row, from_row=_policy
)


def _focus_area(row: Row) -> FocusArea:
    services = tuple(AreaService(**service) for service in row["services"])
    return FocusArea(**{**row, "aliases": tuple(row["aliases"]), "services": services})


def _focus_area_row(area: FocusArea) -> dict[str, Any]:
    return {
        "title": area.title,
        "policy": area.policy,
        "aliases": list(area.aliases),
        "services": [{"slug": service.slug, "title": service.title} for service in area.services],
        "marketplace_opens_on": area.marketplace_opens_on,
    }


focus_areas = AggregateStore(
    source=_SOURCE,
    name="focus area",
    table=tables.focus_areas,
    outbox=tables.outbox,
    to_row=_focus_area_row,
    from_row=_focus_area,
)
