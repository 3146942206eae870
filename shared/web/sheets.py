"""Rows as files that spreadsheets and analysts' tools read: CSV and Parquet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from arro3.core import DataType, RecordBatch

Cell = str | float | bool | None
PARQUET = "application/vnd.apache.parquet"
CSV = "text/csv; charset=utf-8"
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Kind(StrEnum):
    """What a column holds. TEXT is also what has no kind of its own."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    FLAG = "flag"


def csv_of(rows: Iterable[Sequence[Cell]]) -> str:
    """After RFC 4180; what a spreadsheet would take for a formula is quoted."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows([_plain(cell) for cell in row] for row in rows)
    return text.getvalue()


def _plain(cell: Cell) -> str | float | None:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    risky = isinstance(cell, str) and cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell)
    return f"'{cell}" if risky else cell


class ParquetRows:
    """Rows of one shape, packed as they come: in memory until they are written."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        from arro3.core import Field, Schema  # noqa: PLC0415 - 25 MB that nothing else needs

        self._types = [_type(kind) for kind in kinds.values()]
        self._schema = Schema([Field(name, each) for name, each in zip(kinds, self._types, strict=True)])
        self._batches: list[RecordBatch] = []

    def add(self, rows: Sequence[Sequence[Cell]]) -> None:
        """Each cell is of its column's kind or None."""
        from arro3.core import Array, RecordBatch  # noqa: PLC0415 - as above

        arrays = [Array([row[at] for row in rows], type_) for at, type_ in enumerate(self._types)]
        self._batches.append(RecordBatch.from_arrays(arrays, schema=self._schema))

    def write(self, file: IO[bytes], *, about: Mapping[str, str]) -> None:
        """`about` goes into the file's metadata."""
        from arro3.core import Table  # noqa: PLC0415 - as above
        from arro3.io import write_parquet  # noqa: PLC0415 - as above

        table = Table.from_batches(self._batches, schema=self._schema)
        write_parquet(table, file, compression="zstd(3)", key_value_metadata=dict(about))


def _type(kind: Kind) -> DataType:
    from arro3.core import DataType  # noqa: PLC0415 - as above

    types = {Kind.TEXT: DataType.utf8, Kind.INTEGER: DataType.int64, Kind.NUMBER: DataType.float64, Kind.FLAG: DataType.bool}
    return types[kind]()
