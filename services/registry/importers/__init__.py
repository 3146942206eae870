"""Readers of real files and how their rows become commands."""

from __future__ import annotations

from shared.imports.rows import ImportKind


def kinds() -> tuple[ImportKind, ...]:
    """Every kind of file that the registry imports."""
    return ()


__all__ = ["kinds"]
