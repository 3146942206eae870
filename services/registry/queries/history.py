"""What the outbox tells of any aggregate: its versions, who made them and why, and how two of them differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Select, select

from services.registry import tables
from shared.auth import Principal
from shared.contracts.fact import FACTS, Fact
from shared.db import Row, Transaction
from shared.web.paging import Page, PageRequest, page_of

# A fact about a part of an aggregate says only that part, under the part's own id; every other fact says the whole.
_PARTS = {"milestone_id": "milestones", "question_id": "questions", "seat": "votes", "element": "criteria"}
_WHOLE_PARTS = {"corrective_action": "corrective_actions"}
_KEPT = (*(f"{name}." for name in _PARTS.values()), *(f"{name}." for name in _WHOLE_PARTS.values()), "check.")
_IDENTITY = {
    "services": ("slug",),
    "codes": ("scheme", "value"),
    "aliases": ("name",),
    "years": ("fiscal_year",),
    "eras": ("until", "name"),
    "delegations": ("begins_on", "to"),
    "conditions": ("id",),
}
_SAID_OTHERWISE = frozenset({"plan_id", "focus_area", "host_organization_id", "number"})


@dataclass(frozen=True, slots=True)
class RecordedFact:
    """One fact: the version it led to, who, when, and what it said."""

    key: str
    version: int
    type: str
    actor: str
    recorded_at: datetime
    visibility: str
    focus_area: str | None
    data: dict[str, Any]

    def fact(self) -> Fact:
        return FACTS[self.type].model_validate(self.data)

    def is_seen(self, by: Principal) -> bool:
        """As on the feed."""
        return by.may_see(self.visibility, focus_area=self.focus_area, agency_codes=frozenset())


async def versions(tx: Transaction, key: str, request: PageRequest, *, by: Principal) -> Page[RecordedFact]:
    """The versions that this caller sees on the feed, oldest first."""
    page = await page_of(tx, _facts(key), by=[tables.outbox.c.aggregate_version], request=request, read=recorded)
    return Page([fact for fact in page.items if fact.is_seen(by)], page.next_cursor)


async def facts_until(tx: Transaction, key: str, version: int, *, by: Principal) -> list[RecordedFact]:
    """Those up to a version that this caller sees on the feed, oldest first."""
    c = tables.outbox.c
    rows = await tx.rows(_facts(key).where(c.aggregate_version <= version).order_by(c.aggregate_version))
    return [fact for row in rows if (fact := recorded(row)).is_seen(by)]


def _facts(key: str) -> Select[Any]:
    c = tables.outbox.c
    return select(tables.outbox).where(c.topic == "qsmo.registry", c.key == key)


def recorded(row: Row) -> RecordedFact:
    headers = row["headers"]
    return RecordedFact(
        key=row["key"],
        version=row["aggregate_version"],
        type=headers["ce_type"],
        actor=headers["ce_actor"],
        recorded_at=row["recorded_at"],
        visibility=headers["ce_visibility"],
        focus_area=headers.get("ce_focusarea"),
        data=orjson.loads(row["payload"]),
    )


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A path of the aggregate, and what it said before and after."""

    field: str
    before: Any
    after: Any


def changes(found: Sequence[RecordedFact], *, before: int, after: int) -> list[FieldChange]:
    old, new = content_at(found, before), content_at(found, after)
    changed = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    return [FieldChange(name, old.get(name), new.get(name)) for name in changed]


def content_at(found: Iterable[RecordedFact], version: int) -> dict[str, Any]:
    """What the facts up to this version say of the aggregate: path → value."""
    content: dict[str, Any] = {}
    for fact in found:
        if fact.version <= version:
            content = _after(content, fact)
    return content


def _after(content: dict[str, Any], fact: RecordedFact) -> dict[str, Any]:
    if (part := _part(fact)) is not None:
        return {**content, **part}
    return {**{path: value for path, value in content.items() if path.startswith(_KEPT)}, **dict(_flat(fact.data))}


def _part(fact: RecordedFact) -> dict[str, Any] | None:
    """What the fact says of a part, or None when it says the whole."""
    data, state = fact.data, {"state": fact.data.get("state")}
    if fact.type.endswith("plan.checked.v1"):
        return {**state, "check.complete": data["complete"], "check.note": data["note"]}
    for name, part in _WHOLE_PARTS.items():
        if name in data:
            return {**state, f"{part}.{data[name]['id']}": data[name]}
    for name, part in _PARTS.items():
        if name == "element" and name in data:
            return {**state, f"{part}.{data[name]}": data["status"]}
        if name in data:
            said = {path: value for path, value in _flat(data) if path not in {"state", name}}
            return {**state, **{f"{part}.{data[name]}.{path}": value for path, value in said.items()}}
    return None


def _flat(data: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Maps and lists of things with an identity become paths."""
    for name, value in data.items():
        if name in _SAID_OTHERWISE:
            continue
        if isinstance(value, dict):
            yield from ((f"{name}.{key}", inner) for key, inner in value.items())
        elif name in _IDENTITY and value and isinstance(value[0], dict):
            yield from ((f"{name}.{':'.join(str(item[k]) for k in _IDENTITY[name])}", item) for item in value)
        else:
            yield name, value
