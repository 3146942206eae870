"""Filters of the feed, in the grammar of `shared.filtering`: read, held against an event, and as far as it can in SQL."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, and_, or_

from services.gateway import tables
from services.gateway.feed.entry import Entry
from shared.filtering import All, Any_, Comparison, Filter, Not, Type, Vocabulary, days, parse

_c = tables.feed.c
VOCABULARY = Vocabulary(
    fields={
        "type": Type.WORD,
        "source": Type.WORD,
        "subject": Type.WORD,
        "focus_area": Type.WORD,
        "agency": Type.WORD,
        "actor": Type.WORD,
        "visibility": Type.WORD,
        "time": Type.DAY,
        "seq": Type.NUMBER,
    },
    example='focus_area = "cybersecurity" and (type = qsmo.registry.designation or source = catalog)',
)
_EQUAL: Mapping[str, Any] = {
    "subject": _c.subject,
    "focus_area": _c.focus_area,
    "agency": _c.agency,
    "actor": _c.actor,
    "visibility": _c.visibility,
}
_COMPARED: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@lru_cache(maxsize=1_024)
def condition(text: str) -> Filter:
    """Raises Malformed with the character at which the text is no filter."""
    return parse(text, VOCABULARY)


def holds(found: Filter, entry: Entry) -> bool:
    match found:
        case All(inner):
            return all(holds(each, entry) for each in inner)
        case Any_(inner):
            return any(holds(each, entry) for each in inner)
        case Not(inner):
            return not holds(inner, entry)
        case Comparison():
            return _compared(found, entry)


def _compared(found: Comparison, entry: Entry) -> bool:
    match found.field:
        case "type":
            return within(entry.type, str(found.value))
        case "source":
            return within(entry.type, _of_source(found))
        case "time":
            return bool(_COMPARED[found.operator](days(date.fromisoformat(entry.time[:10])), found.value))
        case name:
            return bool(_COMPARED[found.operator](getattr(entry, name), found.value))


def within(type_name: str, wanted: str) -> bool:
    """A type is itself and everything below it: `qsmo.registry.designation` for one."""
    stem = wanted.rstrip(".")
    return type_name == stem or type_name.startswith(stem + ".")


def _of_source(found: Comparison) -> str:
    """`/registry`, as events name it, or `registry`: all its types begin so."""
    return f"qsmo.{str(found.value).removeprefix('/')}"


def narrowing(found: Filter) -> list[ColumnElement[bool]]:
    """What surely holds of all that is wanted, so that the database can skip rows; `holds` still decides."""
    match found:
        case All(inner):
            return [clause for each in inner for clause in narrowing(each)]
        case Any_(inner):
            either = [narrowing(each) for each in inner]
            return [or_(*(and_(*clauses) for clauses in either))] if all(either) else []
        case Not():
            return []
        case Comparison():
            return _narrowed(found)


def _narrowed(found: Comparison) -> list[ColumnElement[bool]]:
    match found.field:
        case "type":
            return [_c.type.startswith(str(found.value).rstrip("."), autoescape=True)]
        case "source":
            return [_c.type.startswith(_of_source(found), autoescape=True)]
        case "time":
            return []
        case "seq":
            return [_COMPARED[found.operator](_c.seq, found.value)]
        case name:
            return [_EQUAL[name] == found.value]
