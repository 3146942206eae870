"""SQLAlchemy's asynchronous engine without the ORM that its package loads for sessions: 6 MB of every process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec, module_from_spec


@contextmanager
def _not_run(package: str) -> Iterator[None]:
    """It stands there, so that its parts are found; whoever imports it later gets it whole."""
    spec = find_spec(package)
    if package in sys.modules or spec is None:
        yield
        return
    sys.modules[package] = module_from_spec(spec)
    try:
        yield
    finally:
        del sys.modules[package]


with _not_run("sqlalchemy.ext.asyncio"):
    from sqlalchemy.ext.asyncio.engine import AsyncConnection, AsyncEngine, create_async_engine  # noqa: TID251 - here

__all__ = ["AsyncConnection", "AsyncEngine", "create_async_engine"]
