"""What other services told: organizations, offerings and vehicles as far as they are needed here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import CTE, Select, select

from services.adoption import tables
from services.adoption.domain.candidate import Candidate, Vehicle, by_activity
from shared.db import Row

# FFM.010.010.011 counts for its activity FFM.010.010.
_ACTIVITY_PARTS = 3
_COVERED = frozenset({"yes", "yes_by_go_live"})


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownOrganization:
    """An organization as the registry last told."""

    id: str
    name: str
    parent_id: str | None
    kind: str
    cfo_act: bool
    valid_to: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownOffering:
    """An offering as the catalog last told; `revision` 0: nobody may refer to it yet. `activities`: FIBF ids it covers."""

    id: str
    code: str
    name: str
    status: str
    revision: int
    focus_areas: tuple[str, ...]
    provider_name: str | None
    activities: tuple[str, ...] = ()


def known_organization(row: Row) -> KnownOrganization:
    return KnownOrganization(**{name: row[name] for name in KnownOrganization.__slots__})


def known_offering(row: Row) -> KnownOffering:
    given = {name: row[name] for name in KnownOffering.__slots__ if name != "activities"}
    coverage = (row["fit"] or {}).get("coverage") or {}
    covered = {".".join(id_.split(".")[:_ACTIVITY_PARTS]) for id_, answer in coverage.items() if answer in _COVERED}
    return KnownOffering(**{**given, "focus_areas": tuple(row["focus_areas"]), "activities": tuple(sorted(covered))})


def candidate(row: Row) -> Candidate:
    """Of a row of `known_offerings`."""
    fit, authorization = row["fit"] or {}, row["authorization"] or {}
    return Candidate(
        offering_id=row["id"],
        code=row["code"],
        name=row["name"],
        revision=row["revision"],
        kind=row["kind"] or "",
        status=row["status"],
        provider_name=row["provider_name"],
        coverage=by_activity(fit.get("coverage") or {}),
        authorization_status=authorization.get("status"),
        impact_level=authorization.get("impact_level"),
        hosting=fit.get("hosting"),
        in_production=fit.get("in_production", False),
        onboarding_days=fit.get("onboarding_days"),
        transactions_per_year=fit.get("transactions_per_year"),
        interfaces=tuple(fit.get("interfaces") or ()),
        suits=fit.get("suits") or {},
        price=fit.get("price"),
        is_free=fit.get("is_free", False),
        vehicles=tuple(fit.get("vehicles") or ()),
    )


def vehicle(row: Row) -> Vehicle:
    return Vehicle(
        number=row["number"],
        status=row["status"],
        ordering_from=row["ordering_from"],
        ordering_to=row["ordering_to"],
        full=row["is_full"],
        eligible=tuple(row["eligible"]),
    )


def with_all_below(organizations: Select[Any]) -> CTE:
    """The ids selected and those of every organization below them, as a common table with the column `id`."""
    table = tables.known_organizations
    tree = organizations.cte("tree", recursive=True)
    # UNION, not UNION ALL: it ends even if the tree should hold a cycle.
    return tree.union(select(table.c.id).join(tree, table.c.parent_id == tree.c.id))
