"""The shortest plain text that a pattern lets through, for patterns as our own schemas use them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import import_module
from typing import Any

# Python's own parser of patterns, of which types know nothing.
parser: Any = import_module("re._parser")
constants: Any = import_module("re._constants")

_CLASSES = {"CATEGORY_DIGIT": "1", "CATEGORY_WORD": "a", "CATEGORY_SPACE": " "}
# What is plain before what is not.
_PLAIN = "a1A-_. "


def text_for(pattern: str) -> str | None:
    """None where this reading of the pattern gives nothing that it lets through."""
    found = "".join(_part(op, value) for op, value in parser.parse(pattern))
    return found if re.search(pattern, found) else None


def _part(op: Any, value: Any) -> str:
    found = ""  # anchors take no room
    match op:
        case constants.LITERAL:
            found = chr(value)
        case constants.IN:
            found = _one_of(value)
        case constants.MAX_REPEAT | constants.MIN_REPEAT:
            found = _all(value[2]) * int(value[0])
        case constants.SUBPATTERN:
            found = _all(value[3])
        case constants.BRANCH:
            found = _all(value[1][0])
        case constants.ANY:
            found = _PLAIN[0]
        case constants.NOT_LITERAL:
            found = next(text for text in _PLAIN if ord(text) != value)
    return found


def _all(parts: Iterable[tuple[Any, Any]]) -> str:
    return "".join(_part(op, value) for op, value in parts)


def _one_of(members: list[tuple[Any, Any]]) -> str:
    if members[0][0] is constants.NEGATE:
        excluded = {chr(value) for op, value in members if op is constants.LITERAL}
        return next(text for text in _PLAIN if text not in excluded)
    op, value = members[0]
    if op is constants.CATEGORY:
        return _CLASSES.get(str(value), "a")
    return chr(value[0] if op is constants.RANGE else value)
