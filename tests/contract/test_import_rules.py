"""Each import contract bites: a copy of the tree with one forbidden import breaks exactly that contract."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SEEDS = {
    "services-apart": ("services/catalog/queries/offerings.py", "import services.registry.queries"),
    "house": ("shared/process.py", "import services.embedded"),
    "owner-layers": ("services/registry/store/designations.py", "import services.registry.api"),
    "pure-domain": ("services/registry/domain/designation.py", "import sqlalchemy"),
    "kafka-adapter": ("services/registry/commands/areas.py", "import aiokafka"),
    "no-wire-inside": ("services/registry/commands/areas.py", "import fastapi"),
    "shared-layers": ("shared/kernel/time.py", "import shared.web.wire"),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("tree")
    for folder in ("services", "shared"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


@pytest.mark.parametrize("contract", SEEDS)
def test_a_seeded_violation_breaks_the_contract(tree: Path, contract: str) -> None:
    place, line = SEEDS[contract]
    original = (tree / place).read_text()
    try:
        (tree / place).write_text(original + f"\n{line}\n")
        done = subprocess.run(
            [Path(sys.executable).parent / "lint-imports", "--contract", contract, "--no-cache"],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree)},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        (tree / place).write_text(original)
    assert done.returncode == 1, done.stdout
    assert "BROKEN" in done.stdout
