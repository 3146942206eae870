"""`PYTHONHASHSEED=0 python -m tests.reliability.simulation FIRST LAST`: a line of JSON for each seed."""

from __future__ import annotations

import dataclasses
import logging
import sys
import tempfile
import traceback
from pathlib import Path

import orjson
import structlog

from tests.reliability.simulation.world import SERVICES, Apps, World
from tests.support.templates import _migrated


def main(first: int, last: int) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable()  # what is killed complains
    parent = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=parent) as made:
        templates, folder = Path(made) / "templates", Path(made) / "data"
        templates.mkdir()
        folder.mkdir()
        apps = Apps(folder)
        for service in SERVICES:
            _migrated(f"sqlite+aiosqlite:///{templates / service}.db", service)
        for seed in range(first, last + 1):
            try:
                told = dataclasses.asdict(World(seed, apps, templates).run())
            except Exception:  # noqa: BLE001 - whatever a seed brings about is its result
                told = {"seed": seed, "faults": [traceback.format_exc()]}
            print(orjson.dumps(told).decode(), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
