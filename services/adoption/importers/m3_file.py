"""Reads files of the M3 playbook: phases, key tasks, glossary, and risk weights, whatever each calls its fields.

The real files are pages turned into JSON: markup and no-break spaces inside texts, `responsibleParty` a word or a list,
`tollageInfo` for the tollgate, and phase 2 repeating the activities of phase 1.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from shared.imports.files import refuse_archives
from shared.imports.rows import ImportRow
from shared.kernel.errors import Invalid

_NOT_ALNUM = re.compile(r"[^a-z0-9]+")
_TAG = re.compile(r"<[^>]*>")
_SIZE_MAX_BYTES = 16 << 20
_TEXT_MAX_CHARS = 4_000
# Spellings of a field, letters and digits only → our name.
_SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "phase": ("phase", "phasenumber", "phaseid"),
    "task": ("keytask", "task", "tasknumber"),
    "id": ("id", "taskid", "identifier"),
    "name": ("name", "title", "text", "label"),
    "objective": ("objective", "purpose", "goal"),
    "party": ("responsibleparty", "responsible", "party"),
    "workstream": ("category", "workstream", "stream"),
    "activities": ("activities", "steps"),
    "activity_groups": ("activitiesgroups", "activitygroups"),
    "documentation": ("documentation", "documents", "artifacts"),
    "tollgate": ("tollageinfo", "tollgateinfo", "tollgate", "progressreview"),
    "exit_criteria": ("exitcriteria", "exitcriterion"),
    "inputs": ("inputs", "input"),
    "outputs": ("outputs", "output"),
    "stakeholders": ("stakeholders", "stakeholder"),
    "best_practice": ("bestpractice", "bestpractices"),
    "sections": ("sections",),
    "terms": ("terms",),
    "description": ("description", "definition"),
    "size": ("size", "projectsize"),
    "weight": ("weight",),
}
_NAMES = {spelling: name for name, spellings in _SYNONYMS.items() for spelling in spellings}
_LISTS_OF_A_PHASE = (("criteria", "exit_criteria"), ("artifacts", "documentation"), ("tollgate-items", "tollgate"))


def read(path: Path) -> Iterator[ImportRow]:
    """Rows of sections phases, criteria, artifacts, tollgate-items, tasks, terms and weights. Raises Invalid for others."""
    document = _document(path)
    if isinstance(document, dict) and "sections" in (given := fields(document)):
        yield from _terms(given["sections"])
        return
    rows = [fields(each) if isinstance(each, dict) else {} for each in document] if isinstance(document, list) else []
    names = {name for row in rows for name in row}
    if "weight" in names:
        yield from _numbered("weights", rows)
    elif "task" in names:
        yield from _numbered("tasks", rows)
    elif names & {"exit_criteria", "documentation"}:
        yield from _phases(rows)
    else:
        raise Invalid("This is no file of the M3 playbook: neither phases, key tasks, a glossary nor risk weights.")


def _document(path: Path) -> Any:
    refuse_archives(path)
    if path.stat().st_size > _SIZE_MAX_BYTES:
        raise Invalid(f"The file is larger than {_SIZE_MAX_BYTES >> 20} MiB.")
    try:
        return orjson.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as err:
        raise Invalid(f"The file is no JSON: {err}.") from err


def fields(found: Mapping[str, Any]) -> dict[str, Any]:
    """By our names; the first spelling counts, unknown fields are left out."""
    named: dict[str, Any] = {}
    for key, value in found.items():
        name = _NAMES.get(_NOT_ALNUM.sub("", str(key).lower()))
        if name is not None:
            named.setdefault(name, value)
    return named


def plain(value: Any) -> str:
    """One line of text without markup; empty for what is no text."""
    if isinstance(value, dict):
        value = fields(value).get("name")
    if not isinstance(value, str | int | float):
        return ""
    text = html.unescape(_TAG.sub("", str(value)))
    return "".join(each for each in " ".join(text.split()) if each.isprintable())[:_TEXT_MAX_CHARS]


def listed_in(row: Mapping[str, Any], name: str) -> list[Any]:
    found = row.get(name)
    return found if isinstance(found, list) else []


def texts(value: Any) -> list[str]:
    return [text for each in (value if isinstance(value, list) else [value]) if (text := plain(each))]


def _numbered(section: str, rows: list[dict[str, Any]]) -> Iterator[ImportRow]:
    for number, row in enumerate(rows, start=1):
        yield ImportRow(section=section, number=number, data=row)


def _phases(rows: list[dict[str, Any]]) -> Iterator[ImportRow]:
    met: list[tuple[Any, Any]] = []
    for number, row in enumerate(rows, start=1):
        repairs = []
        activities = row.get("activities")
        for earlier, known in met:
            if activities and activities == known:
                repairs.append(f"its activities are those of phase {earlier} again, and left out")
        met.append((row.get("phase"), activities))
        kept = {name: row.get(name) for name in ("phase", "name", "objective")}
        yield ImportRow(section="phases", number=number, data={**kept, "repairs": repairs})
    for section, name in _LISTS_OF_A_PHASE:
        listed = [{"phase": row.get("phase"), "name": plain(each)} for row in rows for each in listed_in(row, name)]
        yield from _numbered(section, listed)


def _terms(sections: Any) -> Iterator[ImportRow]:
    number = 0
    for section in sections if isinstance(sections, list) else []:
        given = fields(section) if isinstance(section, dict) else {}
        for term in given.get("terms") or []:
            number += 1
            found = fields(term) if isinstance(term, dict) else {}
            data = {"group": plain(given.get("name")), "name": found.get("name"), "description": found.get("description")}
            yield ImportRow(section="terms", number=number, data=data)
