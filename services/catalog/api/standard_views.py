"""Standards → representation, with what this caller may do next."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from services.catalog.api import standard_models as models
from services.catalog.domain.standard import MACHINE, Item, Standard
from services.catalog.policy import may_for_standard
from services.catalog.queries.standards import ItemChange, Measure
from shared.auth import Principal
from shared.kernel.target import parsed
from shared.web.wire import Action

# What imports do, no request to the standard itself.
_NOT_SHOWN = frozenset({"announce"})


def standard(found: Standard, *, by: Principal) -> models.StandardShown:
    return models.StandardShown(
        id=found.id,
        version=found.version,
        title=found.title,
        kind=found.kind,
        status=found.status,
        family=found.family,
        focus_area=found.focus_area,
        source_version=found.source_version,
        edition=found.edition,
        counts=dict(found.counts),
        reason=found.reason,
        successor_id=found.successor_id,
        actions=_actions(found, by=by),
    )


def _actions(found: Standard, *, by: Principal) -> list[Action]:
    possible = [
        transition
        for transition in MACHINE.transitions
        if transition.action not in _NOT_SHOWN and may_for_standard(by, transition.action, found)
    ]
    return [
        Action(
            action=transition.action,
            href=f"/v1/standards/{found.id}/{transition.action}",
            possible=found.status in transition.sources,
            missing=[]
            if found.status in transition.sources
            else [f"state {' or '.join(map(str, transition.sources))} (it is {found.status})"],
        )
        for transition in possible
    ]


def item(found: Item) -> models.ItemShown:
    return models.ItemShown(**_fields(found))


def placed(standard_id: str, found: Item) -> models.PlacedItem:
    return models.PlacedItem(standard_id=standard_id, **_fields(found))


def measure(found: Measure) -> models.MeasureShown:
    target = parsed(found.target)
    return models.MeasureShown(
        id=found.item.id,
        standard_id=found.standard_id,
        title=found.item.title,
        statement=found.item.statement,
        target=found.target,
        target_kind=found.target_kind,
        comparable=models.TargetShown(**asdict(target)) if target else None,
    )


def _fields(found: Item) -> dict[str, Any]:
    return {
        "id": found.id,
        "kind": found.kind,
        "parent_id": found.parent_id,
        "title": found.title,
        "statement": found.statement,
        "flow": found.flow,
        "reference": found.reference,
        "details": dict(found.details),
    }


def change(found: ItemChange) -> models.ItemChanged:
    return models.ItemChanged(
        old=item(found.old) if found.old else None,
        new=item(found.new) if found.new else None,
        fields=list(found.fields),
    )
