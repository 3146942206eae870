"""A figure as a file: CSV, lines of JSON, Parquet."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, assert_never

import orjson
from fastapi import Response

from services.adoption.api.analytics_models import FigureShown, ScorecardShown, TimesInPhase
from services.adoption.schemas import RangeShown
from shared.web.sheets import CSV, PARQUET, Cell, Kind, ParquetRows, csv_of

_TEXT = {"schema": {"type": "string"}}
WRITTEN: dict[str, Any] = {
    "content": {
        "text/csv": _TEXT,
        "application/x-ndjson": _TEXT,
        PARQUET: {"schema": {"type": "string", "format": "binary"}},
    }
}


class Format(StrEnum):
    """How a figure is written."""

    JSON = "json"
    CSV = "csv"
    NDJSON = "ndjson"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """Rows under their columns, what they mean, and the facts that they come from."""

    columns: Mapping[str, Kind]
    rows: Sequence[tuple[Cell, ...]]
    definition: str
    range: RangeShown | None = None


def exported(sheet: Sheet, written: Format) -> Response:
    """Rows alone; what they mean and come from is in the headers."""
    headers = {"QSMO-Definition": sheet.definition}
    if sheet.range is not None:
        headers["QSMO-Facts"] = str(sheet.range.facts)
        headers |= {"QSMO-Last-Event": sheet.range.last_event} if sheet.range.last_event else {}
    match written:
        case Format.JSON | Format.NDJSON:
            lines = (orjson.dumps(dict(zip(sheet.columns, row, strict=True))) + b"\n" for row in sheet.rows)
            return Response(b"".join(lines), 200, headers, "application/x-ndjson")
        case Format.CSV:
            return Response(csv_of([list(sheet.columns), *sheet.rows]), 200, headers, CSV)
        case Format.PARQUET:
            return Response(_parquet(sheet), 200, headers, PARQUET)
    assert_never(written)


def _parquet(sheet: Sheet) -> bytes:
    """The definition goes with the file."""
    rows = ParquetRows(sheet.columns)
    rows.add(sheet.rows)
    file = io.BytesIO()
    rows.write(file, about={"definition": sheet.definition})
    return file.getvalue()


def values(shown: FigureShown) -> Sheet:
    columns = {"agency_id": Kind.TEXT, "key": Kind.TEXT, "value": Kind.INTEGER}
    rows = [(row.agency_id, row.key, row.value) for row in shown.items]
    return Sheet(columns=columns, rows=rows, definition=shown.definition, range=shown.range)


def scorecard(shown: ScorecardShown) -> Sheet:
    """A row per measure; `facts`: how many it comes from."""
    texts = dict.fromkeys(("dimension", "name", "definition", "unit", "missing"), Kind.TEXT)
    rows = [
        (
            each.dimension.value,
            each.name,
            each.definition,
            each.unit,
            each.missing,
            None if each.value is None else float(each.value),
            each.range.facts if each.range else None,
        )
        for each in shown.measures
    ]
    return Sheet(
        columns={**texts, "value": Kind.NUMBER, "facts": Kind.INTEGER},
        rows=rows,
        definition=f"The five dimensions of the balanced scorecard of {shown.focus_area}",
    )


def times(shown: TimesInPhase) -> Sheet:
    columns = {"phase": Kind.TEXT, "left": Kind.INTEGER, "median": Kind.NUMBER, "p90": Kind.INTEGER}
    rows = [(each.phase.value, each.left, float(each.median), each.p90) for each in shown.items]
    return Sheet(columns=columns, rows=rows, definition=shown.definition, range=shown.range)
