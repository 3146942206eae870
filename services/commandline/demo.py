"""`qsmo demo`: a server that fills itself with the real files at hand while you watch."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from services.commandline import importing, serving
from services.commandline.importing import ImportRequest
from services.installation import DataFolder
from shared.kernel.errors import QsmoError

FILES = (
    ("designations", "ussm/qsmo-designation-history.csv"),
    ("organizations", "agencies/agency_codes-2024-11-20.csv"),
    ("dotgov", "dotgov/current-federal-2024-12-20.csv"),
    ("fedramp", "fedramp/marketplace-2023-06-27.json"),
    ("fedramp", "fedramp/marketplace-2024-01-30.json"),
    ("fedramp", "fedramp/marketplace-2025-01-20.json"),
)
# Every file of a folder, by how it is read.
FOLDERS = (("standards", "fibf", "**/*.json"), ("controls", "nist", "*"))
_POLL_S = 0.2


async def demo(folder: DataFolder, *, host: str, port: int, real_data: Path) -> None:
    """Serves until stopped; the imports run beside it, in the order in which they make sense."""
    filling = asyncio.create_task(_fill(folder, real_data), name="demo")
    try:
        await serving.serve(folder, host=host, port=port, starter=True)
    finally:
        filling.cancel()
        await asyncio.gather(filling, return_exceptions=True)


async def _fill(folder: DataFolder, real_data: Path) -> None:
    while not (folder.served_at() or "").startswith("http"):
        await asyncio.sleep(_POLL_S)
    await asyncio.sleep(_POLL_S)
    more = ((kind, path) for kind, name, pattern in FOLDERS for path in sorted((real_data / name).glob(pattern)))
    for kind, file in (*((kind, real_data / name) for kind, name in FILES), *more):
        if not file.exists():
            sys.stderr.write(f"qsmo demo: {file} is not there; set QSMO_REAL_DATA to see {kind} imported.\n")
            continue
        try:
            await importing.run(folder, ImportRequest(kind=kind, file=file, validate_only=False, as_json=False))
        except QsmoError as error:
            sys.stderr.write(f"qsmo demo: {file.name}: {error}\n")
