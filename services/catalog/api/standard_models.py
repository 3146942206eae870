"""Wire models of standards."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from services.catalog.domain.standard import Flow, ItemKind, Kind, Status
from shared.kernel.target import Comparison, TargetKind, Unit
from shared.web.wire import Action, Identifier, Line, LongText, Reason, Shown, Wire

DetailName = Annotated[str, Field(pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$", max_length=80)]


class StandardShown(Shown):
    """`edition` counts what was published; `counts`: item kind → how many items the newest edition has."""

    id: str
    version: int
    title: str
    kind: Kind
    status: Status
    family: str
    focus_area: str | None
    source_version: str | None
    edition: int
    counts: dict[str, int]
    reason: str | None
    successor_id: str | None
    actions: list[Action] = Field(alias="_actions")


class ItemShown(Shown):
    """`details`: the further columns of its source."""

    id: str
    kind: ItemKind
    parent_id: str | None
    title: str
    statement: str
    flow: Flow | None
    reference: str | None
    details: dict[str, str]


class PlacedItem(ItemShown):
    standard_id: str


class ItemList(Shown):
    items: list[PlacedItem]


class TargetShown(Shown):
    """What the words of a target are understood as."""

    comparison: Comparison
    value: Decimal
    unit: Unit


class MeasureShown(Shown):
    """`target`: in the words of the standard; `comparable` is None where they state nothing that a result is held against."""

    id: str
    standard_id: str
    title: str
    statement: str
    target: str
    target_kind: TargetKind
    comparable: TargetShown | None


class MeasurePage(Shown):
    """`targets`: how many of each kind there are, whichever kind is listed."""

    items: list[MeasureShown]
    next_cursor: str | None
    targets: dict[TargetKind, int]


class ItemGiven(Wire):
    id: Annotated[Line, Field(max_length=256)]
    kind: ItemKind
    parent_id: Annotated[Line, Field(max_length=256)] | None = None
    title: Annotated[str, Field(max_length=300)] = ""
    statement: LongText = ""
    flow: Flow | None = None
    reference: LongText | None = None
    details: Annotated[dict[DetailName, LongText], Field(max_length=40)] = {}


class ItemsGiven(Wire):
    items: Annotated[list[ItemGiven], Field(min_length=1, max_length=500)]


class Turned(Wire):
    """`reason` is needed to return."""

    reason: Reason | None = None


class Superseded(Wire):
    """A successor or a reason."""

    successor_id: Identifier | None = None
    reason: Reason | None = None


class Edition(Shown):
    edition: int
    recorded_at: datetime
    by: str
    added: int
    changed: int
    withdrawn: int
    counts: dict[str, int]


class EditionList(Shown):
    items: list[Edition]


class ItemChanged(Shown):
    """`old` is null for what was added, `new` for what was withdrawn; `fields` names what differs."""

    old: ItemShown | None
    new: ItemShown | None
    fields: list[str]


class StandardDiff(Shown):
    standard_id: str
    before: int
    after: int
    changes: list[ItemChanged]


class StandardPage(Shown):
    items: list[StandardShown]
    next_cursor: str | None


class ItemPage(Shown):
    items: list[ItemShown]
    next_cursor: str | None
