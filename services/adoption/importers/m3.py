"""Files of the M3 playbook → items of ours: official titles beside what is built in, and what is not built in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, TypeVar

from services.adoption.commands.playbook import put_items
from services.adoption.domain.m3 import Phase, criteria_of
from services.adoption.domain.playbook import PHASES, TASKS, Item, ItemKind, Party, Workstream, artifact_id, slug_of
from services.adoption.domain.risk import FULL, HALF, Category, Size
from services.adoption.importers.m3_file import fields, listed_in, plain, texts
from services.adoption.queries.playbook import weight_key
from shared.db import Transaction
from shared.imports.rows import ImportRow, Outcome, Result
from shared.kernel.errors import Invalid

KIND = "m3"
_E = TypeVar("_E", bound=StrEnum)
_KEY_MAX_CHARS = 100  # with its kind it is the key of a fact, which has 128
_TASK_ID = re.compile(r"[0-5]\.[1-9][0-9]?")
_STREAMS = {"programmanagement": Workstream.PROGRAM, "organization": Workstream.WORKFORCE}
# Exit criteria as the phase pages name them, in the order in which ours stand.
_OFFICIAL: Mapping[Phase, tuple[str, ...]] = {
    Phase.ASSESSMENT: (
        "In-Scope Service Area(s) and Function(s)",
        "Steering Committee Review of Project Business Case",
        "Vision Statement, Expected Benefits, and High Level Timelines",
    ),
    Phase.READINESS: (
        "Acquisition Strategy",
        "Baseline and Target Performance Success Metrics Defined; Aligned with Performance Framework",
        "Change Management Strategies Defined",
        "Completed Business Readiness Assessment",
        "Completed Project Business Case",
        "Confirmed Alignment of Business Capabilities against FIBF",
        "Data Quality Assessed",
        "Initial Master Schedule Defined",
        "Initial QSMO Marketplace Research Conducted",
        "Investment Readiness Checklist",
        "LCCE Developed",
        "Mitigation Plans in Place for Major Risks/Issues",
        "PMO and Governance Structure Defined",
        "Resources On-Boarded",
        "Risks and Issues Management Defined",
    ),
    Phase.SELECTION: (
        "Stakeholder Communications Delivered",
        "Initial Master Schedule Updated",
        "Life Cycle Cost Estimate",
        "Data Cleansing Commenced",
        "Business Needs Workbook",
        "Mitigation Plans for Major Risks/Issues",
        "Provider Selected and Agreement in Place",
        "Workforce Plan Ready for Execution",
    ),
    Phase.ENGAGEMENT: (
        "Go/No-Go Criteria Approved",
        "Integrated Master Schedule Drafted",
        "Migration Approach Finalized",
        "PMO and Governance Process Integrated",
        "Requirements Fit-Gap Analysis Completed",
        "SLAs Defined",
    ),
    Phase.MIGRATION: ("Go/No-Go Criteria Met",),
    Phase.OPERATIONS: (),
}


@dataclass(frozen=True, slots=True)
class _Read:
    """What a row says, with what is to be told about it."""

    item: Item
    reason: str = ""
    repairs: tuple[str, ...] = ()


async def apply(tx: Transaction, rows: Sequence[ImportRow]) -> list[Outcome]:
    """One outcome per row. A row whose item an earlier row of these has is a duplicate."""
    read = [_read(row) for row in rows]
    first: dict[str, int] = {}
    for n, found in enumerate(read):
        if isinstance(found, _Read):
            first.setdefault(found.item.id, n)
    fresh = {n: found for n, found in enumerate(read) if isinstance(found, _Read) and first[found.item.id] == n}
    results = dict(zip(fresh, await put_items(tx, [found.item for found in fresh.values()]), strict=True))
    return [_outcome(rows, n, found, results, first) for n, found in enumerate(read)]


def _outcome(
    rows: Sequence[ImportRow], n: int, found: _Read | Outcome, results: Mapping[int, Result], first: Mapping[str, int]
) -> Outcome:
    if isinstance(found, Outcome):
        return found
    if n not in results:
        return Outcome(Result.DUPLICATE, f"Row {rows[first[found.item.id]].number} of this section has the same.")
    return Outcome(results[n], found.reason, repairs=found.repairs)


def _read(row: ImportRow) -> _Read | Outcome:
    reader = _READERS.get(row.section)
    if reader is None:
        return Outcome(Result.REFUSED, f"There is no section {row.section!r} here.")
    try:
        return reader(row.data)
    except Invalid as fault:
        return Outcome(Result.REFUSED, fault.detail, fault.errors[0].pointer if fault.errors else "")


def _item(kind: ItemKind, key: str, title: str, phase: Phase | None, **data: Any) -> Item:
    key = key[:_KEY_MAX_CHARS]
    return Item(id=f"m3:{kind}:{key}", version=0, kind=kind, key=key, phase=phase, title=title, data=data)


def _phase_row(data: Mapping[str, Any]) -> _Read:
    phase = _phase(data)
    item = _item(ItemKind.PHASE, phase.value, _name(data), phase, objective=plain(data.get("objective")))
    return _Read(item, repairs=tuple(data.get("repairs") or ()))


def _criterion_row(data: Mapping[str, Any]) -> _Read:
    """Gates ask for the criteria in the code: a file gives them their official names and changes nothing else."""
    phase, name = _phase(data), _name(data)
    ours = dict(zip(map(slug_of, _OFFICIAL[phase]), criteria_of(phase), strict=True))
    criterion = ours.get(slug_of(name))
    if criterion is None:
        detail = f"Gates know no exit criterion {name!r} of {phase}; they change with a release, not with a file."
        raise Invalid.at("/name", detail, code="unknown-value")
    return _Read(_item(ItemKind.CRITERION, criterion.id, name, phase))


def _artifact_row(data: Mapping[str, Any]) -> _Read:
    phase, name = _phase(data), _name(data)
    return _Read(_item(ItemKind.ARTIFACT, artifact_id(phase, name), name, phase))


def _tollgate_row(data: Mapping[str, Any]) -> _Read:
    phase, name = _phase(data), _name(data)
    aside = re.search(r"\(([^)]*)\)$", name)
    key = f"{artifact_id(phase, name)}{'-' + slug_of(aside[1]) if aside else ''}"
    return _Read(_item(ItemKind.TOLLGATE_ITEM, key, name, phase))


def _task_row(data: Mapping[str, Any]) -> _Read:
    phase, name = _phase(data), _name(data)
    id_ = plain(data.get("id")) or f"{PHASES.index(phase)}.{plain(data.get('task'))}"
    if not _TASK_ID.fullmatch(id_) or PHASES[int(id_[0])] is not phase:
        raise Invalid.at("/id", f"{id_!r} is no task of phase {PHASES.index(phase)}.", code="unknown-value")
    grouped = [fields(each) for each in listed_in(data, "activity_groups") if isinstance(each, dict)]
    activities = [*listed_in(data, "activities"), *(each for group in grouped for each in listed_in(group, "activities"))]
    item = _item(
        ItemKind.TASK,
        id_,
        name,
        phase,
        workstream=_workstream(data).value,
        party=_party(data).value,
        objective=plain(data.get("objective")),
        activities=texts(activities),
        inputs=texts(data.get("inputs") or []),
        outputs=texts(data.get("outputs") or []),
        stakeholders=texts(data.get("stakeholders") or []),
        best_practice=texts(data.get("best_practice") or []),
    )
    return _Read(item, reason="" if id_ in TASKS else "It is not among the built-in tasks, and is added to them.")


def _term_row(data: Mapping[str, Any]) -> _Read:
    group, name = plain(data.get("group")), _name(data)
    item = _item(
        ItemKind.TERM, f"{slug_of(group)}-{slug_of(name)}"[:128], name, None, group=group, text=plain(data.get("description"))
    )
    return _Read(item)


def _weight_row(data: Mapping[str, Any]) -> _Read:
    phase = _phase(data)
    size = _one_of(Size, plain(data.get("size")), "/size")
    category = _one_of(Category, plain(data.get("workstream") or data.get("name")), "/category")
    try:
        weight = Decimal(plain(data.get("weight")))
    except InvalidOperation as err:
        raise Invalid.at("/weight", "The weight is no number.", code="unknown-value") from err
    if not weight.is_finite() or weight not in {FULL, HALF}:
        raise Invalid.at("/weight", f"A weight is {FULL} or {HALF}, not {weight}.", code="unknown-value")
    title = f"{category} of a {size} project in {phase}"
    return _Read(_item(ItemKind.WEIGHT, weight_key(size, phase, category), title, phase, weight=str(weight.normalize())))


def _phase(data: Mapping[str, Any]) -> Phase:
    """By number or by name."""
    given = plain(data.get("phase")).lower().removeprefix("phase ").strip()
    if given.isdecimal() and int(given) < len(PHASES):
        return PHASES[int(given)]
    return _one_of(Phase, given, "/phase")


def _name(data: Mapping[str, Any]) -> str:
    name = plain(data.get("name"))
    if not slug_of(name):
        raise Invalid.at("/name", "The row has no name.", code="missing")
    return name


def _workstream(data: Mapping[str, Any]) -> Workstream:
    given = slug_of(plain(data.get("workstream"))).replace("-", "")
    return _STREAMS.get(given) or _one_of(Workstream, given, "/category")


def _party(data: Mapping[str, Any]) -> Party:
    """Several are shared."""
    given = texts(data.get("party") or [])
    return _one_of(Party, given[0], "/responsibleParty") if len(given) == 1 else Party.SHARED


def _one_of(kind: type[_E], given: str, pointer: str) -> _E:
    try:
        return kind("-".join(given.lower().split()))
    except ValueError as err:
        raise Invalid.at(pointer, f"{given!r} is none of: {', '.join(kind)}.", code="unknown-value") from err


_READERS: Mapping[str, Callable[[Mapping[str, Any]], _Read]] = {
    "phases": _phase_row,
    "criteria": _criterion_row,
    "artifacts": _artifact_row,
    "tollgate-items": _tollgate_row,
    "tasks": _task_row,
    "terms": _term_row,
    "weights": _weight_row,
}
