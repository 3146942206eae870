"""Readers of real files and how their rows become commands."""

from __future__ import annotations

from services.adoption.importers import fedramp, inventory, m3, m3_file
from shared.imports.files import ndjson_rows
from shared.imports.rows import ImportKind

_ROLES = ("coordinator", "omb")


def kinds() -> tuple[ImportKind, ...]:
    """Every kind of file that adoption imports; `fedramp` takes the rows that the gateway splits off."""
    return (
        ImportKind(kind=fedramp.KIND, roles=_ROLES, read=ndjson_rows, apply=fedramp.apply),
        ImportKind(kind=m3.KIND, roles=_ROLES, read=m3_file.read, apply=m3.apply),
        ImportKind(kind=inventory.KIND, roles=_ROLES, read=inventory.read, apply=inventory.apply),
    )


__all__ = ["kinds"]
