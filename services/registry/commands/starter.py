"""Loads the starter facts through the same commands as everyone, once."""

from __future__ import annotations

from shared.db import Database


async def load(db: Database) -> None:
    """Nothing happens when the registry has a policy already."""
