"""Readers of real files and how their rows become commands."""

from __future__ import annotations

from services.adoption.importers import fedramp
from shared.imports.files import ndjson_rows
from shared.imports.rows import ImportKind


def kinds() -> tuple[ImportKind, ...]:
    """Every kind of file that adoption imports; `fedramp` takes the rows that the gateway splits off."""
    return (ImportKind(kind=fedramp.KIND, roles=("coordinator", "omb"), read=ndjson_rows, apply=fedramp.apply),)


__all__ = ["kinds"]
