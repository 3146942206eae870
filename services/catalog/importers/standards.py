"""Files of business standards and control catalogs → editions of standards, every row accounted for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from services.catalog.commands import standards as commands
from services.catalog.commands.standards import Header
from services.catalog.domain.standard import Flow, Item, ItemKind, Kind
from services.catalog.importers import fibf, oscal
from services.catalog.importers.fibf import File, Found
from shared.db import Transaction
from shared.imports.files import refuse_archives
from shared.imports.rows import ImportRow, Outcome, Result
from shared.kernel.errors import Invalid

# Such files are read as a whole.
_FILE_MAX_BYTES = 64 << 20
_LAST = "standards"


def read_fibf(path: Path) -> Iterator[ImportRow]:
    """Raises Invalid for a file that is too large, no JSON, or no FIBF file."""
    return _rows(path, _fibf)


def read_oscal(path: Path) -> Iterator[ImportRow]:
    """Raises Invalid for a file that is too large, or no OSCAL catalog or profile."""
    return _rows(path, oscal.read)


def _fibf(content: bytes) -> File:
    try:
        return fibf.read(orjson.loads(content.removeprefix(b"\xef\xbb\xbf")))
    except orjson.JSONDecodeError as err:
        raise Invalid(f"The file is not JSON: {err}.") from err


def _rows(path: Path, read: Callable[[bytes], File]) -> Iterator[ImportRow]:
    """One row per item, then one for the standard itself, which publishes what differs."""
    refuse_archives(path)
    if (size := path.stat().st_size) > _FILE_MAX_BYTES:
        raise Invalid(f"The file has {size} bytes; a standard is read as a whole and has at most {_FILE_MAX_BYTES}.")
    file = read(path.read_bytes())
    kept = []
    for section, found in file.sections.items():
        for number, each in enumerate(found, start=1):
            if each.item is not None and each.earlier is None:
                kept.append([each.item.kind.value, each.item.id])
            yield ImportRow(section=section, number=number, data=_data(file, each, found))
    yield ImportRow(section=_LAST, number=1, data={"header": asdict(file.header), "kept": kept})


def _data(file: File, found: Found, section: Sequence[Found]) -> dict[str, Any]:
    first = section[found.earlier - 1].item if found.earlier is not None else found.item
    return {
        "standard": file.header.id,
        "item": asdict(found.item) if found.item else None,
        "fault": found.fault,
        "earlier": found.earlier,
        "same": found.item == first,
    }


async def apply(tx: Transaction, rows: Sequence[ImportRow]) -> list[Outcome]:
    """One outcome per row, in order."""
    if rows[0].section == _LAST:
        return [await _finish(tx, row) for row in rows]
    taken = [row for row in rows if row.data["item"] and row.data["earlier"] is None]
    results: dict[int, Result] = {}
    if taken:
        found = await commands.take_items(tx, taken[0].data["standard"], [_item(row.data["item"]) for row in taken])
        results = {row.number: result for row, result in zip(taken, found, strict=True)}
    return [Outcome(results[row.number]) if row.number in results else _left_out(row) for row in rows]


def _left_out(row: ImportRow) -> Outcome:
    if row.data["fault"]:
        return Outcome(Result.REFUSED, row.data["fault"])
    if row.data["same"]:
        return Outcome(Result.DUPLICATE)
    return Outcome(Result.REFUSED, f"The id stands in row {row.data['earlier']} of this file with other content.", "/id")


async def _finish(tx: Transaction, row: ImportRow) -> Outcome:
    header = row.data["header"]
    kept = {(kind, id_) for kind, id_ in row.data["kept"]}
    return Outcome(await commands.finish_file(tx, Header(**{**header, "kind": Kind(header["kind"])}), kept=kept))


def _item(found: dict[str, Any]) -> Item:
    return Item(**{**found, "kind": ItemKind(found["kind"]), "flow": Flow(found["flow"]) if found["flow"] else None})
