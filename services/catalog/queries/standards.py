"""Standards, their items at an edition, and what changed between two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select

from services.catalog import store, tables
from services.catalog.domain.standard import Item, ItemKind, Kind, Standard, Status, changed_fields
from services.catalog.store.standard_items import at_edition, item
from shared.db import Row, Transaction
from shared.kernel.errors import NotFound
from shared.kernel.target import TargetKind, kind_of
from shared.web.listing import listing
from shared.web.paging import Page, PageRequest, page_of

_ITEMS = tables.standard_items
_LISTING = listing(tables.standards, "title", "kind", "status", "family", "focus_area", "edition", sorts=("title",))
_LISTED_ITEMS = listing(_ITEMS, "kind", "parent_id", renamed={"id": _ITEMS.c.item_id})


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardFilter:
    """What a list of standards is narrowed by."""

    kind: Kind | None = None
    area: str | None = None
    status: Status | None = None
    family: str | None = None


async def standards(tx: Transaction, wanted: StandardFilter, request: PageRequest) -> Page[Standard]:
    table = tables.standards
    query = select(table)
    for column, value in (
        (table.c.kind, wanted.kind),
        (table.c.focus_area, wanted.area),
        (table.c.status, wanted.status),
        (table.c.family, wanted.family),
    ):
        if value is not None:
            query = query.where(column == value)
    return await page_of(tx, query, by=[table.c.id], request=request, read=store.standards.from_row, listing=_LISTING)


async def standard_at(tx: Transaction, id: str, edition: int | None) -> tuple[Standard, int]:
    """The standard and the edition asked for; the newest published one without. Raises NotFound."""
    found = await store.standards.get(tx, id)
    chosen = found.edition if edition is None else edition
    if not 0 < chosen <= found.edition:
        raise NotFound(f"The standard {id!r} has no edition {chosen}; its newest is {found.edition}.")
    return found, chosen


async def standard_items(
    tx: Transaction,
    id: str,
    *,
    edition: int | None,
    kind: ItemKind | None,
    under: str | None,
    q: str | None,
    request: PageRequest,
) -> Page[Item]:
    """By id; `under`: only what has this item above it, at any height. Raises NotFound."""
    _, chosen = await standard_at(tx, id, edition)
    query = select(_ITEMS).where(_ITEMS.c.standard_id == id, at_edition(chosen))
    if kind is not None:
        query = query.where(_ITEMS.c.kind == kind.value)
    if under is not None:
        below = _ITEMS.c.item_id.startswith(f"{under}.", autoescape=True)
        query = query.where(or_(_ITEMS.c.parent_id == under, below))
    for word in (q or "").casefold().split():
        query = query.where(_ITEMS.c.search.contains(word, autoescape=True))
    by = [_ITEMS.c.item_id, _ITEMS.c.kind]
    return await page_of(tx, query, by=by, request=request, read=item, listing=_LISTED_ITEMS)


async def items_of_id(tx: Transaction, item_id: str) -> list[tuple[str, Item]]:
    """(standard id, item) of every standard whose newest edition has the id."""
    of = tables.standards
    query = select(_ITEMS).join(of, of.c.id == _ITEMS.c.standard_id).where(_ITEMS.c.item_id == item_id)
    rows = await tx.rows(query.where(_newest()).order_by(_ITEMS.c.standard_id, _ITEMS.c.kind))
    return [(row["standard_id"], item(row)) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A service measure of a standard in force, and what the words of its target give."""

    standard_id: str
    item: Item
    target: str
    target_kind: TargetKind


async def measures(tx: Transaction, *, standard_id: str | None, area: str | None) -> list[Measure]:
    """Of the newest edition of every standard that is not superseded."""
    of = tables.standards
    query = select(_ITEMS).join(of, of.c.id == _ITEMS.c.standard_id).where(_ITEMS.c.kind == ItemKind.MEASURE.value)
    query = query.where(_newest(), of.c.status != Status.SUPERSEDED.value)
    for column, value in ((of.c.id, standard_id), (of.c.focus_area, area)):
        query = query if value is None else query.where(column == value)
    return [_measure(row["standard_id"], item(row)) for row in await tx.rows(query)]


def _measure(standard_id: str, found: Item) -> Measure:
    target = found.details.get("target", "")
    return Measure(standard_id=standard_id, item=found, target=target, target_kind=kind_of(target))


def _newest() -> ColumnElement[bool]:
    """Of items joined to their standard."""
    newest = tables.standards.c.edition
    return (_ITEMS.c.from_edition <= newest) & (_ITEMS.c.to_edition.is_(None) | (_ITEMS.c.to_edition > newest))


async def editions(tx: Transaction, id: str) -> Sequence[Row]:
    """Oldest first. Raises NotFound."""
    await store.standards.get(tx, id)
    table = tables.standard_editions
    return await tx.rows(select(table).where(table.c.standard_id == id).order_by(table.c.edition))


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemChange:
    """An item before and after; None: not there. `fields` names what differs when it is in both."""

    old: Item | None
    new: Item | None
    fields: tuple[str, ...] = ()


async def item_changes(tx: Transaction, id: str, *, before: int, after: int) -> list[ItemChange]:
    """Between two editions, by kind and id. Raises NotFound."""
    for edition in (before, after):
        await standard_at(tx, id, edition)
    low, high = sorted((before, after))
    touched = select(_ITEMS).where(
        _ITEMS.c.standard_id == id,
        or_(_ITEMS.c.from_edition.between(low + 1, high), _ITEMS.c.to_edition.between(low + 1, high)),
    )
    rows = await tx.rows(touched)
    old = {(row["kind"], row["item_id"]): item(row) for row in rows if _stands(row, before)}
    new = {(row["kind"], row["item_id"]): item(row) for row in rows if _stands(row, after)}
    found = [(old.get(key), new.get(key)) for key in sorted({*old, *new})]
    return [
        ItemChange(old=was, new=now, fields=changed_fields(was, now) if was and now else ()) for was, now in found if was != now
    ]


def _stands(row: Row, edition: int) -> bool:
    return row["from_edition"] <= edition and (row["to_edition"] is None or row["to_edition"] > edition)
