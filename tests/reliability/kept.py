"""A plugin of `make reliability`: what passed is not run again, and the conformance suite of the bus is a row as well.

A long form may be stopped at any time. It begins anew once the folder of its rows is removed.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.reliability.ledger import PART, ROWS, Outcome

_SUITE = "tests/contract/test_bus.py"
_ADAPTERS = ("embedded", "kafka")


class Kept:
    """The tests that passed, each with its part."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "passed.txt"
        self._passed = set(self._file.read_text().splitlines()) if self._file.exists() else set()
        self._suite: Counter[tuple[str, bool]] = Counter()

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        done = [item for item in items if _name(item.nodeid) in self._passed and not item.nodeid.startswith(_SUITE)]
        config.hook.pytest_deselected(items=done)
        items[:] = [item for item in items if item not in done]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call":
            return
        for adapter in _ADAPTERS:
            if report.nodeid.startswith(_SUITE) and report.nodeid.endswith(f"[{adapter}]"):
                self._suite[adapter, report.passed] += 1
        if report.passed:
            with self._file.open("a") as file:
                file.write(f"{_name(report.nodeid)}\n")

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        for adapter in sorted({adapter for adapter, _ in self._suite}):
            counted = {"tests passed": self._suite[adapter, True], "failed": self._suite[adapter, False]}
            Outcome(name=f"conformance of the bus ({adapter})", counted=counted).told()
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:  # all has passed before
            session.exitstatus = pytest.ExitCode.OK


def _name(nodeid: str) -> str:
    return f"{nodeid} {PART}"


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Kept(Path(os.environ[ROWS])), "kept")
