"""The operations that the gateway leads, as rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert, select, update

from services.gateway import tables
from services.gateway.fedramp.split import SECTIONS
from shared.db import Database, Row, Transaction
from shared.imports.api import Operation
from shared.imports.rows import Tally
from shared.kernel.cause import Cause
from shared.kernel.errors import NotFound

KIND = "fedramp"
_table = tables.operations


@dataclass(frozen=True, slots=True)
class Child:
    """The part of an operation that one service carries out."""

    service: str
    operation_id: str


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far an import is, added up over its children."""

    rows_total: int
    rows_done: int = 0
    sections: dict[str, dict[str, int]] = field(default_factory=lambda: {name: Tally().as_dict() for name in SECTIONS})
    children: list[Child] = field(default_factory=list)


class Operations:
    """Rows of `operations`."""

    def __init__(self, db: Database, *, member: str) -> None:
        self._db = db
        self._member = member

    async def add(self, id: str, *, cause: Cause, validate_only: bool, progress: Progress) -> None:
        async with self._db.transaction(cause) as tx:
            row = {
                "id": id,
                "kind": KIND,
                "status": "running",
                "actor": cause.actor,
                "member": self._member,
                "validate_only": int(validate_only),
                "started_at": tx.at,
                **_values(progress),
            }
            await tx.execute(insert(_table), row)

    async def record(self, id: str, progress: Progress) -> None:
        async with self._db.transaction(Cause(actor="system:imports")) as tx:
            await tx.execute(update(_table).where(_table.c.id == id).values(**_values(progress)))

    async def finish(self, id: str, progress: Progress, *, status: str, detail: str | None) -> None:
        async with self._db.transaction(Cause(actor="system:imports")) as tx:
            values = {**_values(progress), "status": status, "detail": detail, "finished_at": tx.at}
            await tx.execute(update(_table).where(_table.c.id == id).values(**values))

    async def interrupted(self) -> None:
        """At start: what this member left running did not finish."""
        detail = "The gateway stopped during this import; import the file again, what was applied stays as it is."
        left = update(_table).where(_table.c.status == "running", _table.c.member == self._member)
        async with self._db.transaction(Cause(actor="system:imports")) as tx:
            await tx.execute(left.values(status="interrupted", detail=detail, finished_at=tx.at))


def _values(progress: Progress) -> dict[str, Any]:
    return {
        "sections": progress.sections,
        "children": [{"service": child.service, "operation_id": child.operation_id} for child in progress.children],
        "rows_done": progress.rows_done,
        "rows_total": progress.rows_total,
    }


async def own_operation(tx: Transaction, id: str) -> Operation | None:
    row = await tx.row(select(_table).where(_table.c.id == id))
    return _operation(row) if row else None


async def children_of(tx: Transaction, id: str) -> list[Child]:
    """Raises NotFound when the operation is none of the gateway's."""
    row = await tx.row(select(_table.c.children).where(_table.c.id == id))
    if row is None:
        raise NotFound(f"There is no operation {id!r}.")
    return [Child(**child) for child in row["children"]]


def _operation(row: Row) -> Operation:
    values = {name: row[name] for name in Operation.model_fields}
    return Operation.model_validate({**values, "validate_only": bool(row["validate_only"])})
