"""Legacy systems, and entries of the savings ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any

from services.adoption import tables
from services.adoption.domain.savings import Confidence, Entry, Kind
from services.adoption.domain.system import Cost, Facts, Status, System
from shared.db import Row
from shared.outbox import AggregateStore


def _system(row: Row) -> System:
    given = {name: value for name, value in row.items() if name not in {"focus_area", "name", "facts"}}
    facts = row["facts"]
    costs = {int(year): _cost(cost) for year, cost in facts["costs"].items()}
    known = Facts(
        name=row["name"],
        focus_area=row["focus_area"],
        capabilities=tuple(facts["capabilities"]),
        costs=costs,
        contracts=tuple(facts["contracts"]),
        since=date.fromisoformat(facts["since"]) if facts["since"] else None,
    )
    return System(**{**given, "status": Status(row["status"]), "facts": known})


def _cost(found: Mapping[str, str]) -> Cost:
    return Cost(**{name: Decimal(amount) for name, amount in found.items()})


def _system_row(system: System) -> dict[str, Any]:
    facts = system.facts
    return {
        "organization_id": system.organization_id,
        "number": system.number,
        "status": system.status.value,
        "name": facts.name,
        "focus_area": facts.focus_area,
        "facts": {
            "capabilities": list(facts.capabilities),
            "costs": {str(year): {k: str(v) for k, v in asdict(cost).items()} for year, cost in facts.costs.items()},
            "contracts": list(facts.contracts),
            "since": facts.since.isoformat() if facts.since else None,
        },
        "planned_on": system.planned_on,
        "decommissioned_on": system.decommissioned_on,
        "adoption_id": system.adoption_id,
        "evidence": system.evidence,
        "reason": system.reason,
    }


systems = AggregateStore(
    source="/adoption",
    name="legacy system",
    table=tables.systems,
    outbox=tables.outbox,
    to_row=_system_row,
    from_row=_system,
)


def _entry(row: Row) -> Entry:
    return Entry(**{**row, "kind": Kind(row["kind"]), "confidence": Confidence(row["confidence"])})


def _entry_row(entry: Entry) -> dict[str, Any]:
    found = asdict(entry)
    return {name: value for name, value in found.items() if name not in {"id", "version"}}


savings = AggregateStore(
    source="/adoption",
    name="savings entry",
    table=tables.savings,
    outbox=tables.outbox,
    to_row=_entry_row,
    from_row=_entry,
)
