"""Exports as tables, written whole before the first byte is sent: size and digest are known, and none is half a file."""

from __future__ import annotations

import asyncio
import base64
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import IO, Protocol, assert_never

from services.gateway.exports.columns import Column
from services.gateway.exports.lines import Items, JsonObject, Lines
from shared.kernel.errors import Invalid
from shared.web import sheets
from shared.web.sheets import Cell, ParquetRows, csv_of

# About 100 MiB of memory while a Parquet file is made (of items of 1.6 kB).
ROWS_MAX = 50_000
TABLES_AT_ONCE = 2
_ROWS_AT_ONCE = 500
_CHUNK_BYTES = 256 * 1024
_IN_MEMORY_BYTES = 1024 * 1024


class Tabular(StrEnum):
    """The formats of tables."""

    CSV = "csv"
    PARQUET = "parquet"


MEDIA_TYPES = {Tabular.CSV: sheets.CSV, Tabular.PARQUET: sheets.PARQUET}


class _Rows(Protocol):
    def add(self, rows: Sequence[Sequence[Cell]]) -> None: ...

    def end(self) -> None: ...


class _Csv:
    def __init__(self, file: IO[bytes], columns: Sequence[Column]) -> None:
        self._file = file
        self.add([[column.name for column in columns]])

    def add(self, rows: Sequence[Sequence[Cell]]) -> None:
        self._file.write(csv_of(rows).encode())

    def end(self) -> None: ...


class _Parquet:
    def __init__(self, file: IO[bytes], columns: Sequence[Column], about: Mapping[str, str]) -> None:
        self._file = file
        self._about = about
        self._rows = ParquetRows({column.name: column.kind for column in columns})
        self.add = self._rows.add

    def end(self) -> None:
        self._rows.write(self._file, about=self._about)


@dataclass(frozen=True, slots=True)
class Written:
    """`repr_digest` as RFC 9530 has it."""

    file: IO[bytes]
    size_bytes: int
    repr_digest: str

    async def chunks(self) -> Lines:
        with self.file:
            while chunk := await asyncio.to_thread(self.file.read, _CHUNK_BYTES):
                yield chunk


async def written(format_: Tabular, columns: Sequence[Column], items: Items, *, about: Mapping[str, str]) -> Written:
    """`about` goes into the file where the format has a place for it.

    Raises Invalid for more than ROWS_MAX rows, and what `items` raises.
    """
    with ExitStack() as stack:
        file = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES, prefix="qsmo-export-"))
        rows = _rows(format_, file, columns, about)
        count = 0
        async for some in _batched(items):
            count += len(some)
            if count > ROWS_MAX:
                detail = f"A file of {format_} holds {ROWS_MAX:,} rows at most, and this list is longer; take it as ndjson."
                raise Invalid.at("query:format", detail, code="too-many-rows")
            rows.add([[column.cell(item) for column in columns] for item in some])
        await asyncio.to_thread(rows.end)
        found = await asyncio.to_thread(_measured, file)
        stack.pop_all()
        return found


def _rows(format_: Tabular, file: IO[bytes], columns: Sequence[Column], about: Mapping[str, str]) -> _Rows:
    match format_:
        case Tabular.CSV:
            return _Csv(file, columns)
        case Tabular.PARQUET:
            return _Parquet(file, columns, about)
    assert_never(format_)


async def _batched(items: Items) -> AsyncIterator[Sequence[JsonObject]]:
    some: list[JsonObject] = []
    async for item in items:
        some.append(item)
        if len(some) == _ROWS_AT_ONCE:
            yield some
            some = []
    if some:
        yield some


def _measured(file: IO[bytes]) -> Written:
    size_bytes = file.tell()
    file.seek(0)
    digest = sha256()
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
    file.seek(0)
    return Written(file, size_bytes, f"sha-256=:{base64.b64encode(digest.digest()).decode()}:")
