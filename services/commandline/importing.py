"""`qsmo import`: sends the file, shows how far it is, reports what became of every row."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import httpx
import orjson

from services.commandline.server import api
from services.installation import DataFolder
from shared.kernel.errors import Invalid
from shared.web.middleware import IMPORT_LIMIT_BYTES

_CHUNK_BYTES = 1 << 18
_POLL_S = 0.1
_SHOWN_ROWS = 10
_COUNTS = ("read", "created", "updated", "unchanged", "duplicate", "parked", "refused")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """What is asked for on the command line."""

    kind: str
    file: Path
    validate_only: bool
    as_json: bool


async def run(folder: DataFolder, request: ImportRequest) -> int:
    """The exit status: 0 when the whole file was read and applied. Raises Invalid with what the service says."""
    size = request.file.stat().st_size
    if size > IMPORT_LIMIT_BYTES:
        raise Invalid(
            f"{request.file} has {size} bytes; an import takes {IMPORT_LIMIT_BYTES} ({IMPORT_LIMIT_BYTES >> 20} MiB)."
        )
    async with api(folder) as client:
        operation = await _started(client, request)
        operation = await _followed(client, operation)
        rows = [] if request.as_json else await _telling_rows(client, operation)
    if operation["status"] != "succeeded":
        click.secho(f"The import {operation['status']}: {operation['detail']}", fg="red", bold=True, err=True)
        return 1
    if request.as_json:
        sys.stdout.write(orjson.dumps(operation["sections"], option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        _print_report(operation, rows, validate_only=request.validate_only)
    return 0


async def _started(client: httpx.AsyncClient, request: ImportRequest) -> dict[str, Any]:
    parameters = {"validate_only": "true"} if request.validate_only else {}
    answer = await client.post(
        f"/v1/imports/{request.kind}",
        content=_chunks(request.file),
        params=parameters,
        headers={"Content-Type": "application/octet-stream"},
    )
    return _checked(answer)


async def _chunks(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as handle:
        while chunk := handle.read(_CHUNK_BYTES):
            yield chunk


def _checked(answer: httpx.Response) -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads(answer.content)
    if answer.is_success:
        return document
    faults = "".join(f"\n  {fault['pointer'] or '/'}: {fault['detail']}" for fault in document.get("errors", []))
    raise Invalid(f"{document.get('detail', document)}{faults}")


async def _followed(client: httpx.AsyncClient, operation: dict[str, Any]) -> dict[str, Any]:
    bar: Any = None
    with ExitStack() as shown:
        while operation["status"] == "running":
            await asyncio.sleep(_POLL_S)
            operation = _checked(await client.get(f"/v1/operations/{operation['id']}"))
            if bar is None and operation["rows_total"] is not None:
                bar = shown.enter_context(_bar(f"importing {operation['kind']}", operation["rows_total"]))
            if bar is not None:
                bar.update(operation["rows_done"] - bar.pos)
    return operation


def _bar(label: str, rows: int) -> Any:
    return click.progressbar(
        length=rows, label=label, show_pos=True, show_eta=True, file=sys.stderr, hidden=not sys.stderr.isatty()
    )


async def _telling_rows(client: httpx.AsyncClient, operation: dict[str, Any]) -> list[dict[str, Any]]:
    answer = _checked(await client.get(f"/v1/operations/{operation['id']}/rows", params={"limit": _SHOWN_ROWS}))
    rows: list[dict[str, Any]] = answer["items"]
    return rows


def _print_report(operation: dict[str, Any], rows: list[dict[str, Any]], *, validate_only: bool) -> None:
    click.secho(f"{operation['kind']}: {'what would happen' if validate_only else 'imported'}", bold=True)
    table = [("section", *_COUNTS)]
    table += [(section, *(str(counts[name]) for name in _COUNTS)) for section, counts in operation["sections"].items()]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for first, *numbers in table:
        cells = [number.rjust(width) for number, width in zip(numbers, widths[1:], strict=True)]
        click.echo("  ".join([first.ljust(widths[0]), *cells]))
    for row in rows:
        click.echo(f"{row['section']} row {row['number']} {row['result']}: {row['reason']}")
    if rows:
        click.echo(f"All parked, refused and mended rows: GET /v1/operations/{operation['id']}/rows")
