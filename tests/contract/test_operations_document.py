from __future__ import annotations

import re
from pathlib import Path

from services.gateway.config import Settings

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "operations.md"


def test_every_setting_is_described_and_every_described_one_exists() -> None:
    """The gateway has the settings of every service and its own."""
    section = DOCUMENT.read_text().partition("## Settings")[2].partition("## Watch")[0]
    first_cells = (line.split("|")[1] for line in section.splitlines() if line.startswith("| `"))

    described = {name for cell in first_cells for name in re.findall(r"`([A-Z_]+)`", cell)}
    assert described == {name.upper() for name in Settings.model_fields}
