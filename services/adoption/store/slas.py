"""Service levels of adoptions, and what their months came to."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import TypeAdapter

from services.adoption import tables
from services.adoption.domain.sla import Result, Sla
from shared.db import Row
from shared.outbox import AggregateStore


@cache
def _results() -> TypeAdapter[tuple[Result, ...]]:
    return TypeAdapter(tuple[Result, ...])


def _sla(row: Row) -> Sla:
    given = {name: value for name, value in row.items() if name != "missed_in_a_row"}
    return Sla(**{**given, "results": _results().validate_python(row["results"])})


def _sla_row(sla: Sla) -> dict[str, Any]:
    return {
        "adoption_id": sla.adoption_id,
        "organization_id": sla.organization_id,
        "offering_id": sla.offering_id,
        "focus_area": sla.focus_area,
        "measure_id": sla.measure_id,
        "target": sla.target,
        "missed_in_a_row": sla.missed_in_a_row,
        "results": _results().dump_python(sla.results, mode="json"),
    }


slas = AggregateStore(
    source="/adoption",
    name="service level",
    table=tables.slas,
    outbox=tables.outbox,
    to_row=_sla_row,
    from_row=_sla,
)
