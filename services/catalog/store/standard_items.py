"""Items of standards by edition: written into the edition in work, read at any published one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, insert, or_, select, update

from services.catalog import tables
from services.catalog.domain.standard import Change, Flow, Item, ItemKind, Standard
from shared.db import Row, Transaction, among, upsert
from shared.imports.rows import Result

_ITEMS = tables.standard_items


def item(row: Row) -> Item:
    content = row["content"]
    return Item(
        id=row["item_id"],
        kind=ItemKind(row["kind"]),
        parent_id=row["parent_id"],
        **{**content, "flow": Flow(content["flow"]) if content["flow"] else None},
    )


def _item_row(standard_id: str, item: Item, *, edition: int) -> dict[str, Any]:
    return {
        "standard_id": standard_id,
        "kind": item.kind.value,
        "item_id": item.id,
        "from_edition": edition,
        "to_edition": None,
        "parent_id": item.parent_id,
        "search": f"{item.id}\n{item.title}\n{item.statement}".casefold(),
        "content": {
            "title": item.title,
            "statement": item.statement,
            "flow": item.flow.value if item.flow else None,
            "reference": item.reference,
            "details": dict(item.details),
        },
    }


def at_edition(edition: int) -> ColumnElement[bool]:
    """The condition of being an item of this edition."""
    return (_ITEMS.c.from_edition <= edition) & or_(_ITEMS.c.to_edition.is_(None), _ITEMS.c.to_edition > edition)


async def put_items(tx: Transaction, standard_id: str, items: Sequence[Item], *, working: int) -> list[Result]:
    """Write items of one kind each into the edition in work; what is as before is left alone. One result per item."""
    open_rows = await _open_rows(tx, standard_id, {found.id for found in items})
    changed: list[Item] = []
    results = []
    for found in items:
        row = open_rows.get((found.kind.value, found.id))
        same = row is not None and item(row) == found
        results.append(Result.UNCHANGED if same else Result.CREATED if row is None else Result.UPDATED)
        if not same:
            changed.append(found)
    ending = [open_rows[found.kind.value, found.id] for found in changed if (found.kind.value, found.id) in open_rows]
    await _end(tx, [row for row in ending if row["from_edition"] < working], working=working)
    await upsert(tx, _ITEMS, [_item_row(standard_id, found, edition=working) for found in changed])
    return results


async def withdraw_others(tx: Transaction, standard_id: str, kept: set[tuple[str, str]], *, working: int) -> None:
    """End every item that is not among the (kind, id) given."""
    rows = await tx.rows(select(_ITEMS).where(_ITEMS.c.standard_id == standard_id, _ITEMS.c.to_edition.is_(None)))
    gone = [row for row in rows if (row["kind"], row["item_id"]) not in kept]
    await _end(tx, gone, working=working)


async def _open_rows(tx: Transaction, standard_id: str, ids: set[str]) -> dict[tuple[str, str], Row]:
    rows = await tx.rows(
        select(_ITEMS).where(
            _ITEMS.c.standard_id == standard_id, _ITEMS.c.to_edition.is_(None), among(tx, _ITEMS.c.item_id, ids)
        )
    )
    return {(row["kind"], row["item_id"]): row for row in rows}


async def _end(tx: Transaction, rows: Sequence[Row], *, working: int) -> None:
    """An item that began and ended within the edition in work leaves an empty span, which no reading meets."""
    for kind in sorted({row["kind"] for row in rows}):
        ids = [row["item_id"] for row in rows if row["kind"] == kind]
        ending = update(_ITEMS).where(
            _ITEMS.c.standard_id == rows[0]["standard_id"],
            _ITEMS.c.kind == kind,
            _ITEMS.c.to_edition.is_(None),
            among(tx, _ITEMS.c.item_id, ids),
        )
        await tx.execute(ending.values(to_edition=working))


async def change_of(tx: Transaction, standard_id: str, *, edition: int) -> Change:
    """What an edition, published or in work, does to the one before it."""
    query = select(_ITEMS.c.kind, _ITEMS.c.item_id, _ITEMS.c.from_edition, _ITEMS.c.to_edition).where(
        _ITEMS.c.standard_id == standard_id, or_(_ITEMS.c.from_edition == edition, _ITEMS.c.to_edition == edition)
    )
    rows = [row for row in await tx.rows(query) if row["from_edition"] != row["to_edition"]]
    begun = {(row["kind"], row["item_id"]) for row in rows if row["from_edition"] == edition}
    ended = {(row["kind"], row["item_id"]) for row in rows if row["to_edition"] == edition}
    return Change(added=len(begun - ended), changed=len(begun & ended), withdrawn=len(ended - begun))


async def counts_at(tx: Transaction, standard_id: str, *, edition: int) -> dict[str, int]:
    query = select(_ITEMS.c.kind, func.count().label("n")).where(_ITEMS.c.standard_id == standard_id, at_edition(edition))
    found = {row["kind"]: row["n"] for row in await tx.rows(query.group_by(_ITEMS.c.kind))}
    return {kind.value: found[kind.value] for kind in ItemKind if kind.value in found}


async def activities_at(tx: Transaction, standard_id: str, *, edition: int) -> Mapping[str, str]:
    """Id → title, in the order of their ids."""
    query = select(_ITEMS).where(
        _ITEMS.c.standard_id == standard_id, _ITEMS.c.kind == ItemKind.ACTIVITY.value, at_edition(edition)
    )
    return {row["item_id"]: row["content"]["title"] for row in await tx.rows(query.order_by(_ITEMS.c.item_id))}


async def record_edition(tx: Transaction, standard: Standard, change: Change) -> None:
    row = {
        "standard_id": standard.id,
        "edition": standard.edition,
        "recorded_at": tx.at,
        "by": tx.cause.actor,
        "added": change.added,
        "changed": change.changed,
        "withdrawn": change.withdrawn,
        "counts": dict(standard.counts),
    }
    await tx.execute(insert(tables.standard_editions), row)
