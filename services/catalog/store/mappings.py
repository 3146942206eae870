"""Mappings of business functions: those that come with the program, and over them what was decided here."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from typing import Any

from sqlalchemy import select

from services.catalog import tables
from services.catalog.domain.mapping import FunctionMapping, Status, Target
from shared.contracts.fact import Fact
from shared.db import Row, Transaction
from shared.kernel.errors import NotFound
from shared.outbox import AggregateStore

_SHIPPED = "fedramp_functions.toml"
_SHIPPED_BY = "the release"
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_ID_MAX_CHARS = 128


def mapping_id(term: str) -> str:
    return f"fedramp-{_NOT_WORD.sub('-', term.casefold()).strip('-')}"[:_ID_MAX_CHARS]


@cache
def shipped() -> dict[str, FunctionMapping]:
    """Id → the mapping as it comes with the program, confirmed with the release; the reasons stand in the file."""
    text = resources.files("services.catalog.importers").joinpath(_SHIPPED).read_text(encoding="utf-8")
    found = [_shipped(row) for row in tomllib.loads(text)["functions"]]
    return {mapping.id: mapping for mapping in found}


def _shipped(row: dict[str, Any]) -> FunctionMapping:
    target = Target(focus_area=row.get("area"), standards=tuple(row.get("standards", ())))
    return FunctionMapping(
        id=mapping_id(row["name"]),
        version=0,
        term=row["name"],
        status=Status.CONFIRMED,
        effect=target,
        proposal=target,
        reason=row["reason"],
        proposed_by=_SHIPPED_BY,
        decided_by=_SHIPPED_BY,
    )


def _mapping(row: Row) -> FunctionMapping:
    kept = row["content"]
    return FunctionMapping(
        id=row["id"],
        version=row["version"],
        term=row["term"],
        status=Status(row["status"]),
        **{**kept, "effect": _target(kept["effect"]), "proposal": _target(kept["proposal"])},
    )


def _target(found: dict[str, Any] | None) -> Target | None:
    return Target(focus_area=found["focus_area"], standards=tuple(found["standards"])) if found else None


def _mapping_row(mapping: FunctionMapping) -> dict[str, Any]:
    return {
        "term": mapping.term,
        "status": mapping.status.value,
        "content": {
            "effect": _target_document(mapping.effect),
            "proposal": _target_document(mapping.proposal),
            "reason": mapping.reason,
            "proposed_by": mapping.proposed_by,
            "decided_by": mapping.decided_by,
            "note": mapping.note,
            "remapped": mapping.remapped,
            "left": mapping.left,
        },
    }


def _target_document(target: Target | None) -> dict[str, Any] | None:
    return {"focus_area": target.focus_area, "standards": list(target.standards)} if target else None


_stored = AggregateStore(
    source="/catalog",
    name="function mapping",
    table=tables.function_mappings,
    outbox=tables.outbox,
    to_row=_mapping_row,
    from_row=_mapping,
)


async def mappings(tx: Transaction) -> list[FunctionMapping]:
    """All, by term: a register has some dozens of functions."""
    rows = await tx.rows(select(tables.function_mappings))
    found = {**shipped(), **{row["id"]: _mapping(row) for row in rows}}
    return sorted(found.values(), key=lambda mapping: mapping.term.casefold())


async def mapping(tx: Transaction, id: str) -> FunctionMapping:
    """Raises NotFound."""
    found = await _stored.find(tx, id) or shipped().get(id)
    if found is None:
        raise NotFound(f"There is no function mapping {id!r}.")
    return found


async def effects(tx: Transaction) -> dict[str, Target]:
    """Function → what was confirmed of it."""
    return {each.term: each.effect for each in await mappings(tx) if each.effect is not None}


async def save_mapping(tx: Transaction, mapping: FunctionMapping, fact: Fact) -> FunctionMapping:
    """Raises StaleVersion, or Conflict for the first decision on one that another transaction just took."""
    return await (_stored.save if mapping.version else _stored.add)(tx, mapping, fact)
