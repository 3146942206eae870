"""Shortlists with what they pin, and demand for what is not on offer."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

from services.adoption import tables
from services.adoption.domain.demand import Call, Demand
from services.adoption.domain.shortlist import Decision, Outcome, Shortlist, Status
from shared.db import Row
from shared.outbox import AggregateStore


def _shortlist(row: Row) -> Shortlist:
    return Shortlist(
        **{
            **row,
            "status": Status(row["status"]),
            "decision": _decision(row["decision"]) if row["decision"] else None,
        }
    )


def _decision(found: dict[str, Any]) -> Decision:
    return Decision(**{**found, "outcome": Outcome(found["outcome"]), "on": date.fromisoformat(found["on"])})


def _shortlist_row(shortlist: Shortlist) -> dict[str, Any]:
    decision = shortlist.decision
    return {
        "organization_id": shortlist.organization_id,
        "focus_area": shortlist.focus_area,
        "needs_id": shortlist.needs_id,
        "fiscal_year": shortlist.fiscal_year,
        "status": shortlist.status.value,
        "pinned": shortlist.pinned,
        "digest": shortlist.digest,
        "locked_by": shortlist.locked_by,
        "locked_on": shortlist.locked_on,
        "decision": {**asdict(decision), "on": decision.on.isoformat()} if decision else None,
    }


shortlists = AggregateStore(
    source="/adoption",
    name="shortlist",
    table=tables.shortlists,
    outbox=tables.outbox,
    to_row=_shortlist_row,
    from_row=_shortlist,
)


def _demand(row: Row) -> Demand:
    calls = tuple(Call(**{**call, "on": date.fromisoformat(call["on"])}) for call in row["calls"])
    return Demand(id=row["id"], version=row["version"], fibf_id=row["fibf_id"], focus_area=row["focus_area"], calls=calls)


def _demand_row(demand: Demand) -> dict[str, Any]:
    return {
        "fibf_id": demand.fibf_id,
        "focus_area": demand.focus_area,
        "calls": [{**asdict(call), "on": call.on.isoformat()} for call in demand.calls],
        "agencies": demand.agencies,
    }


demands = AggregateStore(
    source="/adoption",
    name="demand",
    table=tables.demands,
    outbox=tables.outbox,
    to_row=_demand_row,
    from_row=_demand,
)
