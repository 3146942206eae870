"""A figure as a file: CSV, lines of JSON, Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple
from enum import StrEnum
from typing import Any, assert_never

import orjson
from fastapi import Response

from services.adoption.api.analytics_models import FigureShown, ValueShown

_COLUMNS = ("agency_id", "key", "value")
_TEXT = {"schema": {"type": "string"}}
_PARQUET = "application/vnd.apache.parquet"
WRITTEN: dict[str, Any] = {
    "content": {
        "text/csv": _TEXT,
        "application/x-ndjson": _TEXT,
        _PARQUET: {"schema": {"type": "string", "format": "binary"}},
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
            return Response(_csv(shown.items), 200, headers, "text/csv; charset=utf-8")
        case Format.PARQUET:
            return Response(_parquet(shown), 200, headers, _PARQUET)
    assert_never(written)


def _csv(rows: Sequence[ValueShown]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    writer.writerows(astuple(row) for row in rows)
    return text.getvalue()


def _parquet(shown: FigureShown) -> bytes:
    """The definition goes with the file."""
    from arro3.core import Array, DataType, Table  # noqa: PLC0415 - 25 MB that nothing else needs
    from arro3.io import write_parquet  # noqa: PLC0415

    types = (DataType.utf8(), DataType.utf8(), DataType.int64())
    columns: dict[str, Any] = {
        name: Array([getattr(row, name) for row in shown.items], type_) for name, type_ in zip(_COLUMNS, types, strict=True)
    }
    file = io.BytesIO()
    write_parquet(Table.from_pydict(columns), file, key_value_metadata={"definition": shown.definition})
    return file.getvalue()
