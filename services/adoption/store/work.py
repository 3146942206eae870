"""Work and risk assessments of an adoption ↔ documents of its row; items of the playbook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any

from services.adoption import tables
from services.adoption.domain.m3 import Phase
from services.adoption.domain.playbook import Item, ItemKind
from services.adoption.domain.risk import Category, Level, Rating, RiskAssessment, Size
from services.adoption.domain.work import NO_WORK, ArtifactState, ArtifactStatus, Target, TaskState, TaskStatus, Work
from shared.db import Row
from shared.outbox import AggregateStore

_DAYS = ("on", "due_on", "target_on", "baseline_on")
Doc = dict[str, Any]


def work_of(found: Mapping[str, Any] | None) -> Work:
    if not found:
        return NO_WORK
    return Work(
        tasks=tuple(TaskState(**{**_dated(each), "status": TaskStatus(each["status"])}) for each in found["tasks"]),
        artifacts=tuple(
            ArtifactState(**{**_dated(each), "status": ArtifactStatus(each["status"])}) for each in found["artifacts"]
        ),
        targets=tuple(Target(**{**_dated(each), "phase": Phase(each["phase"])}) for each in found["targets"]),
    )


def work_document(work: Work) -> Doc:
    """Empty where nothing was said."""
    if work == NO_WORK:
        return {}
    return {
        "tasks": [_plain(asdict(each)) for each in work.tasks],
        "artifacts": [_plain(asdict(each)) for each in work.artifacts],
        "targets": [_plain(asdict(each)) for each in work.targets],
    }


def risk_of(found: Mapping[str, Any]) -> RiskAssessment:
    return RiskAssessment(
        n=found["n"],
        phase=Phase(found["phase"]),
        size=Size(found["size"]),
        ratings=tuple(_rating(each) for each in found["ratings"]),
        weights={Category(name): Decimal(weight) for name, weight in found["weights"].items()},
        on=date.fromisoformat(found["on"]),
        by=found["by"],
        reviewed_by=found["reviewed_by"],
    )


def _rating(found: Mapping[str, Any]) -> Rating:
    return Rating(
        category=Category(found["category"]),
        level=Level(found["level"]),
        grounds=found["grounds"],
        review=Level(found["review"]) if found["review"] else None,
        review_grounds=found["review_grounds"],
    )


def risk_document(assessment: RiskAssessment) -> Doc:
    weights = {category.value: str(weight) for category, weight in assessment.weights.items()}
    return {
        "n": assessment.n,
        "phase": assessment.phase.value,
        "size": assessment.size.value,
        "ratings": [asdict(rating) for rating in assessment.ratings],
        "weights": weights,
        "on": assessment.on.isoformat(),
        "by": assessment.by,
        "reviewed_by": assessment.reviewed_by,
    }


def _plain(found: Doc) -> Doc:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in found.items()}


def _dated(found: Mapping[str, Any]) -> Doc:
    return {name: date.fromisoformat(value) if name in _DAYS and value else value for name, value in found.items()}


def _item(row: Row) -> Item:
    return Item(**{**row, "kind": ItemKind(row["kind"]), "phase": Phase(row["phase"]) if row["phase"] else None})


def _item_row(item: Item) -> Doc:
    return {
        "kind": item.kind.value,
        "key": item.key,
        "phase": item.phase and item.phase.value,
        "title": item.title,
        "data": dict(item.data),
    }


playbook_items = AggregateStore(
    source="/adoption",
    name="playbook item",
    table=tables.playbook_items,
    outbox=tables.outbox,
    to_row=_item_row,
    from_row=_item,
)
