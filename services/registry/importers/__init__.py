"""Readers of real files and how their rows become commands."""

from __future__ import annotations

from services.registry.importers import designations, organizations, outside_names, sapoc
from shared.imports.files import ndjson_rows
from shared.imports.rows import ImportKind

_ROLES = ("coordinator", "omb")


def kinds() -> tuple[ImportKind, ...]:
    """Every kind of file that the registry imports; `fedramp` takes the rows that the gateway splits off."""
    return (
        ImportKind(kind="organizations", roles=_ROLES, read=organizations.read, apply=organizations.apply),
        ImportKind(kind="dotgov", roles=_ROLES, read=outside_names.read_dotgov, apply=outside_names.apply_dotgov),
        ImportKind(kind="designations", roles=("omb",), read=designations.read, apply=designations.apply),
        ImportKind(kind="sapoc", roles=_ROLES, read=sapoc.read, apply=sapoc.apply),
        ImportKind(kind="fedramp", roles=_ROLES, read=ndjson_rows, apply=outside_names.apply_fedramp),
    )


__all__ = ["kinds"]
