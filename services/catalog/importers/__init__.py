"""Readers of real files and how their rows become offerings."""

from __future__ import annotations

from services.catalog.importers import fedramp, standards
from shared.imports.rows import ImportKind


def kinds() -> tuple[ImportKind, ...]:
    """Every kind of file that the catalog imports."""
    owners = ("coordinator", "omb", "standards")
    return (
        ImportKind(kind="fedramp", roles=("coordinator", "omb"), read=fedramp.read, apply=fedramp.apply),
        ImportKind(kind="standards", roles=owners, read=standards.read_fibf, apply=standards.apply),
        ImportKind(kind="controls", roles=owners, read=standards.read_oscal, apply=standards.apply),
    )


__all__ = ["kinds"]
