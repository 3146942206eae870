"""Real public files, where they are at hand."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

REAL_DATA = Path(os.environ.get("QSMO_REAL_DATA", Path(__file__).resolve().parents[2] / ".." / "shared" / "data"))
needs_real_data = pytest.mark.skipif(not (REAL_DATA / "README.md").exists(), reason="QSMO_REAL_DATA is not at hand")


def mapping_rows(name: str) -> list[dict[str, Any]]:
    """The rows of a FedRAMP marketplace file that tell of agencies, as the gateway hands them to adoption."""
    document = json.loads((REAL_DATA / "fedramp" / name).read_text(encoding="utf-8"))["data"]
    sections = {"authorizations": document["AtoMapping"], "reuses": document["ReuseMapping"]}
    return [
        {"section": section, "number": number, "data": row}
        for section, rows in sections.items()
        for number, row in enumerate(rows, start=1)
    ]
