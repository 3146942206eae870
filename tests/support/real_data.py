"""Real public files, where they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REAL_DATA = Path(os.environ.get("QSMO_REAL_DATA", Path(__file__).resolve().parents[2] / ".." / "shared" / "data"))
needs_real_data = pytest.mark.skipif(not (REAL_DATA / "README.md").exists(), reason="QSMO_REAL_DATA is not at hand")
