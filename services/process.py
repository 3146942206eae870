"""What a container runs: one service of the cluster, `uvicorn --factory services.process:registry`."""

from __future__ import annotations

import gc
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.web.draining import Draining


def registry() -> Draining:
    return _loaded("registry")


def catalog() -> Draining:
    return _loaded("catalog")


def adoption() -> Draining:
    return _loaded("adoption")


def gateway() -> Draining:
    return _loaded("gateway")


def _loaded(service: str) -> Draining:
    """Its `production`, imported without the collector, which `tune_interpreter` starts: a sixth of the CPU of a start."""
    gc.disable()
    made: Draining = import_module(f"services.{service}.app").production()
    return made
