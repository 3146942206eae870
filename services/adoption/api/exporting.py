"""A figure as a file: CSV, lines of JSON, Parquet."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import astuple
from enum import StrEnum
from typing import Any, assert_never

import orjson
from fastapi import Response

from services.adoption.api.analytics_models import FigureShown, ValueShown
from shared.web.sheets import CSV, PARQUET, Kind, ParquetRows, csv_of

_COLUMNS = {"agency_id": Kind.TEXT, "key": Kind.TEXT, "value": Kind.INTEGER}
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


def exported(shown: FigureShown, written: Format) -> Response:
    """Rows alone; what they mean and come from is in the headers."""
    headers = {"QSMO-Definition": shown.definition, "QSMO-Facts": str(shown.range.facts)}
    if shown.range.last_event:
        headers["QSMO-Last-Event"] = shown.range.last_event
    match written:
        case Format.JSON | Format.NDJSON:
            return Response(b"".join(orjson.dumps(row) + b"\n" for row in shown.items), 200, headers, "application/x-ndjson")
        case Format.CSV:
            return Response(_csv(shown.items), 200, headers, CSV)
        case Format.PARQUET:
            return Response(_parquet(shown), 200, headers, PARQUET)
    assert_never(written)


def _csv(rows: Sequence[ValueShown]) -> str:
    return csv_of([list(_COLUMNS), *(astuple(row) for row in rows)])


def _parquet(shown: FigureShown) -> bytes:
    """The definition goes with the file."""
    rows = ParquetRows(_COLUMNS)
    rows.add([astuple(row) for row in shown.items])
    file = io.BytesIO()
    rows.write(file, about={"definition": shown.definition})
    return file.getvalue()
