"""The playbook that adoptions go by: what is built in, with what files of M3 brought."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy import select

from services.adoption import store, tables
from services.adoption.domain import risk
from services.adoption.domain.m3 import Phase
from services.adoption.domain.playbook import ARTIFACTS, PHASES, TASKS, Artifact, Item, ItemKind, Party, Task, Workstream
from services.adoption.domain.risk import Category, Size
from shared.db import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbook:
    """By id; `items`: all that was imported, by kind and key."""

    tasks: Mapping[str, Task]
    artifacts: Mapping[str, Artifact]
    items: Mapping[tuple[ItemKind, str], Item]

    def of(self, kind: ItemKind) -> list[Item]:
        return [item for (found, _), item in self.items.items() if found is kind]

    def official(self, kind: ItemKind, key: str) -> str | None:
        item = self.items.get((kind, key))
        return item.title if item else None

    def weights(self, size: Size, phase: Phase) -> dict[Category, Decimal]:
        """The built-in table, with imported weights in their places."""
        found = risk.weights_of(size, phase)
        for category in Category:
            item = self.items.get((ItemKind.WEIGHT, weight_key(size, phase, category)))
            if item is not None:
                found[category] = Decimal(item.data["weight"])
        return found


def weight_key(size: Size, phase: Phase, category: Category) -> str:
    return f"{size}.{phase}.{category}"


async def playbook(tx: Transaction) -> Playbook:
    rows = await tx.rows(select(tables.playbook_items).order_by(tables.playbook_items.c.id))
    items = {(item.kind, item.key): item for item in map(store.playbook_items.from_row, rows)}
    tasks, artifacts = dict(TASKS), dict(ARTIFACTS)
    for (kind, key), item in items.items():
        if kind is ItemKind.TASK:
            tasks[key] = replace(tasks[key], official=item) if key in tasks else _task(item)
        elif kind is ItemKind.ARTIFACT and key not in artifacts and item.phase is not None:
            artifacts[key] = Artifact(id=key, phase=item.phase, title=item.title, imported=True)
    return Playbook(
        tasks=dict(sorted(tasks.items(), key=lambda each: _order(each[0]))),
        artifacts=dict(sorted(artifacts.items(), key=lambda each: PHASES.index(each[1].phase))),
        items=items,
    )


def _task(item: Item) -> Task:
    assert item.phase is not None, "the importer refuses a task without a phase"
    return Task(
        id=item.key,
        phase=item.phase,
        workstream=Workstream(item.data["workstream"]),
        party=Party(item.data["party"]),
        title=item.title,
        official=item,
    )


def _order(id_: str) -> tuple[int, ...]:
    return tuple(int(part) for part in id_.split("."))
