"""One FedRAMP marketplace file → NDJSON spools, a section each, in one streaming pass."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import ijson
import orjson
from ijson.common import IncompleteJSONError, JSONError

from shared.imports.files import refuse_archives
from shared.kernel.errors import Invalid

Events = Iterator[tuple[str, Any]]

AGENCIES, PRODUCTS, AUTHORIZATIONS, REUSES = "agencies", "products", "authorizations", "reuses"
SECTIONS = (AGENCIES, PRODUCTS, AUTHORIZATIONS, REUSES)
_TABLES = {"Agencies": AGENCIES, "Products": PRODUCTS, "AtoMapping": AUTHORIZATIONS, "ReuseMapping": REUSES}
_REQUIRED = ("Agencies", "Products")
# Of an agency only its name and place count; its lists repeat the mapping tables.
_DROPPED = {AGENCIES: ("auths", "reuses", "procs", "email")}
_READ_BYTES = 1 << 16
_DEPTH_MAX = 32
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Spool:
    """Rows of one section as lines of `{"section", "number", "data"}`. Whoever holds it deletes it."""

    path: Path
    rows: int


def split(source: Path) -> dict[str, Spool]:
    """A spool per section, in the order of SECTIONS; nothing is left behind when it fails.

    Raises Invalid saying what is wrong with the file.
    """
    refuse_archives(source)
    paths: dict[str, Path] = {}
    try:
        with ExitStack() as stack:
            files: dict[str, IO[bytes]] = {}
            for section in SECTIONS:
                file = stack.enter_context(tempfile.NamedTemporaryFile(prefix="qsmo-fedramp-", delete=False))
                files[section] = file
                paths[section] = Path(file.name)
            counts = _write_rows(source, files)
    except BaseException:
        for path in paths.values():
            path.unlink(missing_ok=True)
        raise
    return {section: Spool(paths[section], counts[section]) for section in SECTIONS}


def _write_rows(source: Path, files: Mapping[str, IO[bytes]]) -> dict[str, int]:
    counts = dict.fromkeys(SECTIONS, 0)
    for section, data in marketplace_rows(source):
        counts[section] += 1
        for name in _DROPPED.get(section, ()):
            data.pop(name, None)
        files[section].write(_line(section, counts[section], data))
    return counts


def _line(section: str, number: int, data: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps({"section": section, "number": number, "data": data}, option=orjson.OPT_APPEND_NEWLINE)
    except (TypeError, ValueError) as err:
        raise Invalid(f"Row {number} of {section} cannot be read as JSON text: {err}.") from err


def marketplace_rows(source: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(section, row) in the order of the file. Raises Invalid."""
    with source.open("rb") as file:
        if file.read(len(_BOM)) != _BOM:
            file.seek(0)
        events: Events = ijson.basic_parse(file, use_float=True, buf_size=_READ_BYTES)
        found: set[str] = set()
        try:
            yield from _document(events, found)
            for _ in events:  # reads on to the end: what follows the document must be nothing
                pass
        except IncompleteJSONError as err:
            raise Invalid(f"The JSON is cut off or broken: {_said(err)}.") from err
        except (JSONError, UnicodeDecodeError) as err:
            raise Invalid(f"The file is not JSON: {_said(err)}.") from err
    if absent := [name for name in _REQUIRED if name not in found]:
        raise Invalid(
            f"This is JSON, but no FedRAMP marketplace file: it has no {' and no '.join(f'data.{n}' for n in absent)}."
        )


def _said(error: Exception) -> str:
    """The parser's first line, without the excerpt of the file."""
    text = error.args[0] if error.args else ""
    text = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    return text.strip().split("\n", 1)[0].removeprefix("parse error:").strip().rstrip(".") or "unreadable"


def _document(events: Events, found: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    _expect(events, "start_map", "an object at the top")
    for event, key in events:
        if event == "end_map":
            return
        if key == "data":
            yield from _data(events, found)
        else:
            _skip(events)


def _data(events: Events, found: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    _expect(events, "start_map", "an object in `data`")
    for event, key in events:
        if event == "end_map":
            return
        if key in _TABLES:
            found.add(key)
            yield from _table(events, key)
        else:
            _skip(events)


def _table(events: Events, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    _expect(events, "start_array", f"a list in `data.{name}`")
    section = _TABLES[name]
    for number, (event, _) in enumerate(events, start=1):
        if event == "end_array":
            return
        if event != "start_map":
            raise Invalid.at(f"/data/{name}/{number - 1}", f"Row {number} of data.{name} is no object.")
        yield section, _object(events, 1)


def _expect(events: Events, wanted: str, what: str) -> None:
    event, _ = next(events, ("nothing", None))
    if event != wanted:
        raise Invalid(f"This is no FedRAMP marketplace file: there must be {what}.")


def _skip(events: Events) -> None:
    """Past one value of any kind."""
    depth = 0
    for event, _ in events:
        if event in {"start_map", "start_array"}:
            depth += 1
        elif event in {"end_map", "end_array"}:
            depth -= 1
        if depth == 0:
            return


def _object(events: Events, depth: int) -> dict[str, Any]:
    row: dict[str, Any] = {}
    key = ""
    for event, value in events:
        if event == "map_key":
            key = value
        elif event == "end_map":
            break
        else:
            row[key] = value if event in _SCALARS else _nested(events, event, depth)
    return row


def _array(events: Events, depth: int) -> list[Any]:
    items: list[Any] = []
    for event, value in events:
        if event == "end_array":
            break
        items.append(value if event in _SCALARS else _nested(events, event, depth))
    return items


_SCALARS = frozenset({"string", "number", "boolean", "null"})


def _nested(events: Events, event: str, depth: int) -> Any:
    if depth >= _DEPTH_MAX:
        raise Invalid(f"The JSON is nested deeper than {_DEPTH_MAX} levels within a row.")
    return _object(events, depth + 1) if event == "start_map" else _array(events, depth + 1)
