"""Items of the M3 playbook, as files of it bring them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from services.adoption import store
from services.adoption.domain.playbook import Item
from shared.contracts.adoption import PlaybookItemChanged
from shared.contracts.fact import Fact
from shared.db import Transaction
from shared.imports.rows import Result


async def put_items(tx: Transaction, items: Sequence[Item]) -> list[Result]:
    """What became of each, in order. `items`: of distinct ids."""
    known = {item.id: item for item in await store.playbook_items.find_by(tx, "id", [item.id for item in items])}
    results = [_result(known.get(item.id), item) for item in items]
    changed = [item for item, result in zip(items, results, strict=True) if result is not Result.UNCHANGED]
    told: list[tuple[Item, Fact]] = [
        (replace(item, version=known[item.id].version if item.id in known else 0), _fact(item)) for item in changed
    ]
    await store.playbook_items.add_all(tx, [each for each in told if each[0].version == 0])
    await store.playbook_items.save_all(tx, [each for each in told if each[0].version > 0])
    return results


def _result(known: Item | None, item: Item) -> Result:
    if known is None:
        return Result.CREATED
    return Result.UNCHANGED if replace(known, version=0) == item else Result.UPDATED


def _fact(item: Item) -> PlaybookItemChanged:
    return PlaybookItemChanged(
        item_kind=item.kind.value, key=item.key, title=item.title, phase=item.phase.value if item.phase else None
    )
