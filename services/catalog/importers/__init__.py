"""Readers of real files and how their rows become offerings."""

from __future__ import annotations

from services.catalog.importers import fedramp
from shared.imports.rows import ImportKind


def kinds() -> tuple[ImportKind, ...]:
    """Every kind of file that the catalog imports."""
    return (ImportKind(kind="fedramp", roles=("coordinator", "omb"), read=fedramp.read, apply=fedramp.apply),)


__all__ = ["kinds"]
