"""Reads the register of Senior Accountable Points of Contact as it is published: a JSON file kept by hand.

25 rows in June 2026 (`_data/sapoc.json` of the USSM site), and no valid JSON: two trailing commas. Education stands there
twice, two names end in stray digits, a title is a blank, 12 rows have "TBD" for a name, and one department is listed under
its new name ("Department of War"). The rows say neither since when a person holds the post nor how they sign in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from services.registry.domain.names import normalize
from services.registry.importers.broken_json import FoundObject, objects_of

LIST = "agencies"
_OPEN = frozenset({"", "tbd", "vacant", "n/a", "none"})
_STRAY_DIGITS = re.compile(r"\s+\d+(?=\s|$)")
_TEXT_MAX_CHARS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterRow:
    """`holder` is None where the post is vacant; `repairs` is what was not as it should be."""

    number: int
    agency: str = ""
    holder: str | None = None
    title: str | None = None
    repairs: tuple[str, ...] = ()
    refusal: str | None = None
    duplicate_of: int | None = None


def read(path: Path) -> Iterator[RegisterRow]:
    """Rows in file order, numbered from 1. Raises Invalid for a file without the list, or that is cut off."""
    earlier: dict[str, RegisterRow] = {}
    for number, found in enumerate(objects_of(path, key=LIST), start=1):
        row = _row(number, found)
        first = earlier.setdefault(normalize(row.agency), row) if row.refusal is None else row
        yield row if first is row else _repeated(row, first)


def _repeated(row: RegisterRow, first: RegisterRow) -> RegisterRow:
    """The same again is a duplicate; two holders of one post are a contradiction."""
    if (row.holder, row.title) == (first.holder, first.title):
        return RegisterRow(number=row.number, agency=row.agency, repairs=row.repairs, duplicate_of=first.number)
    refusal = f"Row {first.number} names another holder for {row.agency}; the file contradicts itself."
    return RegisterRow(number=row.number, agency=row.agency, repairs=row.repairs, refusal=refusal)


def _row(number: int, found: FoundObject) -> RegisterRow:
    try:
        document = orjson.loads(found.text)
    except orjson.JSONDecodeError as error:
        return RegisterRow(number=number, refusal=f"The row is no JSON object: {error}.", repairs=tuple(found.repairs))
    repairs = list(found.repairs)
    given = {name: _plain(document, name, repairs) for name in ("agency", "sapoc", "title")}
    if refusal := _refusal(given):
        return RegisterRow(number=number, refusal=refusal, repairs=tuple(repairs))
    agency, name, title = (given[part] or "" for part in ("agency", "sapoc", "title"))
    holder = None if name.casefold() in _OPEN else _without_digits(name, repairs)
    if holder is not None and "title" in document and title.casefold() in _OPEN:
        repairs.append(f"the title is {title!r}")
        title = ""
    return RegisterRow(
        number=number, agency=agency, holder=holder, title=(title or None) if holder else None, repairs=tuple(repairs)
    )


def _plain(document: dict[str, Any], name: str, repairs: list[str]) -> str | None:
    """None for what is no text."""
    text = document.get(name, "")
    if not isinstance(text, str):
        return None
    plain = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    if plain != text and plain:
        repairs.append(f"odd spaces in {name}")
    return plain


def _refusal(given: dict[str, str | None]) -> str | None:
    for name, text in given.items():
        if text is None:
            return f"{name} must be text."
        if len(text) > _TEXT_MAX_CHARS:
            return f"{name} has more than {_TEXT_MAX_CHARS} characters."
    return None if given["agency"] else "The row names no agency."


def _without_digits(name: str, repairs: list[str]) -> str:
    plain = _STRAY_DIGITS.sub("", name).strip()
    if plain != name:
        repairs.append("stray digits in the name")
    return plain
