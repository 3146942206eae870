"""Reading uploaded files: bounded, decoded, and refused with a sentence that says what is wrong."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from shared.imports.rows import ImportRow
from shared.kernel.errors import Invalid

_ARCHIVES = {b"\x1f\x8b": "a gzip archive", b"PK": "a ZIP archive", b"BZh": "a bzip2 archive", b"\xfd7zXZ": "an xz archive"}
_FIELD_LIMIT_CHARS = 1 << 20
_SECTION_MAX_CHARS = 40


def refuse_archives(path: Path) -> None:
    """Raises Invalid for a compressed or empty file: what it would become cannot be bounded."""
    with path.open("rb") as file:
        head = file.read(6)
    if not head:
        raise Invalid("The file is empty.")
    for magic, what in _ARCHIVES.items():
        if head.startswith(magic):
            raise Invalid(f"The file is {what}; unpack it and send the plain file.")


def csv_rows(path: Path, *, required: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows by header name, numbered from 1: BOM, CRLF and extra columns are fine.

    Raises Invalid naming the absent columns, or the line that is no text or is cut off.
    """
    refuse_archives(path)
    csv.field_size_limit(_FIELD_LIMIT_CHARS)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            header = [name.strip() for name in reader.fieldnames or ()]
            if absent := [name for name in required if name not in header]:
                raise Invalid(
                    f"The CSV header lacks {', '.join(map(repr, absent))}; it has {', '.join(map(repr, header[:30]))}."
                )
            reader.fieldnames = header
            for number, row in enumerate(reader, start=1):
                yield number, _clean(row, number)
    except UnicodeDecodeError as err:
        raise Invalid(f"The file is not UTF-8 text (byte {err.start} of a block).") from err
    except csv.Error as err:
        raise Invalid(f"The CSV cannot be read: {err}. It may be cut off inside a quoted field.") from err


def _clean(row: dict[str, Any], number: int) -> dict[str, str]:
    if any(value is None for value in row.values()):
        raise Invalid(f"Row {number} has fewer fields than the header: the file may be cut off there.")
    cells = {name: value for name, value in row.items() if isinstance(name, str)}
    if any("\x00" in value for value in cells.values()):
        raise Invalid(f"Row {number} contains a NUL character: this is not a text file.")
    return cells


def ndjson_rows(path: Path) -> Iterator[ImportRow]:
    """Lines of `{"section": …, "number": …, "data": {…}}`. Raises Invalid naming the line."""
    refuse_archives(path)
    with path.open("rb") as file:
        for line_number, line in enumerate(file, start=1):
            yield _ndjson_row(line, line_number)


def _ndjson_row(line: bytes, line_number: int) -> ImportRow:
    try:
        document = orjson.loads(line)
        row = ImportRow(section=str(document["section"]), number=int(document["number"]), data=dict(document["data"]))
        if not (0 < len(row.section) <= _SECTION_MAX_CHARS and row.section.isprintable() and 0 < row.number < 1 << 31):
            raise ValueError("its section or number is out of bounds")
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as err:
        raise Invalid(f'Line {line_number} is not {{"section", "number", "data"}} as one line of JSON: {err}.') from err
    return row
